"""Which network restores faces, what it is shown, and how its face comes back."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import pytest

from services.inference.faces.alignment import SIDE, TEMPLATE
from services.inference.media import Image
from services.inference.model_server.choice import Choice
from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import Triton
from services.inference.plain.faces import Face, oval
from services.inference.upscaling.face_enhancement import cut
from services.inference.upscaling.restored_faces import choose, laid_back, network_input, points


class Server:
    """A model server that has some models."""

    def __init__(self, *models: str) -> None:
        self._models = models

    async def has(self, model: str) -> bool:
        return model in self._models

    async def device(self, model: str) -> Device | None:
        return Device.GPU if model in self._models else None


@pytest.mark.parametrize(
    ("installed", "configured", "wanted", "chosen"),
    [
        ((), "", "", None),
        ((), "", "gfpgan", None),
        (("codeformer",), "", "", "codeformer"),
        (("gfpgan", "codeformer"), "", "", "gfpgan"),
        (("gfpgan", "codeformer"), "", "codeformer", "codeformer"),
        (("gfpgan",), "", "codeformer", "gfpgan"),
        (("gfpgan", "mine"), "mine", "", "mine"),
        (("gfpgan", "mine"), "mine", "gfpgan", "gfpgan"),
        (("gfpgan",), "mine", "", "mine"),
    ],
)
async def test_the_wanted_network_if_installed_then_the_configured_then_the_first(
    installed: tuple[str, ...], configured: str, wanted: str, chosen: str | None
) -> None:
    found = await choose(cast("Triton", Server(*installed)), configured, wanted)
    device = Device.GPU if chosen in installed else Device.PROCESSOR
    assert found == (None if chosen is None else Choice(chosen, device))


async def test_without_the_mesh_the_points_are_where_they_usually_are() -> None:
    [five] = await points(np.zeros((300, 300, 3), np.uint8), [Face(100, 100, 100, 100)], cast("Triton", Server()))
    assert ((five > 100) & (five < 200)).all()


def picture(side: int) -> np.ndarray:
    """Noise with coarse grains, so that some of it is left in any size."""
    small = np.random.default_rng(3).integers(40, 220, (max(1, side // 16), max(1, side // 16), 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def five_of(face: Face) -> np.ndarray:
    """The template over the box of a face."""
    scale = face.width / 260
    return np.asarray((TEMPLATE - (256, 290)) * scale + (face.left + face.width / 2, face.top + face.height / 2))


def test_the_network_sees_the_face_and_the_fidelity() -> None:
    face = Face(100, 120, 130, 130)
    given = network_input(picture(400), five_of(face), 0.5)
    assert (given.shape, given.dtype) == ((1, SIDE, SIDE, 4), np.uint8)
    assert (given[..., 3] == 128).all()
    middle = given[0, 290, 256, :3].astype(int)
    assert np.abs(middle - picture(400)[185, 165]).max() < 12


@pytest.mark.parametrize("width", [60, 130, 900])
def test_a_network_that_changes_nothing_leaves_about_the_same_face(width: int) -> None:
    pixels = picture(width * 3)
    face = Face(width, width, width, width)
    around = oval(face, *pixels.shape[:2])
    given = network_input(pixels, five_of(face), 1)[0, ..., :3]
    part = cut(Image(pixels), around)
    result = laid_back(part, around, given, given, five_of(face))
    assert np.abs(result.pixels.astype(int) - part.pixels).mean() < 2
    if width > 500:
        # Detail that the network was not shown stays.
        np.testing.assert_array_equal(result.pixels, part.pixels)


@pytest.mark.parametrize("kind", ["gray", "wide", "alpha"])
def test_what_the_network_adds_is_where_it_was_and_the_colour_stays(kind: str) -> None:
    pixels = np.full((400, 400, 1 if kind == "gray" else 3), 120, np.uint8)
    image = Image(pixels.astype(np.uint16) * 257) if kind == "wide" else Image(pixels)
    if kind == "alpha":
        image = image.replace(alpha=np.full((400, 400), 77, np.uint8))
    face = Face(130, 130, 130, 130)
    around = oval(face, 400, 400)
    five = five_of(face)
    given = network_input(np.asarray(image.srgb(), np.uint8), five, 1)[0, ..., :3]
    answer = np.full((SIDE, SIDE, 3), 20, np.uint8)  # darker as a whole, which does not count
    x, y = (round(each) for each in TEMPLATE[0])
    answer[y - 16 : y + 16, x - 16 : x + 16] = 120
    part = cut(image, around)
    result = laid_back(part, around, given, answer, five)
    assert (result.pixels.dtype, result.pixels.shape) == (part.pixels.dtype, part.pixels.shape)
    assert (result.alpha is None) == (kind != "alpha")
    one = 257 if kind == "wide" else 1
    eye = result.pixels[round(five[0][1]) - around.rows.start, round(five[0][0]) - around.columns.start]
    assert (eye > 200 * one).all()
    cheek = result.pixels[round(five[2][1]) - around.rows.start, round(five[2][0]) - around.columns.start]
    assert np.abs(cheek.astype(int) - 120 * one).max() < 4 * one


def test_what_is_not_in_the_aligned_face_stays() -> None:
    pixels = picture(900)
    face = Face(300, 300, 300, 300)
    around = oval(face, 900, 900)
    small = five_of(Face(400, 400, 60, 60))
    given = network_input(pixels, small, 1)[0, ..., :3]
    part = cut(Image(pixels), around)
    result = laid_back(part, around, given, 255 - given, small)
    changed = (result.pixels != part.pixels).any(axis=2)
    assert changed.any()
    assert not changed[:40].any()
