"""Drawings that are traced from pictures, also from those that are too much for vtracer."""

from __future__ import annotations

import re

import numpy as np
import pytest

from darkroom.operations.v1.vectorize_pb2 import Vectorize
from services.inference.media import Image, Limits, decode
from services.inference.plain.tracing import trace

SIDE = 640


def shown(drawing: str) -> np.ndarray:
    image = decode(drawing.encode(), Limits())
    share = np.ones((image.height, image.width)) if image.alpha is None else image.alpha / 255
    return image.srgb() * share[..., None] + 255 * (1 - share[..., None])


@pytest.mark.cases(1)
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("speckle", [0, 1, 4])
def test_noise_is_traced(color: bool, speckle: int) -> None:
    # In colours and with every speck, all of it takes half a minute.
    side = SIDE // 2 if color and speckle < 4 else SIDE
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    drawing = trace(Image(noise), Vectorize(color=color, filter_speckle=speckle), 1000, 1000)
    assert shown(drawing).shape == (1000, 1000, 3)


def test_every_other_pixel_is_more_areas_than_vtracer_can_number() -> None:
    dots = np.full((SIDE, SIDE, 1), 255, np.uint8)
    dots[::2, ::2] = 0
    assert dots.size // 4 > 1 << 16
    assert shown(trace(Image(dots), Vectorize(filter_speckle=1, threshold=200), SIDE, SIDE)).shape == (SIDE, SIDE, 3)


def test_specks_cost_no_resolution() -> None:
    dots = np.full((SIDE, SIDE, 1), 255, np.uint8)
    dots[::2, ::2] = 0
    dots[100:300, 100:300] = 0
    drawing = trace(Image(dots), Vectorize(), SIDE, SIDE)
    assert f'viewBox="0 0 {SIDE} {SIDE}"' in drawing
    dark = shown(drawing)[..., 0] < 128
    assert abs(int(dark.sum()) - 200 * 200) < 500


def test_fewer_and_smaller_areas_with_a_larger_filter() -> None:
    rng = np.random.default_rng(1)
    picture = np.full((200, 200, 1), 255, np.uint8)
    for row, column in rng.integers(0, 190, (40, 2)):
        picture[row : row + 3, column : column + 3] = 0
    assert trace(Image(picture), Vectorize(filter_speckle=1), 200, 200).count("<path") > 20
    assert not re.search("<path", trace(Image(picture), Vectorize(filter_speckle=12), 200, 200))
