"""How much two pictures differ, and where."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips

_SHOWN = 10
"""Mean difference of channels above which a pixel is shown as different."""
_STEEPNESS, _FADED = 3, 128


def similarity_and_difference(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]
) -> tuple[float, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Per cent, and a picture that shows where they differ: its colours and its alpha. Both are height × width × 3."""
    colour, alpha = np.empty_like(one), np.empty(one.shape[:2], np.uint8)
    total = 0
    for rows in strips(one.shape[0]):
        differences = np.abs(one[rows].astype(np.int16) - other[rows]).sum(axis=2)
        total += int(differences.sum())
        mean = differences / 3
        differs = mean > _SHOWN
        colour[rows] = np.where(differs[..., None], np.array((255, 0, 0), np.uint8), one[rows])
        alpha[rows] = np.where(differs, np.minimum(255, np.rint(mean * _STEEPNESS)), _FADED)
    return round(100 - total / 3 / (one.shape[0] * one.shape[1]) / 255 * 100, 2), colour, alpha
