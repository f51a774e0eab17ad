"""Every documented limit of Pilio's API on both sides of its boundary, through the public port.

A request is checked field by field before anything is looked up, and a file that does not exist is found out before a task is made. So on
the allowed side each of these calls fails with *no such file*, and no case costs a task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.system.pilio import NANOID, Pilio

CREATE, COMPLETE = "/v1/files/batch-create", "/v1/files/1/complete"
CUT, UPSCALE, CLEAN = "/v1/images/remove-background", "/v1/images/upscale", "/v1/images/remove-watermark"
GPT, BANANA, PDF = "/v1/images/gpt-image-2", "/v1/images/nano-banana-2", "/v1/pdfs/remove-watermark"
GIB2 = 2**31
NO_FILE, NO_UPLOAD, INVALID, MALFORMED, TOO_MANY, TOO_LARGE, KIND = 40401, 1510, 40001, 40000, 1505, 40002, 40005

IMAGE = {"image_file_id": "1"}
BODIES: dict[str, dict[str, Any]] = {
    CREATE: {"files": [{"nanoid": NANOID, "name": "a.png", "type": "png"}]},
    COMPLETE: {"parts": [{"part_number": 1, "etag": "x"}]},
    CUT: IMAGE,
    UPSCALE: IMAGE,
    CLEAN: IMAGE,
    GPT: {"prompt": "A cup", "image_file_ids": ["1"]},
    BANANA: {"prompt": "A cup", "image_file_ids": ["1"]},
    PDF: {"pdf_file_id": "1"},
}
"""A request of each call that nothing is wrong with, but that there is no file 1."""
PASSED = {CREATE: 200, COMPLETE: NO_UPLOAD}
"""What such a request gets, if not NO_FILE."""
BOX = {"x1": 10, "y1": 15, "x2": 60, "y2": 70}


@dataclass(frozen=True)
class Limit:
    """What a field of a call may and may not be. A value of None leaves the field out."""

    path: str
    field: str
    allowed: tuple[Any, ...]
    refused: tuple[Any, ...]
    blamed: str = ""
    code: int = INVALID


def _boxes(*changes: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [{name: value for name, value in (BOX | (change or {})).items() if value is not None} for change in changes]


def _sources(**changes: Any) -> list[dict[str, Any]]:
    source = {"nanoid": NANOID, "name": "a.png", "type": "png"} | changes
    return [{name: value for name, value in source.items() if value is not None}]


def _parts(*numbers: int, etag: str = "x") -> list[dict[str, Any]]:
    return [{"part_number": number, "etag": etag} for number in numbers]


def _references(count: int) -> list[str]:
    return ["1"] * count


GPT_RATIOS = ("1:1", "3:2", "2:3", "3:4", "4:3", "4:5", "5:4", "16:9", "9:16", "21:9", "auto")
BANANA_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1")
LIMITS = [
    Limit(CREATE, "files", (_sources(), _sources() * 500), (None, []), "files"),
    Limit(CREATE, "files", (), (_sources() * 501,), "files", TOO_MANY),
    Limit(
        CREATE,
        "files",
        (_sources(nanoid="_-" + "a" * 19),),
        tuple(_sources(nanoid=bad) for bad in (None, "", "a" * 20, "a" * 22, "é" * 21, "a b" * 7)),
        "files[0].nanoid",
    ),
    Limit(
        CREATE,
        "files",
        (_sources(name="é" * 296 + ".png"),),
        tuple(_sources(name=bad) for bad in (None, "", "é" * 297 + ".png", "a.jpg", "png", "../a.png", "a\n.png")),
        "files[0].name",
    ),
    Limit(
        CREATE,
        "files",
        tuple(_sources(name=f"a.{kind}", type=kind) for kind in ("jpg", "jpeg", "png", "webp", "heic", "pdf")),
        (_sources(type=None), _sources(type="")),
        "files[0].type",
    ),
    Limit(
        CREATE,
        "files",
        (_sources(name="a.PNG"), _sources(name="a.jpeg", type="jpg")),
        (_sources(name="a.exe", type="exe"),),
        "files[0].type",
        KIND,
    ),
    Limit(CREATE, "files", tuple(_sources(size=size) for size in (None, 0, 1, GIB2)), (_sources(size=-1),), "files[0].size"),
    Limit(CREATE, "files", (), (_sources(size=GIB2 + 1),), "files[0].size", TOO_LARGE),
    Limit(CREATE, "upload_mode", (None, "auto", "simple"), ("", "AUTO", "zip"), "upload_mode"),
    Limit(CREATE, "upload_mode", (), ("multipart",), "files[0].size"),
    Limit(CREATE, "storage_intent", (None, "temporary", "permanent"), ("", "eternal"), "storage_intent"),
    Limit(COMPLETE, "parts", (None, [], _parts(1), _parts(*range(1, 10_001))), (_parts(*range(1, 10_002)),), "parts"),
    Limit(COMPLETE, "parts", (), (_parts(0), _parts(-1), [{"etag": "x"}]), "parts[0].part_number"),
    Limit(
        COMPLETE,
        "parts",
        (_parts(1, etag="x" * 200),),
        (_parts(1, etag=""), _parts(1, etag="x" * 201), [{"part_number": 1}]),
        "parts[0].etag",
    ),
    *(Limit(path, "image_file_id", ("1", "9" * 15, "9" * 40, "nonsense"), (None, ""), "image_file_id") for path in (CUT, UPSCALE, CLEAN)),
    Limit(PDF, "pdf_file_id", ("1", "nonsense"), (None, ""), "pdf_file_id"),
    Limit(
        CUT,
        "industry_type",
        (None, "portrait", "product", "human", "person", "humanv2", "goods", "commodity", "productv2", "general"),
        ("", "Portrait", "pet"),
        "industry_type",
    ),
    Limit(CUT, "quality_type", (None, "original", "fast", "speed", "draft", "preview", "low"), ("", "FAST", "best"), "quality_type"),
    Limit(CUT, "trim_transparent_background", (None, True, False), (), ""),
    Limit(UPSCALE, "method", (None, "ai_super_resolution", "super_resolution", "enhance"), ("", "magic"), "method"),
    Limit(UPSCALE, "preset", (None, "auto", "hd"), ("", "4k"), "preset"),
    Limit(UPSCALE, "type", (None, "2X", "3X", "4X", "8X", "2x", "3x", "4x", "8x"), ("", "1X", "5X", "16X", "2", "2X" * 11), "type"),
    *(Limit(UPSCALE, f"enhance_{what}", (None, True, False), (), "") for what in ("face", "quality", "text")),
    Limit(CLEAN, "mode", (None, "auto"), ("", "magic"), "mode"),
    Limit(CLEAN, "mode", (), ("manual",), "boxes"),
    Limit(CLEAN, "boxes", tuple(_boxes(*[None] * count) for count in (1, 5)), (_boxes(*[None] * 6),), "boxes"),
    Limit(CLEAN, "boxes", (_boxes({"x1": 0, "y1": 0, "x2": 100, "y2": 100}),), (_boxes(None, {"x2": 101}),), "boxes[1].x2"),
    *(Limit(CLEAN, "boxes", (), tuple(_boxes({side: bad}) for bad in (-1, 101, None)), f"boxes[0].{side}") for side in BOX),
    Limit(CLEAN, "boxes", (_boxes({"x1": 59, "y1": 69}),), (_boxes({"x1": 60}), _boxes({"y1": 71})), "boxes[0]"),
    Limit(PDF, "mode", (None, "editable", "ai"), ("", "magic"), "mode"),
    *(Limit(path, "prompt", ("A", "é" * 32_000), (None, "", "é" * 32_001), "prompt") for path in (GPT, BANANA)),
    *(Limit(path, "negative_prompt", (None, "", "é" * 32_000), ("é" * 32_001,), "negative_prompt") for path in (GPT, BANANA)),
    Limit(GPT, "image_file_ids", tuple(map(_references, (1, 16))), (_references(17),), "image_file_ids"),
    Limit(BANANA, "image_file_ids", tuple(map(_references, (1, 14))), (_references(15),), "image_file_ids"),
    *(Limit(path, "image_file_ids", (), ([""],), "image_file_ids[0]") for path in (GPT, BANANA)),
    *(Limit(path, "image_file_ids", (), (None, []), "aspect_ratio") for path in (GPT, BANANA)),
    Limit(GPT, "aspect_ratio", (None, *GPT_RATIOS), ("", "1:4", "8:1", "3:1"), "aspect_ratio"),
    Limit(BANANA, "aspect_ratio", (None, *BANANA_RATIOS), ("", "auto", "3:1"), "aspect_ratio"),
    *(Limit(path, "output_count", (None, 1, 2, 4), (0, 3, 5, -1), "output_count") for path in (GPT, BANANA)),
    *(Limit(path, "resolution", (None, "0.5K", "1K", "2K", "4K"), ("", "1k", "8K"), "resolution") for path in (GPT, BANANA)),
    Limit(GPT, "quality", (None, "auto", "low", "medium", "high"), ("", "best"), "quality"),
    *(Limit(path, "preprocess_mode", (None, "off", "auto"), ("", "on"), "preprocess_mode") for path in (GPT, BANANA)),
]


def _requests(limit: Limit, values: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    for value in values:
        body = {**BODIES[limit.path], limit.field: value}
        if limit.field == "boxes":
            body["mode"] = "manual"
        yield {name: each for name, each in body.items() if each is not None}


@pytest.mark.parametrize("path", BODIES)
async def test_both_sides_of_every_limit(pilio: Pilio, path: str) -> None:
    for limit in (limit for limit in LIMITS if limit.path == path):
        for body in _requests(limit, limit.allowed):
            response = await pilio.post(path, body)
            assert response.json()["code"] == PASSED.get(path, NO_FILE), (limit.field, response.text)
        for body in _requests(limit, limit.refused):
            response = await pilio.post(path, body)
            refusal = (response.status_code, response.json()["code"], response.json()["data"].get("field"))
            assert refusal == (400, limit.code, limit.blamed), (limit.field, str(body)[:200], response.text)


@pytest.mark.parametrize("path", BODIES)
async def test_fields_that_nobody_knows_are_tolerated_and_types_are_not(pilio: Pilio, path: str) -> None:
    body = BODIES[path]
    known = (await pilio.post(path, body)).json()["code"]
    assert (await pilio.post(path, {**body, "colour": "red", "future": {"x": [1, None]}})).json()["code"] == known
    for name, value in body.items():
        # A list of one may be sent as that one.
        wrong = {"x": {"y": 1}} if isinstance(value, str) or isinstance(value[0], str) else "text"
        response = await pilio.post(path, {**body, name: wrong})
        assert (response.status_code, response.json()["code"]) == (400, MALFORMED), response.text
        assert response.json()["data"]["field"] == name, response.text
        assert response.json()["message"].startswith(f"{name}: must"), response.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CREATE, {"files": [{"nanoid": NANOID, "name": "a.png", "type": "png", "size": "1024"}]}),
        (CREATE, {"files": [{"nanoid": NANOID, "name": "a.png", "type": "png", "size": 1024.0}], "uploadMode": "simple"}),
        (CREATE, {"files": {"nanoid": NANOID, "name": "a.png", "type": "png"}, "upload_mode": None}),
        (CUT, {"imageFileId": "1", "trimTransparentBackground": "true"}),
        (CLEAN, {"image_file_id": "1", "mode": "manual", "boxes": BOX}),
        (CLEAN, {"image_file_id": "1", "boxes": []}),
        (GPT, {"prompt": "A cup", "image_file_ids": "1", "output_count": "2"}),
        (GPT, {"prompt": "A cup", "image_file_ids": ["1", None], "resolution": None}),
        (COMPLETE, {"parts": {"part_number": "1", "etag": "x"}}),
    ],
)
async def test_other_ways_to_write_a_value_that_are_understood(pilio: Pilio, path: str, body: dict[str, Any]) -> None:
    """docs/explanation/pilio-differences.md lists them."""
    response = await pilio.post(path, body)
    assert response.json()["code"] == PASSED.get(path, NO_FILE), response.text


@pytest.mark.parametrize("call", ["status", "result"])
async def test_how_long_an_answer_may_be_waited_for(pilio: Pilio, call: str) -> None:
    for wait, status, code in (("0", 404, 40402), ("60", 404, 40402), ("61", 400, INVALID), ("-1", 400, INVALID), ("1.5", 400, MALFORMED)):
        response = await pilio.get(f"/v1/tasks/1/{call}?wait={wait}")
        assert (response.status_code, response.json()["code"]) == (status, code), (wait, response.text)


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/files", "/v1/ledger", "/v1/webhook-deliveries"])
async def test_how_many_a_page_may_hold(pilio: Pilio, path: str) -> None:
    for size, allowed in ((1, True), (1000, True), (0, False), (1001, False)):
        response = await pilio.get(f"{path}?page_size={size}")
        assert (response.status_code == 200) == allowed, (size, response.text)
        assert allowed or response.json()["data"]["field"] == "page_size"
    refused = await pilio.get(f"{path}?page_token=nonsense")
    assert (refused.status_code, refused.json()["data"]["field"]) == (400, "page_token")


async def test_how_long_an_idempotency_key_may_be(pilio: Pilio) -> None:
    for key, allowed in (("k", True), ("k" * 255, True), ("k" * 256, False), ("", False)):
        headers = {**pilio.headers, "Idempotency-Key": key}
        response = await pilio.http.post(pilio.url + CREATE, json=BODIES[CREATE], headers=headers)
        assert (response.status_code == 200) == allowed, (len(key), response.text)
