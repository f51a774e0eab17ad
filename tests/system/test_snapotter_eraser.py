"""SnapOtter's tool that erases (section 10 of its contract), through the public port, where no network fills."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from services.pictures.media_format import MediaFormat, sniff
from tests.system.pictures import encoded, opened
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_progress import events_of, result_of

TOOL = "/api/v1/tools/erase-object"
_WIDTH, _HEIGHT = 160, 120
_HOLE = (slice(50, 74), slice(60, 90))


def stripes() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Height x width x 3: stripes that repeat."""
    columns = np.arange(_WIDTH)
    row = np.stack([120 + 80 * np.sin(columns * 2 * np.pi / 16), 90 + columns / 2, np.full(_WIDTH, 60.0)], axis=-1)
    return np.tile(row.astype(np.uint8), (_HEIGHT, 1, 1))


def spoiled() -> bytes:
    """The stripes with something on them."""
    picture = stripes()
    picture[_HOLE] = (255, 0, 255)
    return encoded(Image.fromarray(picture), "PNG")


def mask(scale: int = 1, level: int = 255) -> bytes:
    """White where that is."""
    picture = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    picture[_HOLE] = level
    return encoded(Image.fromarray(np.repeat(np.repeat(picture, scale, 0), scale, 1)), "PNG")


async def sent(caller: SnapOtter, *parts: Part) -> httpx.Response:
    return await caller.form(TOOL, *parts)


async def erased(caller: SnapOtter, *fields: Part, picture: bytes | None = None, masked: bytes | None = None) -> Mapping[str, Any]:
    picture = spoiled() if picture is None else picture
    reply = await sent(caller, ("file", picture, "photo.png"), ("mask", mask() if masked is None else masked, "m.png"), *fields)
    assert reply.status_code == 202, reply.text
    body = reply.json()
    assert body == {"jobId": body["jobId"], "async": True}
    return await result_of(caller, body["jobId"])


async def test_what_is_white_is_filled_and_nothing_else_changes(person: SnapOtter) -> None:
    result = await erased(person)
    assert result.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize", "method"}
    assert result["downloadUrl"].endswith("/photo_erased.png")
    assert (result["method"], result["originalSize"]) == ("patches", len(spoiled()))
    made = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB"))
    outside = np.ones((_HEIGHT, _WIDTH), np.bool_)
    outside[_HOLE] = False
    np.testing.assert_array_equal(made[outside], stripes()[outside])
    assert np.abs(made[_HOLE].astype(int) - stripes()[_HOLE]).mean() < 6


async def test_a_mask_of_another_size_and_gray_is_taken(person: SnapOtter) -> None:
    result = await erased(person, masked=mask(scale=3, level=150))
    made = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB"))
    assert np.abs(made[_HOLE].astype(int) - stripes()[_HOLE]).mean() < 6


async def test_a_dark_mask_erases_nothing(person: SnapOtter) -> None:
    result = await erased(person, masked=mask(level=100))
    made = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB"))
    assert result["method"] == "none"
    assert (made[_HOLE] == (255, 0, 255)).all()


async def test_a_mask_over_everything_is_said_in_the_last_event(person: SnapOtter) -> None:
    white = encoded(Image.new("L", (20, 20), 255), "PNG")
    reply = await sent(person, ("file", spoiled(), "photo.png"), ("mask", white, "m.png"))
    *_, last = await events_of(person, reply.json()["jobId"])
    assert last["phase"] == "failed"
    assert last["error"].startswith("Object erasing failed: ")
    assert "mask" in last["error"]


@pytest.mark.cases(2)
@pytest.mark.parametrize("format_", ["auto", "png", "jpg", "jpeg", "webp", "tiff", "gif", "avif", "heic", "heif"])
async def test_each_format(person: SnapOtter, format_: str) -> None:
    result = await erased(person, ("format", format_), ("quality", "80"))
    content = await person.download(result["downloadUrl"])
    extension = {"jpeg": "jpg", "auto": "png"}.get(format_, format_)
    assert result["downloadUrl"].endswith(f"/photo_erased.{extension}")
    found = sniff(content[:4096], f"a.{extension}")
    assert isinstance(found, MediaFormat)
    assert extension in (*found.extensions, "heif", "heic")
    assert ("previewUrl" in result) is (format_ in ("tiff", "heic", "heif"))


@pytest.mark.thorough
async def test_less_quality_is_smaller(person: SnapOtter) -> None:
    noise = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 255, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)), "PNG")
    sizes = [(await erased(person, ("format", "jpg"), ("quality", quality), picture=noise))["processedSize"] for quality in ("30", "95")]
    assert sizes[0] < sizes[1] / 2


async def test_what_is_checked_in_which_order(person: SnapOtter) -> None:
    broken, fine, bad = b"no picture at all", spoiled(), ("format", "bmp")
    for parts, said in (
        ((("mask", broken, "m.png"), bad), "No image file provided"),
        ((("file", broken, "a.png"), bad), "mask"),
        ((("file", broken, "a.png"), ("mask", broken, "m.png"), bad), "Invalid image: "),
        ((("file", fine, "a.png"), ("mask", broken, "m.png"), bad), "Invalid mask: "),
        ((("file", fine, "a.png"), ("mask", mask(), "m.png"), bad), "Invalid settings"),
    ):
        reply = await sent(person, *parts)
        assert reply.status_code == 400, reply.text
        assert said in reply.json()["error"]


@pytest.mark.parametrize(
    ("field", "text"), [("format", "bmp"), ("quality", "0"), ("quality", "101"), ("quality", "90.5"), ("quality", "much")]
)
async def test_bad_settings(person: SnapOtter, field: str, text: str) -> None:
    reply = await sent(person, ("file", spoiled(), "a.png"), ("mask", mask(), "m.png"), (field, text))
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


async def test_a_name_that_the_client_gives_is_the_job(person: SnapOtter) -> None:
    name = str(uuid.uuid4())
    reply = await sent(person, ("file", spoiled(), "a.png"), ("mask", mask(), "m.png"), ("clientJobId", name))
    assert (reply.status_code, reply.json()) == (202, {"jobId": name, "async": True})
    result = await result_of(person, name)
    assert result["jobId"] != name
    assert result["downloadUrl"].endswith("/a_erased.png")


async def test_it_takes_no_batches(person: SnapOtter) -> None:
    batch = await person.form(f"{TOOL}/batch", ("file", spoiled(), "a.png"))
    assert (batch.status_code, batch.json()["error"]) == (404, 'Tool "erase-object" not found')
