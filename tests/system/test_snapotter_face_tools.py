"""Tools of SnapOtter's API that find faces (section 10 of its contract), through the public port.

The generated networks take discs of one colour for faces: `models.tiny_locating`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.tiny_locating import EYES_ABOVE, EYES_APART, SKIN
from services.pictures.media_format import MediaFormat, sniff
from tests.system.pictures import encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import result_of_tool

GROUND, RED, GLINT = (40, 90, 160), (200, 30, 40), (255, 250, 250)
FACE = (160, 120, 60)
"""Centre and radius."""


def people(*faces: tuple[int, int, int], pupil: tuple[int, int, int] | None = None, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Discs that the networks take for faces, with stripes across; and pupils, where that is asked for."""
    picture = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(picture)
    for x, y, radius in faces:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=SKIN)
        for side in (-1, 1):
            across, down = eye((x, y, radius), side)
            if pupil is None:
                draw.line((across - 4, down, across + 4, down), fill=(20, 20, 20), width=3)
            else:
                draw.ellipse((across - 3, down - 3, across + 3, down + 3), fill=pupil)
                draw.point((across, down - 1), fill=GLINT)
    return picture


def eye(face: tuple[int, int, int], side: int) -> tuple[int, int]:
    x, y, radius = face
    return round(x + side * EYES_APART * radius), round(y - EYES_ABOVE * 2 * radius)


async def pixels_of(caller: SnapOtter, result: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(opened(await caller.download(result["downloadUrl"])).convert("RGB")).astype(int)


async def test_a_face_is_blurred_and_told(person: SnapOtter) -> None:
    picture = people(FACE)
    result = await result_of_tool(person, "blur-faces", encoded(picture, "PNG"))
    assert result.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize", "facesDetected", "faces"}
    assert result["downloadUrl"].endswith("/photo_blurred.png")
    assert result["facesDetected"] == 1
    (face,) = result["faces"]
    assert face == pytest.approx({"x": 100, "y": 60, "w": 120, "h": 120}, abs=12)
    made, before = await pixels_of(person, result), np.asarray(picture).astype(int)
    x, y = eye(FACE, 1)
    assert before[y, x].max() < 30
    assert made[y, x].min() > 60
    assert (made[:, :40] == before[:, :40]).all()


@pytest.mark.parametrize("blur_radius", [1, 12.5, 100])
async def test_nobody_is_recognised_at_any_radius(person: SnapOtter, blur_radius: float) -> None:
    result = await result_of_tool(person, "blur-faces", encoded(people(FACE), "PNG"), {"blurRadius": blur_radius})
    made = await pixels_of(person, result)
    # Less than a quarter of what the eyes differed from the skin is left in the row of the eyes.
    row = made[eye(FACE, 1)[1], 120:200].mean(axis=1)
    assert row.max() - row.min() < 50


async def test_many_faces(person: SnapOtter) -> None:
    places = [(120, 120, 80), (400, 300, 40), (560, 100, 60)]
    result = await result_of_tool(person, "blur-faces", encoded(people(*places, size=(700, 400)), "JPEG"), None, "group.jpg")
    assert result["downloadUrl"].endswith("/group_blurred.jpg")
    assert result["facesDetected"] == 3
    middles = sorted((each["x"] + each["w"] / 2, each["y"] + each["h"] / 2) for each in result["faces"])
    for (x, y), (across, down, radius) in zip(middles, sorted(places), strict=True):
        assert (x, y) == pytest.approx((across, down), abs=radius / 4)


async def test_a_picture_without_faces_stays(person: SnapOtter) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 120, (60, 80, 3), dtype=np.uint8))
    result = await result_of_tool(person, "blur-faces", encoded(picture, "PNG"), {"sensitivity": 0.2})
    assert (result["facesDetected"], result["faces"], result["warning"]) == (0, [], "No faces detected")
    assert (await pixels_of(person, result) == np.asarray(picture)).all()


async def test_alpha_stays(person: SnapOtter) -> None:
    picture = people(FACE).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    result = await result_of_tool(person, "blur-faces", encoded(picture, "PNG"))
    made = opened(await person.download(result["downloadUrl"]))
    assert (np.asarray(made)[..., 3] == np.asarray(picture)[..., 3]).all()


