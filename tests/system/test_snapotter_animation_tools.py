"""`gif-tools` (section 9.1 of SnapOtter's contract), through the public port."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from PIL import Image

from tests.reported_files.animations import gif as written_gif
from tests.system.pictures import disc, encoded
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_batches import archive, batch

DELAYS = [100, 50, 200]


def animation(width: int = 60, height: int = 40) -> bytes:
    frames = [Image.new("RGB", (width, height), "red") for _ in DELAYS]
    for number, frame in enumerate(frames):
        frame.paste((0, 255, 0), (number * 10, 0, number * 10 + 10, 10))
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=DELAYS, loop=0)


GIF = animation()


def delays(content: bytes) -> list[int]:
    picture = Image.open(io.BytesIO(content))
    assert picture.format == "GIF"
    found = []
    for number in range(picture.n_frames):  # type: ignore[attr-defined]
        picture.seek(number)
        found.append(picture.info["duration"])
    return found


def size(content: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(content)).size


@pytest.mark.parametrize(
    ("settings", "wanted", "times"),
    [
        ({"width": 30}, (30, 20), DELAYS),
        ({"width": 30, "height": 10}, (15, 10), DELAYS),
        ({"percentage": 50}, (30, 20), DELAYS),
        ({}, (60, 40), DELAYS),
        ({"mode": "optimize", "colors": 8}, (60, 40), DELAYS),
        ({"mode": "speed", "speedFactor": 2}, (60, 40), [50, 20, 100]),
        ({"mode": "speed", "speedFactor": 10}, (60, 40), [20, 20, 20]),
        ({"mode": "reverse"}, (60, 40), DELAYS[::-1]),
        ({"mode": "reverse", "speedFactor": 2}, (60, 40), [100, 20, 50]),
        ({"mode": "rotate", "angle": 90}, (40, 60), DELAYS),
        ({"mode": "rotate", "flipH": True}, (60, 40), DELAYS),
    ],
)
async def test_each_mode(admin: SnapOtter, settings: dict[str, Any], wanted: tuple[int, int], times: list[int]) -> None:
    reply = await admin.tool("gif-tools", GIF, settings, "move.gif")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["downloadUrl"].endswith("/move_gif-tools.gif") and "previewUrl" not in body
    made = await admin.download(body["downloadUrl"])
    assert (size(made), delays(made)) == (wanted, times)
    assert len(made) == body["processedSize"] <= body["originalSize"] == len(GIF)


async def test_repetitions_and_short_times_are_kept(admin: SnapOtter) -> None:
    once = written_gif((8, 6), ((0, 0, 8, 6), 1, 0, 1), ((0, 0, 2, 2), 2, 1, 1), ((4, 4, 2, 2), 0, 0, 1))
    for settings, loop in (({"mode": "reverse"}, None), ({"mode": "reverse", "loop": 0}, 0), ({"mode": "rotate", "angle": 90}, None)):
        made = await admin.result("gif-tools", once, settings, "once.gif")
        assert (delays(made), Image.open(io.BytesIO(made)).info.get("loop")) == ([0, 10, 0], loop)


async def test_a_still_picture_becomes_a_gif(admin: SnapOtter) -> None:
    reply = await admin.tool("gif-tools", encoded(disc(80, 40), "PNG"), {"width": 40})
    assert reply.json()["downloadUrl"].endswith("/photo_gif-tools.gif")
    assert size(await admin.download(reply.json()["downloadUrl"])) == (40, 20)


@pytest.mark.parametrize(("format_", "kind"), [("png", "PNG"), ("webp", "WEBP")])
async def test_one_frame(admin: SnapOtter, format_: str, kind: str) -> None:
    settings = {"mode": "extract", "frameNumber": 2, "extractFormat": format_}
    reply = await admin.tool("gif-tools", GIF, settings, "move.gif")
    assert reply.json()["downloadUrl"].endswith(f"/move_frame2.{format_}")
    frame = Image.open(io.BytesIO(await admin.download(reply.json()["downloadUrl"])))
    assert (frame.format, frame.size, frame.convert("RGB").getpixel((25, 5))) == (kind, (60, 40), (0, 255, 0))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"extractMode": "all"}, ["frame_0000.png", "frame_0001.png", "frame_0002.png"]),
        ({"extractMode": "range", "frameStart": 1, "frameEnd": 99}, ["frame_0001.png", "frame_0002.png"]),
        ({"extractMode": "range", "frameEnd": 0, "extractFormat": "webp"}, ["frame_0000.webp"]),
    ],
)
async def test_several_frames(admin: SnapOtter, settings: dict[str, Any], names: list[str]) -> None:
    reply = await admin.tool("gif-tools", GIF, {"mode": "extract", **settings}, "move.gif")
    assert reply.status_code == 200, reply.text
    assert reply.json()["downloadUrl"].endswith("/move_frames.zip")
    with zipfile.ZipFile(io.BytesIO(await admin.download(reply.json()["downloadUrl"]))) as found:
        assert found.namelist() == names


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "twist"},
        {"loop": 101},
        {"width": 0},
        {"percentage": 501},
        {"mode": "optimize", "colors": 1},
        {"mode": "optimize", "effort": 11},
        {"mode": "speed", "speedFactor": 0},
        {"mode": "rotate", "angle": 45},
        {"mode": "extract", "frameNumber": -1},
        {"mode": "extract", "extractFormat": "gif"},
    ],
)
async def test_bad_settings(admin: SnapOtter, settings: dict[str, Any]) -> None:
    reply = await admin.tool("gif-tools", GIF, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")


@pytest.mark.parametrize("settings", [{"frameNumber": 3}, {"extractMode": "range", "frameStart": 3}])
async def test_frames_past_the_end(admin: SnapOtter, settings: dict[str, Any]) -> None:
    assert (await admin.tool("gif-tools", GIF, {"mode": "extract", **settings})).status_code == 422


async def test_several_files_are_refused(admin: SnapOtter) -> None:
    reply = await admin.form("/api/v1/tools/gif-tools", ("a", GIF, "a.gif"), ("b", GIF, "b.gif"))
    assert reply.status_code == 400 and "one image at a time" in reply.json()["error"]


async def test_info(admin: SnapOtter) -> None:
    reply = await admin.tool("gif-tools/info", GIF)
    assert reply.status_code == 200, reply.text
    wanted = {"width": 60, "height": 40, "pages": 3, "delay": DELAYS, "loop": 0, "fileSize": len(GIF), "duration": 350}
    assert reply.json() == wanted
    still = (await admin.tool("gif-tools/info", encoded(disc(80, 40), "PNG"))).json()
    assert (still["pages"], still["delay"], still["duration"]) == (1, [100], 100)


async def test_info_about_nothing(admin: SnapOtter) -> None:
    missing = await admin.form("/api/v1/tools/gif-tools/info", ("file", b"", "a.gif"))
    assert (missing.status_code, missing.json()["error"]) == (400, "No file provided")
    broken = await admin.tool("gif-tools/info", b"GIF89a" + bytes(20))
    assert (broken.status_code, broken.json()["error"]) == (422, "Could not read image metadata")


async def test_in_a_batch_and_a_pipeline(admin: SnapOtter) -> None:
    found = archive(await batch(admin, "gif-tools", [("a.gif", GIF), ("b.gif", GIF)], {"width": 30}))
    assert found.names == ["a_gif-tools.gif", "b_gif-tools.gif"]
    assert delays(found.zip.read("a_gif-tools.gif")) == DELAYS
    steps = [{"toolId": "gif-tools", "settings": {"width": 30}}, {"toolId": "gif-tools", "settings": {"mode": "reverse"}}]
    reply = await admin.form("/api/v1/pipeline/execute", ("file", GIF, "move.gif"), ("pipeline", json.dumps({"steps": steps})))
    assert reply.status_code == 200, reply.text
    made = await admin.download(reply.json()["downloadUrl"])
    assert (size(made), delays(made)) == ((30, 20), DELAYS[::-1])
