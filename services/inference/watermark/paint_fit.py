"""The colour and opacity of paint, from the pixels on both sides of its border.

On both sides the picture below is about the same. So colours inside, plotted against colours outside, lie on a line: its slope is the share
that shows through, its offset is opacity times colour. Places across an edge of the picture lie off that line, and count less and less
(iteratively reweighted least squares with Cauchy's weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.strokes import Mask, Plane

Levels = npt.NDArray[np.float32]

_SAMPLES = 15_000
_ROUNDS = 20
_REACHES = 2.5, 5.0  # pixels: standard deviation of the means on both sides
_MOST_DEEP = 8  # pixels from the border
_LEAST_SEEN, _LEAST_PLACES = 0.02, 20
_PRIOR = 20.0  # levels squared: variation of the ground up to which the expected opacity counts more than the line's slope
_LEAST_OPACITY, _MOST_OPACITY = 0.03, 0.98


@dataclass(frozen=True, slots=True)
class Paint:
    """`seen = (1 - opacity) x below + opacity x colour`, from 0 to 255."""

    colour: tuple[float, float, float]
    opacity: float
    error: float
    """Median distance of the places from what the paint explains, in levels."""
    through: float
    """How much of the ground's variation is seen through the paint, in levels."""


def fit_paint(picture: Levels, painted: Mask, ground: Levels, known: Mask, expected: float) -> Paint | None:
    """The paint of the pixels `painted` of a picture, [H, W, 3]; None if nothing next to them is `known` of the `ground` below.

    `expected` is the opacity where the ground is too plain to tell.
    """
    depth = cv2.distanceTransform(painted.astype(np.uint8), cv2.DIST_L2, 5)
    ridge = depth >= 0.99 * cv2.dilate(depth, np.ones((5, 5), np.uint8))
    middle = painted & ((depth > 1.5) | ridge) & (depth < _MOST_DEEP)
    for reach in _REACHES:
        outer, outer_share = _means(ground, known, reach)
        inner, inner_share = _means(picture, middle, reach)
        places = middle & (outer_share > _LEAST_SEEN) & (inner_share > _LEAST_SEEN)
        if places.sum() >= _LEAST_PLACES:
            return _line(inner[places], outer[places], expected)
    return None


def _means(levels: Levels, mask: Mask, reach: float) -> tuple[Levels, Plane]:
    """Means of what is near in a mask, and how much of that there is."""
    counted = mask.astype(np.float32)
    share = np.asarray(cv2.GaussianBlur(counted, (0, 0), reach), np.float32)
    sums = cv2.GaussianBlur(levels * counted[..., np.newaxis], (0, 0), reach)
    return np.asarray(sums / np.maximum(share, 1e-6)[..., np.newaxis], np.float32), share


def _line(inside: Levels, outside: Levels, expected: float) -> Paint:
    step = max(1, len(inside) // _SAMPLES)
    inside, outside = inside[::step].astype(np.float64), outside[::step].astype(np.float64)
    weight = np.ones(len(inside))
    for _ in range(_ROUNDS):
        total = weight.sum()
        mean_in, mean_out = weight @ inside / total, weight @ outside / total
        from_in, from_out = inside - mean_in, outside - mean_out
        together, spread = (weight @ (first * from_out).sum(axis=1) / total for first in (from_in, from_out))
        slope = float(np.clip((together + _PRIOR * (1 - expected)) / (spread + _PRIOR), 1 - _MOST_OPACITY, 1 - _LEAST_OPACITY))
        offset = mean_in - slope * mean_out
        error = np.sqrt(((inside - slope * outside - offset) ** 2).mean(axis=1))
        middle = float(np.median(error))
        weight = 1 / (1 + (error / max(2.0, 1.5 * middle)) ** 2) ** 2
    opacity, colour = 1 - slope, offset / (1 - slope)
    if colour.min() < 0 or colour.max() > 255:
        # No paint has this colour: the nearest one, with the opacity that it has then. Where the picture nearly has it, it says little.
        colour = colour.clip(0, 255)
        towards = colour - outside
        says = (towards**2).sum(axis=1)
        opacities = ((inside - outside) * towards).sum(axis=1) / np.maximum(says, 1.0)
        order = np.argsort(opacities)
        reached = np.cumsum(says[order])
        opacity = float(np.clip(opacities[order][np.searchsorted(reached, reached[-1] / 2)], _LEAST_OPACITY, _MOST_OPACITY))
    red, green, blue = (float(level) for level in colour)
    return Paint((red, green, blue), opacity, middle, slope * math.sqrt(spread / 3))
