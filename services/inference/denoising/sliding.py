"""Filtering the cosine transform of every block of a plane, at many places, and taking the mean of what they say.

G. Yu, G. Sapiro: "DCT image denoising: a simple and effective image denoising algorithm", IPOL 1 (2011), with a Wiener filter as the second
step, as K. Dabov et al. have it (BM3D, IEEE TIP 16, 2007), and with thresholds for each frequency and for the brightness of each block.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from services.inference.denoising.blocks import DCT, SIDE, Floats, blocks_of, plane_of

_THRESHOLD = 2.7
"""In standard deviations of the noise."""

Level = Callable[[Floats], Floats]
"""Standard deviation of the noise of blocks with these means of the guide."""


def threshold(plane: Floats, guide: Floats, level: Level, spectrum: Floats, step: int) -> Floats:
    """The plane with only the frequencies that stand out of the noise. `step`: pixels between blocks, a divisor of 8."""
    shares = np.float32(_THRESHOLD) * spectrum
    total, weights = _empty(plane)
    for window in _places(plane, step):
        coefficients = blocks_of(_at(plane, window)) @ DCT
        sigma = level(blocks_of(_at(guide, window)).mean(axis=1))
        kept = np.abs(coefficients) >= sigma[:, None] * shares
        kept[:, 0] = True
        coefficients *= kept
        weight = np.asarray(1 / kept.sum(axis=1, dtype=np.float32), np.float32)
        _add(total, weights, window, np.asarray(coefficients @ DCT.T, np.float32), weight)
    return total / weights


def wiener(plane: Floats, basic: Floats, guide: Floats, level: Level, spectrum: Floats, step: int) -> Floats:
    """The plane with each frequency as far as it stands out of the noise in `basic`."""
    squares = spectrum**2
    total, weights = _empty(plane)
    for window in _places(plane, step):
        coefficients = blocks_of(_at(plane, window)) @ DCT
        known = blocks_of(_at(basic, window)) @ DCT
        sigma = level(blocks_of(_at(guide, window)).mean(axis=1))
        known *= known
        gains = known / (known + (sigma**2)[:, None] * squares + np.float32(1e-9))
        gains[:, 0] = 1
        coefficients *= gains
        weight = np.asarray(1 / np.einsum("ij,ij->i", gains, gains), np.float32)
        _add(total, weights, window, np.asarray(coefficients @ DCT.T, np.float32), weight)
    return total / weights


def _empty(plane: Floats) -> tuple[Floats, Floats]:
    return np.zeros_like(plane), np.zeros_like(plane)


def _places(plane: Floats, step: int) -> list[tuple[slice, slice]]:
    """The parts of the plane that whole blocks cover, for each place of their first corner; every pixel of a plane whose sides are
    multiples of 8 is in one of them."""
    height, width = plane.shape
    found = []
    for top in range(0, SIDE, step):
        for left in range(0, SIDE, step):
            bottom, right = top + (height - top) // SIDE * SIDE, left + (width - left) // SIDE * SIDE
            if bottom > top and right > left:
                found.append((slice(top, bottom), slice(left, right)))
    return found


def _at(plane: Floats, window: tuple[slice, slice]) -> Floats:
    return plane[window]


def _add(total: Floats, weights: Floats, window: tuple[slice, slice], blocks: Floats, weight: Floats) -> None:
    height, width = total[window].shape
    blocks *= weight[:, None]
    total[window] += plane_of(blocks, height, width)
    weights[window] += np.repeat(np.repeat(weight.reshape(height // SIDE, width // SIDE), SIDE, 0), SIDE, 1)
