"""Squares of one colour each, in all of a picture or in areas of it."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.media import Image, decode
from tests.unit.imaging.pictures import deep_photo, photo
from tests.unit.inference.plain_operations.running import LIMITS, Running, png


async def pixelated(running: Running, image: Image, **parameters: object) -> Image:
    return decode((await running.product(png(image), {"pixelate": parameters})).content, LIMITS)


@pytest.mark.parametrize("pixels", [photo(50, 70), photo(50, 70)[..., :1].copy(), deep_photo()], ids=["colour", "gray", "deep"])
async def test_each_square_has_the_mean_of_its_samples(running: Running, pixels: np.ndarray) -> None:
    made = (await pixelated(running, Image(pixels), block=20)).pixels
    assert (made.shape, made.dtype) == (pixels.shape, pixels.dtype)
    for top in range(0, pixels.shape[0], 20):
        for left in range(0, pixels.shape[1], 20):
            square = np.s_[top : top + 20, left : left + 20]
            assert (made[square] == np.rint(pixels[square].mean((0, 1)))).all()


async def test_colours_weigh_as_much_as_they_are_visible(running: Running) -> None:
    pixels = np.full((16, 32, 3), (200, 0, 0), np.uint8)
    pixels[:, 1::2] = (0, 0, 200)
    alpha = np.full((16, 32), 255, np.uint8)
    alpha[:, 1::2], alpha[:, 16:] = 0, 0
    made = await pixelated(running, Image(pixels, alpha))
    assert made.alpha is not None
    assert (made.pixels[:, :16] == (200, 0, 0)).all()
    assert (made.alpha == np.repeat([[128, 0]], 16, 1)).all()


async def test_areas_start_squares_of_their_own_and_leave_the_rest(running: Running) -> None:
    pixels = photo(100, 100)
    areas = [{"x1": 10, "y1": 20, "x2": 30, "y2": 60}, {"x1": 20, "y1": 20, "x2": 40, "y2": 30}]
    made = (await pixelated(running, Image(pixels), block=10, areas=areas)).pixels
    within = np.zeros((100, 100), bool)
    within[20:60, 10:30] = within[20:30, 20:40] = True
    assert (made[~within] == pixels[~within]).all()
    assert (made[50:60, 20:30] == np.rint(pixels[50:60, 20:30].mean((0, 1)))).all()
    assert (made[20:30, 30:40] == np.rint(pixels[20:30, 30:40].mean((0, 1)))).all()