async def test_red_pupils_become_dark(person: SnapOtter) -> None:
    picture = people(FACE, pupil=RED)
    result = await result_of_tool(
        person, "red-eye-removal", encoded(picture, "JPEG", quality=98, subsampling=0), {"strength": 100}, "a b.jpg"
    )
    assert result.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize", "facesDetected", "eyesCorrected"}
    assert result["downloadUrl"].endswith("_redeye_fixed.png")
    assert (result["facesDetected"], result["eyesCorrected"]) == (1, 2)
    made = await pixels_of(person, result)
    for side in (-1, 1):
        x, y = eye(FACE, side)
        assert made[y + 2, x].max() < 80
        assert np.ptp(made[y + 2, x]) < 25


async def test_what_else_is_red_stays(person: SnapOtter) -> None:
    picture = people(FACE)
    ImageDraw.Draw(picture).rectangle((100, 185, 220, 230), fill=RED)
    result = await result_of_tool(person, "red-eye-removal", encoded(picture, "PNG"), {"sensitivity": 100, "strength": 100})
    assert (result["facesDetected"], result["eyesCorrected"]) == (1, 0)
    assert (await pixels_of(person, result) == np.asarray(picture)).all()


async def test_red_eyes_without_a_face(person: SnapOtter) -> None:
    result = await result_of_tool(person, "red-eye-removal", encoded(Image.new("RGB", (40, 30), RED), "PNG"))
    assert (result["facesDetected"], result["eyesCorrected"]) == (0, 0)


@pytest.mark.parametrize("format_", ["jpg", "jpeg", "png", "webp", "avif", "tiff", "gif", "heic", "heif"])
async def test_each_format(person: SnapOtter, format_: str) -> None:
    result = await result_of_tool(person, "red-eye-removal", encoded(people(FACE), "PNG"), {"format": format_, "quality": 80})
    extension = "jpg" if format_ == "jpeg" else format_
    assert result["downloadUrl"].endswith(f"/photo_redeye_fixed.{extension}")
    found = sniff((await person.download(result["downloadUrl"]))[:4096], f"a.{extension}")
    assert isinstance(found, MediaFormat)
    assert extension in (*found.extensions, "heif", "heic")


@pytest.mark.parametrize(
    ("tool", "settings", "field"),
    [
        ("blur-faces", {"blurRadius": 0}, "blurRadius"),
        ("blur-faces", {"blurRadius": 101}, "blurRadius"),
        ("blur-faces", {"blurRadius": "30"}, "blurRadius"),
        ("blur-faces", {"sensitivity": 1.5}, "sensitivity"),
        ("red-eye-removal", {"sensitivity": -1}, "sensitivity"),
        ("red-eye-removal", {"strength": 101}, "strength"),
        ("red-eye-removal", {"strength": None}, "strength"),
        ("red-eye-removal", {"format": "bmp"}, "format"),
        ("red-eye-removal", {"quality": 0}, "quality"),
    ],
)
async def test_bad_settings(person: SnapOtter, tool: str, settings: object, field: str) -> None:
    reply = await person.tool(tool, encoded(people(FACE), "PNG"), settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


@pytest.mark.parametrize("tool", ["blur-faces", "red-eye-removal"])
async def test_in_batches_and_pipelines_it_is_waited_for(person: SnapOtter, tool: str) -> None:
    picture = encoded(people(FACE, pupil=RED), "PNG")
    steps: Sequence[object] = [{"toolId": tool, "settings": {}}, {"toolId": "rotate", "settings": {"angle": 90}}]
    reply = await person.form("/api/v1/pipeline/execute", ("file", picture, "photo.png"), ("pipeline", json.dumps({"steps": steps})))
    assert reply.status_code == 200, reply.text
    assert opened(await person.download(reply.json()["downloadUrl"])).size == (240, 320)
    batch = await person.form(f"/api/v1/tools/{tool}/batch", ("file", picture, "a.png"), ("file", picture, "b.png"))
    assert (batch.status_code, batch.headers["content-type"]) == (200, "application/zip")
