"""Samples taken apart, turned and mirrored: moved, never changed."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.media.bands import split_alpha
from services.inference.media.turning import upright


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (1, 6)])
def test_samples_move(kind: type[np.uint8 | np.uint16], size: tuple[int, int]) -> None:
    for bands in (1, 2, 3, 4):
        samples = np.random.default_rng(bands).integers(0, np.iinfo(kind).max, (*size, bands), kind)
        if bands in (2, 4):
            pixels, alpha = split_alpha(samples)
            assert np.array_equal(pixels, samples[..., :-1])
            assert np.array_equal(alpha, samples[..., -1])
        turned = np.swapaxes(samples, 0, 1)
        expected = [
            samples,
            samples[:, ::-1],
            samples[::-1, ::-1],
            samples[::-1],
            turned,
            turned[:, ::-1],
            turned[::-1, ::-1],
            turned[::-1],
        ]
        for orientation, one in enumerate([samples, *expected, samples]):
            assert np.array_equal(upright(samples, orientation), one), orientation
