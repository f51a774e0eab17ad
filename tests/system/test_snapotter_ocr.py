"""SnapOtter's tool that reads text (section 10 of its contract), through the public port. The darker a bar, the later its letters."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2
from tests.system.pictures import encoded
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import events_of

_LEVELS = (0, 150, 150)


def bars(width: int = 400, height: int = 300) -> Image.Image:
    """Three lines, the first the darkest."""
    picture = np.full((height, width, 3), 255, np.uint8)
    for number, level in enumerate(_LEVELS):
        top = 40 + 80 * number
        picture[top : top + 12, 50 : width - 50] = level
    return Image.fromarray(picture)


PICTURE = encoded(bars(), "PNG")


async def read(caller: SnapOtter, settings: object = None, picture: bytes = PICTURE, name: str = "scan.png") -> dict[str, Any]:
    reply = await caller.tool("ocr", picture, settings, name)
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


async def test_the_text_is_in_the_reply_in_reading_order(person: SnapOtter) -> None:
    body = await read(person, None, PICTURE, "my scan.png")
    assert body.keys() == {"jobId", "filename", "text", "engine"}
    assert (body["filename"], body["engine"]) == ("my scan.png", "paddleocr-v6")
    lines = body["text"].split("\n")
    assert len(lines) == 3
    # What follows a line, up to the length of the longest one, reads as `m`.
    darkest = [max(line.rstrip("m")) for line in lines]
    assert darkest[0] > max(darkest[1:])


@pytest.mark.parametrize(
    "settings", [{"quality": "fast"}, {"quality": "best"}, {"engine": "tesseract"}, {"engine": "paddleocr"}, {"enhance": False}]
)
async def test_each_quality_and_engine(person: SnapOtter, settings: object) -> None:
    assert len((await read(person, settings))["text"].split("\n")) == 3


@pytest.mark.parametrize("language", ["auto", "en", "de", "fr", "es", "zh", "ja"])
async def test_languages_that_can_be_read(person: SnapOtter, language: str) -> None:
    assert (await read(person, {"language": language}))["text"]


async def test_a_language_without_letters_is_named_with_those_there_are(person: SnapOtter) -> None:
    reply = await person.tool("ocr", PICTURE, {"language": "ko"})
    assert (reply.status_code, reply.json()["error"]) == (422, "OCR failed")
    assert "ko cannot be read" in reply.json()["details"]
    assert "ja, " in reply.json()["details"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"quality": "better"}, "quality"),
        ({"quality": 3}, "quality"),
        ({"language": "xx"}, "language"),
        ({"enhance": "yes"}, "enhance"),
        ({"engine": "easyocr"}, "engine"),
    ],
)
async def test_bad_settings(person: SnapOtter, settings: object, field: str) -> None:
    reply = await person.tool("ocr", PICTURE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


@pytest.mark.parametrize("picture", [Image.new("RGB", (1, 1)), Image.new("RGB", (300, 200), "white"), Image.new("RGBA", (90, 40))])
async def test_nothing_is_read_where_nothing_is(person: SnapOtter, picture: Image.Image) -> None:
    assert (await read(person, None, encoded(picture, "PNG")))["text"] == ""


async def test_what_is_no_picture(person: SnapOtter) -> None:
    missing = await person.form("/api/v1/tools/ocr", ("settings", "{}"))
    assert (missing.status_code, missing.json()["error"]) == (400, "No image file provided")
    broken = await person.tool("ocr", b"no picture at all")
    assert broken.status_code == 400
    assert broken.json()["error"].startswith("Invalid image: ")


async def test_progress_is_told_to_any_name(person: SnapOtter) -> None:
    name = f"scan {uuid.uuid4()}"
    reply = await person.tool("ocr", PICTURE, None, clientJobId=name)
    assert reply.status_code == 200, reply.text
    assert (await events_of(person, name))[-1]["result"] == reply.json()


async def test_it_takes_no_batches_and_is_no_step(person: SnapOtter) -> None:
    batch = await person.form("/api/v1/tools/ocr/batch", ("file", PICTURE, "a.png"))
    assert (batch.status_code, batch.json()["error"]) == (404, 'Tool "ocr" not found')


async def test_the_operation_tells_where_lines_are(native: AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(PICTURE)
    scan = await native.upload(tmp_path / "scan.png")
    task = await native.wait((await native.create_task([scan.id], [operation_pb2.Operation(read_text={})])).id)
    (path,) = await native.download(task.output_file_ids, tmp_path)
    assert path.name == "scan-text.json"
    found = json.loads(path.read_text())
    assert [line["text"] for line in found["lines"]] == found["text"].split("\n")
    first, second, third = found["lines"]
    assert first["corners"]["topLeft"]["y"] < second["corners"]["topLeft"]["y"] < third["corners"]["topLeft"]["y"]
    assert 0.5 <= first["confidence"] <= 1
    corners = [first["corners"][name] for name in ("topLeft", "topRight", "bottomRight", "bottomLeft")]
    left, top, right, bottom = corners[0]["x"], corners[0]["y"], corners[2]["x"], corners[2]["y"]
    assert corners == [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    assert (left < 50, right > 350, top < 40, bottom > 52) == (True, True, True, True)
    assert (abs(left + right - 400) <= 4, abs(top + bottom - 92) <= 4) == (True, True)
