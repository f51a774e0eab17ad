"""Looking at a subject again, in its true proportions."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.matting.matting import MODEL_SIDE, CutoutOptions, remove_background
from services.inference.matting.second_look import window_of
from services.inference.media import Image

Pixels8 = npt.NDArray[np.uint8]


def scene(height: int, width: int, *discs: tuple[int, int, int]) -> Image:
    """Red discs on black: x, y, radius."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y, radius in discs:
        cv2.circle(pixels, (x, y), radius, (255, 0, 0), -1)
    return Image(pixels)


async def looks(image: Image, *, blind: int | None = None) -> tuple[list[Pixels8], Pixels8]:
    """The inputs of a model that finds what is red, and the alpha made of its answers; one of them, `blind`, is of the upper half only."""
    seen: list[Pixels8] = []

    async def model(pictures: Pixels8) -> Pixels8:
        red = pictures[..., :1].copy()
        if blind == len(seen):
            red[:, MODEL_SIDE // 2 :] = 0
        seen.append(pictures[0])
        return red

    options = CutoutOptions(refine=False, look_again=True)
    made = await remove_background(image, model, options, progress=lambda _: None, check=lambda: None)
    assert made.image.alpha is not None
    return seen, np.asarray(made.image.alpha, np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "disc"),
    [
        (600, 1500, (400, 300, 150)),
        (1500, 600, (80, 1380, 110)),
        (900, 900, (700, 200, 90)),
        (90, 120, (30, 40, 15)),
        (2000, 300, (150, 900, 140)),
    ],
)
async def test_both_looks_meet_where_the_subject_is(height: int, width: int, disc: tuple[int, int, int]) -> None:
    image = scene(height, width, disc)
    _, alpha = await looks(image)
    error = np.abs(alpha.astype(int) - image.pixels[..., 0]) > 128
    assert error.sum() < 4 * disc[2] * max(1, max(height, width) / MODEL_SIDE)


async def test_a_disc_is_round_in_the_second_look() -> None:
    (first, second), _ = await looks(scene(600, 1500, (400, 300, 150)))
    for seen, proportion in ((first, 2.5), (second, 1)):
        rows, columns = ((seen[..., 0] > 128).any(axis=axis).sum() for axis in (1, 0))
        assert rows / columns == pytest.approx(proportion, rel=0.03)


@pytest.mark.parametrize("blind", [0, 1])
async def test_a_part_that_one_look_misses_is_kept(blind: int) -> None:
    image = scene(600, 1500, (600, 150, 120), (600, 450, 120))
    _, alpha = await looks(image, blind=blind)
    assert alpha[150, 600] == alpha[450, 600] == 255
    assert alpha[300, 600] == 0


async def test_a_square_full_of_its_subject_is_looked_at_once() -> None:
    seen, _ = await looks(scene(800, 800, (400, 400, 390)))
    assert len(seen) == 1


def test_there_is_no_window_around_nothing() -> None:
    assert window_of(np.full((MODEL_SIDE, MODEL_SIDE), 60, np.uint8), 300, 800) is None
