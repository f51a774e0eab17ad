"""Pictures over pictures, against the W3C's formulas for one pixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from darkroom.operations.v1.compose_pb2 import BlendMode
from services.inference.media import Image
from services.inference.plain.composing import compose
from tests.unit.plain.pictures import KINDS, kind

MODES = [name.removeprefix("BLEND_MODE_") for name in BlendMode.keys()]  # noqa: SIM118 - an enum, no dict


def lighter(behind: float) -> float:
    return ((16 * behind - 12) * behind + 4) * behind if behind <= 0.25 else math.sqrt(behind)


def hard_light(a: float, b: float) -> float:
    return a * 2 * b if b <= 0.5 else a + 2 * b - 1 - a * (2 * b - 1)


FORMULAS: Mapping[str, Callable[[float, float], float]] = {
    "UNSPECIFIED": lambda a, b: b,
    "OVER": lambda a, b: b,
    "MULTIPLY": lambda a, b: a * b,
    "SCREEN": lambda a, b: a + b - a * b,
    "OVERLAY": lambda a, b: hard_light(b, a),
    "DARKEN": min,
    "LIGHTEN": max,
    "HARD_LIGHT": hard_light,
    "SOFT_LIGHT": lambda a, b: a - (1 - 2 * b) * a * (1 - a) if b <= 0.5 else a + (2 * b - 1) * (lighter(a) - a),
    "DIFFERENCE": lambda a, b: abs(a - b),
    "EXCLUSION": lambda a, b: a + b - 2 * a * b,
    "COLOR_DODGE": lambda a, b: 0 if a == 0 else 1 if b == 1 else min(1, a / (1 - b)),
    "COLOR_BURN": lambda a, b: 1 if a == 1 else 0 if b == 0 else 1 - min(1, (1 - a) / b),
}
"""Of what is behind and what is over it."""


def one(behind: float, over: float, mode: str) -> float:
    """The blended colour of one channel."""
    return FORMULAS[mode](behind, over)


@pytest.mark.parametrize("mode", MODES)
def test_blend_modes(mode: str) -> None:
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    behind, over = (np.repeat(grid[..., None], 3, 2) for grid in np.meshgrid(levels, levels))
    made = compose(Image(behind), Image(over), 0, 0, 1.0, BlendMode.Value(f"BLEND_MODE_{mode}")).pixels
    expected = np.vectorize(lambda a, b: one(a / 255, b / 255, mode) * 255, otypes=[float])(behind, over)
    assert np.abs(made - expected).max() <= 0.501


@pytest.mark.parametrize("mode", ["OVER", "MULTIPLY"])
def test_alpha_of_both(mode: str) -> None:
    alphas = np.array([[0, 60, 128, 255]], np.uint8)
    behind, over = (
        Image(np.full((4, 4, 3), 200, np.uint8), np.repeat(alphas, 4, 0)),
        Image(np.full((4, 4, 3), 90, np.uint8), np.repeat(alphas, 4, 0).T),
    )
    made = compose(behind, over, 0, 0, 0.5, BlendMode.Value(f"BLEND_MODE_{mode}"))
    for row in range(4):
        for column in range(4):
            below, above = alphas[0, column] / 255, alphas[0, row] / 255 * 0.5
            colour = (1 - below) * 90 / 255 + below * one(200 / 255, 90 / 255, mode)
            whole = above + below * (1 - above)
            assert made.alpha is not None
            assert abs(made.alpha[row, column] - whole * 255) <= 0.501
            if whole:
                mixed = (colour * above + 200 / 255 * below * (1 - above)) / whole
                assert abs(made.pixels[row, column, 0] - mixed * 255) <= 0.51


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_what_is_opaque_covers_and_the_rest_stays(gray: bool, alpha: bool, deep: bool) -> None:
    image = kind(gray, alpha, deep)
    made = compose(image, Image(np.full((6, 5, 3), (255, 0, 0), np.uint8)), 3, 2, 1.0, 0)
    assert (made.bit_depth, made.is_gray, made.alpha is None) == (image.bit_depth, False, image.alpha is None)
    assert (made.pixels[2:8, 3:8] == np.array([255, 0, 0]) * (made.maximum // 255)).all()
    left = made.pixels.copy()
    left[2:8, 3:8] = np.broadcast_to(image.pixels, left.shape)[2:8, 3:8]
    assert np.array_equal(left, np.broadcast_to(image.pixels, left.shape))


def test_what_hangs_over_an_edge_is_cut() -> None:
    black, white = Image(np.zeros((10, 10, 3), np.uint8)), Image(np.full((10, 10, 3), 255, np.uint8))
    assert compose(black, white, 7, 8, 1.0, 0).pixels.sum() == 3 * 2 * 3 * 255
    assert compose(black, white, 10, 0, 1.0, 0) is black


def test_without_opacity_nothing_changes() -> None:
    black = Image(np.zeros((10, 10, 3), np.uint8))
    assert compose(black, black, 0, 0, 0.0, 0) is black
