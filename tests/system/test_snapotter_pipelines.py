"""Executing pipelines (section 7 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded
from tests.system.snapotter import Part, SnapOtter

EXECUTE = "/api/v1/pipeline/execute"
PICTURE = encoded(disc(160, 120), "PNG")
PHOTO = encoded(disc(160, 120), "JPEG")
SMALLER = ("resize", {"width": 40})
ROTATE = ("rotate", {"angle": 90})
TO_WEBP = ("convert", {"format": "webp"})
TOO_LARGE = ("resize", {"percentage": 100_000})
CROP_OUTSIDE = ("crop", {"left": 0, "top": 0, "width": 5000, "height": 10})


def steps_of(*steps: tuple[str, object]) -> list[dict[str, object]]:
    return [{"toolId": tool} | ({} if settings is None else {"settings": settings}) for tool, settings in steps]


async def execute(caller: SnapOtter, pipeline: object, picture: bytes = PICTURE, name: str = "photo.png", **fields: str) -> httpx.Response:
    parts: list[Part] = [("file", picture, name)]
    if pipeline is not None:
        parts.append(("pipeline", pipeline if isinstance(pipeline, str) else json.dumps(pipeline)))
    return await caller.form(EXECUTE, *parts, *fields.items())


def shown(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


async def test_steps_follow_one_another(admin: SnapOtter) -> None:
    reply = await execute(admin, {"steps": steps_of(SMALLER, ROTATE, TO_WEBP)})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    content = await admin.download(body["downloadUrl"])
    assert set(body) == {"jobId", "downloadUrl", "originalSize", "processedSize", "stepsCompleted", "steps"}
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/photo.webp"
    assert (body["originalSize"], body["processedSize"], body["stepsCompleted"]) == (len(PICTURE), len(content), 3)
    assert body["steps"] == [
        {"step": 1, "toolId": "resize", "size": 40 * 30 * 3},
        {"step": 2, "toolId": "rotate", "size": 40 * 30 * 3},
        {"step": 3, "toolId": "convert", "size": len(content)},
    ]
    picture = shown(content)
    assert (picture.format, picture.size) == ("WEBP", (30, 40))


@pytest.mark.parametrize(
    ("source", "steps", "name", "format_", "size"),
    [
        ("photo.jpeg", [SMALLER], "photo.jpeg", "JPEG", (40, 30)),
        ("photo.jpg", [("border", {"borderWidth": 2, "cornerRadius": 20}), SMALLER], "photo.png", "PNG", None),
        ("photo.jpg", [("border", {"borderWidth": 2, "cornerRadius": 20}), ("convert", {"format": "jpg"})], "photo.jpg", "JPEG", None),
        ("photo.jpg", [("border", {"borderWidth": 2, "shadow": True}), TO_WEBP], "photo.webp", "WEBP", None),
        ("photo.jpg", [SMALLER, ("replace-color", {"sourceColor": "#ffffff", "makeTransparent": True})], "photo.png", "PNG", (40, 30)),
        ("misnamed.png", [("border", {"borderWidth": 0})], "misnamed.png", "JPEG", (160, 120)),
        ("photo.jpeg", [("convert", {"format": "png"}), ROTATE], "photo.png", "PNG", (120, 160)),
        ("photo.jpeg", [("convert", {"format": "gif"}), ("convert", {"format": "jpg"})], "photo.jpg", "JPEG", (160, 120)),
        ("photo.jpeg", [("optimize-for-web", {"format": "jpeg"}), SMALLER], "photo.jpg", "JPEG", (40, 30)),
        ("noextension", [SMALLER, ROTATE], "noextension", "JPEG", (30, 40)),
        ("a/../b.jpg.php", [("strip-metadata", None)], "b.jpg", "JPEG", (160, 120)),
        ("é 1.jpg", [ROTATE, ROTATE], "é 1.jpg", "JPEG", (160, 120)),
    ],
)
async def test_the_last_steps_name(
    admin: SnapOtter, source: str, steps: Sequence[tuple[str, object]], name: str, format_: str, size: tuple[int, int] | None
) -> None:
    reply = await execute(admin, steps_of(*steps), PHOTO, source)
    assert reply.status_code == 200, reply.text
    path = reply.json()["downloadUrl"]
    assert unquote(path.rpartition("/")[2]) == name
    picture = shown(await admin.download(path))
    assert picture.format == format_
    assert size in (None, picture.size)


@pytest.mark.parametrize(
    "steps",
    [
        [SMALLER, ROTATE, ("sharpening", {})],
        [("convert", {"format": "jpg"}), ("text-overlay", {"text": "Hello"}), ("convert", {"format": "png"})],
        [
            ("crop", {"left": 10, "top": 10, "width": 100, "height": 80}),
            ("saturation", {"saturation": 40}),
            TO_WEBP,
        ],
        [("border", {"borderWidth": 6}), ("watermark-text", {"text": "Mine"}), ("resize", {"width": 50, "height": 50})],
    ],
    ids=lambda steps: "-".join(tool for tool, _ in steps),
)
async def test_one_pass_gives_what_the_tools_give(admin: SnapOtter, steps: Sequence[tuple[str, Any]]) -> None:
    alone = PICTURE
    for tool, settings in steps:
        alone = await admin.result(tool, alone, settings)
    reply = await execute(admin, steps_of(*steps))
    assert reply.status_code == 200, reply.text
    expected, found = shown(alone), shown(await admin.download(reply.json()["downloadUrl"]))
    assert (found.format, found.size) == (expected.format, expected.size)
    difference = np.asarray(found.convert("RGB"), float) - np.asarray(expected.convert("RGB"), float)
    assert np.sqrt(np.mean(difference**2)) < 4


@pytest.mark.parametrize(
    ("format_", "few"),
    [("JPEG", False), ("PNG", True), ("BMP", True)],
    ids=["a photograph becomes a PNG", "a PNG stays one", "read as PNG"],
)
async def test_the_colours_of_a_compressed_picture_are_those_of_its_format(admin: SnapOtter, format_: str, *, few: bool) -> None:
    # With noise, or all colours of a PNG would take less space than few.
    noise = np.random.default_rng(1).integers(0, 90, (128, 160, 3))
    gradient = Image.fromarray((np.mgrid[0:128, 0:160][[0, 1, 0]].transpose(1, 2, 0) + noise).astype(np.uint8))
    round_corners = ("border", {"borderWidth": 0, "cornerRadius": 20})
    steps = [("compress", {"quality": 40}), round_corners, ROTATE]
    reply = await execute(admin, steps_of(*steps), encoded(gradient, format_), f"gradient.{format_.lower()}")
    assert reply.status_code == 200, reply.text
    picture = shown(await admin.download(reply.json()["downloadUrl"])).convert("RGBA")
    samples = np.asarray(picture).reshape(-1, 4)
    assert samples[0, 3] == 0
    colours = len(np.unique(samples[samples[:, 3] == 255], axis=0))
    assert colours <= 102 if few else colours > 1000, colours


async def test_many_steps_are_fine(admin: SnapOtter) -> None:
    reply = await execute(admin, {"steps": steps_of(*[ROTATE] * 21)})
    assert reply.status_code == 200, reply.text
    assert (reply.json()["stepsCompleted"], len(reply.json()["steps"])) == (21, 21)
    assert shown(await admin.download(reply.json()["downloadUrl"])).size == (120, 160)
    most = await execute(admin, steps_of(*[("brightness-contrast", {"brightness": 1})] * 100))
    assert most.status_code == 200, most.text
    too_many = await execute(admin, steps_of(*[ROTATE] * 101))
    assert (too_many.status_code, too_many.json()["error"]) == (400, "Invalid pipeline definition")


async def test_a_drawing_and_a_picture_that_is_converted_first(admin: SnapOtter) -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="72" height="36"><rect width="72" height="36" fill="red"/></svg>'
    for steps, size in (([("convert", {"format": "png"}), ROTATE], (150, 300)), ([ROTATE, ("convert", {"format": "png"})], (36, 72))):
        reply = await execute(admin, steps_of(*steps), drawing, "drawing.svg")
        assert reply.status_code == 200, reply.text
        assert shown(await admin.download(reply.json()["downloadUrl"])).size == size
    bitmap = await execute(admin, steps_of(SMALLER), encoded(disc(160, 120), "BMP"), "old.bmp")
    assert bitmap.json()["downloadUrl"].endswith("/old.png")


@pytest.mark.parametrize(
    ("pipeline", "error", "path"),
    [
        (None, "No pipeline definition provided", None),
        ("", "No pipeline definition provided", None),
        ("{", "Pipeline must be valid JSON", None),
        ('{"steps": [NaN]}', "Pipeline must be valid JSON", None),
        ("[]", "Invalid pipeline definition", "steps"),
        ("{}", "Invalid pipeline definition", "steps"),
        ("null", "Invalid pipeline definition", "steps"),
        ('"text"', "Invalid pipeline definition", "steps"),
        ({"steps": []}, "Invalid pipeline definition", "steps"),
        ({"steps": "resize"}, "Invalid pipeline definition", "steps"),
        ({"steps": ["resize"]}, "Invalid pipeline definition", "steps.0"),
        ({"steps": [{"settings": {}}]}, "Invalid pipeline definition", "steps.0.toolId"),
        ({"steps": [{"toolId": "resize", "settings": []}]}, "Invalid pipeline definition", "steps.0.settings"),
        (steps_of(ROTATE, ("no-such-tool", {})), "Step 2 (no-such-tool): Tool not found or not available", None),
        (steps_of(("info", {})), "Step 1 (info): Tool not found or not available", None),
        (steps_of(("", {})), "Step 1 (): Tool not found or not available", None),
        (steps_of(("re\0size", {})), "Step 1 (re\N{REPLACEMENT CHARACTER}size): Tool not found or not available", None),
        (steps_of(ROTATE, ("resize", {})), "Step 2 (resize): Invalid settings", ""),
        (steps_of(("resize", {"width": "abc"}), ("nothing", {})), "Step 1 (resize): Invalid settings", "width"),
        ("[" * 100_000, "Pipeline must be valid JSON", None),
        ('[{"toolId": "rotate", "settings": ' + "[" * 50_000 + "]" * 50_000 + "}]", "Invalid pipeline definition", "steps.0.settings"),
    ],
    ids=lambda value: (value if isinstance(value, str) else json.dumps(value))[:40] or "empty",
)
async def test_what_is_no_pipeline(admin: SnapOtter, pipeline: object, error: str, path: str | None) -> None:
    reply = await execute(admin, pipeline)
    body = reply.json()
    assert (reply.status_code, body["error"]) == (400, error), reply.text
    assert "code" not in body
    if path is None:
        assert "details" not in body
    else:
        assert [set(fault) for fault in body["details"]] == [{"path", "message"}]
        assert body["details"][0]["path"] == path


async def test_settings_that_are_large_deep_or_unknown(admin: SnapOtter) -> None:
    settings = {"angle": 90, "__proto__": {}, "constructor": 1, "more": "x" * 100_000}
    assert (await execute(admin, steps_of(("rotate", settings)))).status_code == 200
    deep = '[{"toolId": "rotate", "settings": {"angle": 90, "deep": ' + "[" * 20_000 + "]" * 20_000 + "}}]"
    assert (await execute(admin, deep)).status_code == 200


async def test_file_and_picture_come_before_the_pipeline(admin: SnapOtter) -> None:
    nothing = await admin.form(EXECUTE, ("pipeline", "{"))
    assert (nothing.status_code, nothing.json()["error"]) == (400, "No image file provided")
    for content, reason in ((b"no picture", "Unrecognized image format"), (b"\0" * 100, "File contains no image data")):
        reply = await execute(admin, "{", content)
        assert (reply.status_code, reply.json()["error"]) == (400, f"Invalid image: {reason}")
    assert (await execute(admin, steps_of(ROTATE), PICTURE[:40])).status_code in (400, 422)
    no_form = await admin.post(EXECUTE, {"steps": steps_of(ROTATE)})
    assert (no_form.status_code, no_form.json()["error"]) == (400, "Failed to parse multipart request")


async def test_a_step_that_fails(admin: SnapOtter) -> None:
    reply = await execute(admin, steps_of(SMALLER, ROTATE, CROP_OUTSIDE, ROTATE))
    assert reply.status_code == 422, reply.text
    body = reply.json()
    assert body["error"].startswith("Step 3 (crop): ")
    assert body["completedSteps"] == [{"step": 1, "toolId": "resize", "size": 3600}, {"step": 2, "toolId": "rotate", "size": 3600}]


@pytest.mark.parametrize(
    ("steps", "number", "tool"),
    [
        ([CROP_OUTSIDE, ROTATE], 1, "crop"),
        ([CROP_OUTSIDE], 1, "crop"),
        ([ROTATE, TOO_LARGE], 2, "resize"),
        ([ROTATE, TOO_LARGE, ROTATE], 2, "resize"),
    ],
)
async def test_which_step_fails(admin: SnapOtter, steps: Sequence[tuple[str, object]], number: int, tool: str) -> None:
    reply = await execute(admin, steps_of(*steps))
    assert reply.status_code == 422, reply.text
    assert reply.json()["error"].startswith(f"Step {number} ({tool}): "), reply.text
    assert [step["step"] for step in reply.json()["completedSteps"]] == list(range(1, number))


async def test_progress_by_the_callers_id(admin: SnapOtter) -> None:
    for steps, phase in ((steps_of(ROTATE), "complete"), (steps_of(ROTATE, CROP_OUTSIDE), "failed")):
        job = f"mine-{phase}-{id(steps)}"
        reply = await execute(admin, steps, clientJobId=job)
        events = await admin.http.get(f"{admin.url}/api/v1/jobs/{job}/progress")
        event = json.loads(events.text.split("data: ")[-1])
        assert (event["jobId"], event["type"], event["phase"]) == (job, "single", phase)
        if phase == "complete":
            assert event["result"] == reply.json()
            by_task = await admin.http.get(f"{admin.url}/api/v1/jobs/{reply.json()['jobId']}/progress")
            assert json.loads(by_task.text.split("data: ")[-1])["result"] == reply.json()
        else:
            assert event["error"] == reply.json()["error"]


@pytest.mark.thorough
async def test_many_at_once_keep_to_themselves(admin: SnapOtter) -> None:
    async def one(width: int) -> tuple[int, str]:
        body = (await execute(admin, steps_of(("resize", {"width": width}), ROTATE))).json()
        return shown(await admin.download(body["downloadUrl"])).size[1], body["jobId"]

    found = await asyncio.gather(*(one(width) for width in range(20, 32)))
    assert [width for width, _ in found] == list(range(20, 32))
    assert len({job for _, job in found}) == 12


async def test_the_last_file_counts_and_the_input_can_be_had(admin: SnapOtter) -> None:
    parts: list[Part] = [
        ("file", PICTURE, "first.png"),
        ("other", PHOTO, "second.jpg"),
        ("pipeline", json.dumps(steps_of(SMALLER, TO_WEBP))),
    ]
    reply = await admin.form(EXECUTE, *parts)
    assert reply.json()["downloadUrl"].endswith("/second.webp")
    assert await admin.download(f"/api/v1/download/{reply.json()['jobId']}/second.jpg") == PHOTO


async def test_nobody_executes_without_a_token(visitor: SnapOtter) -> None:
    for reply in (await execute(visitor, steps_of(ROTATE)), await visitor.get("/api/v1/pipeline/list")):
        assert (reply.status_code, "code" in reply.json()) == (401, False)
