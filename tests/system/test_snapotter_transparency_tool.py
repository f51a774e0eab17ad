"""SnapOtter's tool `transparency-fixer` (section 10.1 of its contract), through the public port."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import result_of_tool

WIDTH, HEIGHT = 160, 120
Array = np.ndarray[Any, Any]


def round_subject() -> Array:
    """Opacity of a disc with an edge of three pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip((40 - np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2)) / 3 + 0.5, 0, 1)


def over(ground: Array) -> Image.Image:
    """The red disc over something."""
    share = round_subject()[..., None]
    return Image.fromarray(np.round(share * (200, 30, 40) + (1 - share) * ground).astype(np.uint8))


def checkered() -> Image.Image:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return over(np.where(((rows // 8 + columns // 8) % 2 == 0)[..., None], 255, 204))


async def fixed(caller: SnapOtter, picture: Image.Image, settings: object = None, format_: str = "PNG", name: str = "photo.png") -> Array:
    result = await result_of_tool(caller, "transparency-fixer", encoded(picture, format_), settings, name)
    assert result.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize", "filename"}
    assert result["filename"] == "photo_fixed.png"
    assert result["downloadUrl"] == f"/api/v1/download/{result['jobId']}/photo_fixed.png"
    made = opened(await caller.download(result["downloadUrl"]))
    assert (made.format, made.mode) == ("PNG", "RGBA")
    return np.asarray(made).astype(int)


def check(made: Array) -> None:
    """Fail unless it is the disc alone."""
    wanted = round_subject()
    assert np.abs(made[..., 3] / 255 - wanted).mean() < 0.01
    assert (made[..., 3][wanted == 0] == 0).all()
    assert (made[..., 3][wanted == 1] == 255).all()
    edge = (wanted > 0.3) & (wanted < 1)
    assert np.abs(made[edge][:, :3] - (200, 30, 40)).mean() < 16


async def test_a_painted_checkerboard(person: SnapOtter) -> None:
    check(await fixed(person, checkered()))


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (40, 180, 90)])
async def test_a_background_of_one_colour(person: SnapOtter, colour: tuple[int, int, int]) -> None:
    check(await fixed(person, over(np.full((HEIGHT, WIDTH, 3), colour))))


async def test_a_fringe(person: SnapOtter) -> None:
    opacity = np.round(round_subject() * 255).astype(np.uint8)
    white = np.asarray(over(np.full((HEIGHT, WIDTH, 3), 255)))
    picture = Image.fromarray(np.dstack([white, opacity]))
    made = await fixed(person, picture)
    check(made)
    kept = await fixed(person, picture, {"defringe": 0})
    edge = (opacity > 80) & (opacity < 200)
    assert np.array_equal(kept[edge][:, :3], white[edge])
    assert np.array_equal(kept[..., 3], opacity)


async def test_anything_else_is_the_networks(person: SnapOtter) -> None:
    columns = np.linspace(30, 130, WIDTH)[None, :, None] * np.ones((HEIGHT, 1, 3))
    picture = np.asarray(disc(WIDTH, HEIGHT)).copy()
    ground = picture[..., 0] < 100
    picture[ground] = np.broadcast_to(picture[2, 2] + (columns - 80) * 0.25, picture.shape)[ground].clip(0, 255)
    made = await fixed(person, Image.fromarray(picture))
    assert (made[60, 80, 3], made[2, 2, 3], made[117, 157, 3]) == (255, 0, 0)


async def test_the_format(person: SnapOtter) -> None:
    result = await result_of_tool(person, "transparency-fixer", encoded(checkered(), "PNG"), {"outputFormat": "webp"}, "photo.jpg")
    assert result["filename"] == "photo_fixed.webp"
    made = opened(await person.download(result["downloadUrl"]))
    assert (made.format, made.mode) == ("WEBP", "RGBA")
    check(np.asarray(made).astype(int))


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"defringe": 101}, "defringe"),
        ({"defringe": "30"}, "defringe"),
        ({"outputFormat": "jpg"}, "outputFormat"),
        ({"outputFormat": 1}, "outputFormat"),
    ],
)
async def test_bad_settings(person: SnapOtter, settings: object, field: str) -> None:
    reply = await person.tool("transparency-fixer", encoded(checkered(), "PNG"), settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


async def test_in_batches_and_pipelines(person: SnapOtter) -> None:
    picture = encoded(checkered(), "PNG")
    batch = await person.form("/api/v1/tools/transparency-fixer/batch", ("file", picture, "a.png"), ("file", picture, "b.jpg"))
    assert batch.status_code == 200, batch.text
    with zipfile.ZipFile(io.BytesIO(batch.content)) as archive:
        assert archive.namelist() == ["a_fixed.png", "b_fixed.png"]
    steps = {"steps": [{"toolId": "transparency-fixer"}, {"toolId": "resize", "settings": {"width": 80}}]}
    reply = await person.form("/api/v1/pipeline/execute", ("file", picture, "photo.png"), ("pipeline", json.dumps(steps)))
    assert reply.status_code == 200, reply.text
    made = opened(await person.download(reply.json()["downloadUrl"])).convert("RGBA")
    assert (made.size, made.getpixel((1, 1))[3], made.getpixel((40, 30))[3]) == ((80, 60), 0, 255)
