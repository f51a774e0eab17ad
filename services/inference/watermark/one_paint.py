"""How much of each pixel a paint of known colour and opacity covers, by the edges that its removal removes.

Under paint of colour c and opacity a, a pixel's distance from c is (1 - a) times what it was. Its logarithm is lower by one number, the
same on every ground, and the picture's own texture is as strong under the paint as next to it. So the cover is found that leaves the
fewest edges in the logarithm when that number is added back where it covers:

    minimise  sum weight |grad(plane + step x cover)| + border x sum |grad cover| + area x sum cover,   0 <= cover <= 1.

The weights fall where a strong edge is left (iteratively reweighted: Candès, Wakin and Boyd, "Enhancing sparsity by reweighted l1
minimization", 2008), since those are the picture's own. Each round is solved as in `cover`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from services.inference.media.colour import strips
from services.inference.watermark.strokes import Mask, Pixels8, Plane

_NOISE = 3.0  # levels of a JPEG
_NEAREST = 4.0  # levels: distances from the colour below that are noise
_BORDER, _AREA = 0.3, 0.02  # of the step: the edge that a pixel of border must remove, and the evidence that each covered pixel needs
_LEAST_EDGE = 0.03
_STRIP, _REACH = 512, 8  # rows
_SOFT = 1.3  # pixels: standard deviation of the means next to an edge


def distances(pixels: Pixels8, colour: Sequence[float]) -> Plane:
    """Root mean square distance of each pixel (height x width x channels) from a colour, in levels."""
    away = pixels.astype(np.float32) - np.array(colour, np.float32)
    return np.asarray(np.sqrt((away * away).mean(axis=2)), np.float32)


def step_of(opacity: float) -> float:
    """The amount that paint of this opacity, below 1, subtracts from the logarithm of the distance from its colour."""
    return -math.log(1 - opacity)


def covered_by(
    pixels: Pixels8, colour: Sequence[float], opacity: float, start: Plane, rounds: Sequence[int], check: Callable[[], None]
) -> Plane:
    """The share of each pixel of an sRGB crop that the paint covers. `start` is a guess; `rounds` are iterations between new weights.

    Takes about 0.1 µs per pixel and iteration.
    """
    away = distances(pixels, colour)
    step = np.float32(step_of(opacity))
    plane = np.log(away + np.float32(_NEAREST))
    # Where the picture nearly has the paint's colour, noise is as large as the step.
    trust = 1 / (1 + (_NOISE / (away + 1) / (0.3 * step)) ** 2)
    across, down = np.diff(plane, axis=1), np.diff(plane, axis=0)
    most_across, most_down = np.minimum(trust[:, 1:], trust[:, :-1]), np.minimum(trust[1:], trust[:-1])
    usual = np.float32(np.median(np.abs(across))) + np.float32(_LEAST_EDGE)
    limit_across, limit_down = most_across, most_down
    pull_across, pull_down, border_across, border_down = (np.zeros_like(edges) for edges in (across, down, across, down))
    border, area = np.float32(_BORDER) * step, np.float32(_AREA) * step
    rate = 1 / (4 * (step + border))
    cover = start.astype(np.float32)
    for iterations in rounds:
        ahead = cover.copy()
        for _ in range(iterations):
            check()
            sideways, downward = np.diff(ahead, axis=1), np.diff(ahead, axis=0)
            pull_across += (across + step * sideways) / (2 * step)
            np.clip(pull_across, -limit_across, limit_across, out=pull_across)
            pull_down += (down + step * downward) / (2 * step)
            np.clip(pull_down, -limit_down, limit_down, out=pull_down)
            border_across = (border_across + sideways / 2).clip(-1, 1)
            border_down = (border_down + downward / 2).clip(-1, 1)
            gradient = np.full_like(cover, area)
            _subtract_divergence(gradient, pull_across * step + border_across * border, pull_down * step + border_down * border)
            following = (cover - rate * gradient).clip(0, 1)
            ahead = 2 * following - cover
            cover = following
        clear = plane + step * cover
        limit_across = most_across / (1 + np.abs(np.diff(clear, axis=1)) / usual)
        limit_down = most_down / (1 + np.abs(np.diff(clear, axis=0)) / usual)
    return np.asarray(cover, np.float32)


def _subtract_divergence(plane: Plane, across: Plane, down: Plane) -> None:
    plane[:, 1:] += across
    plane[:, :-1] -= across
    plane[1:] += down
    plane[:-1] -= down


def with_soft_edges(pixels: Pixels8, covered: Mask, colour: Sequence[float], opacity: float) -> Plane:
    """The cover of shapes with an edge one pixel wide on both sides of their border, from what is seen there.

    An edge pixel is placed between the neighbouring picture and the paint over that.
    """
    height = covered.shape[0]
    cover = covered.astype(np.float32)
    for rows in strips(height, _STRIP):
        # With the rows above and below that the means next to an edge take in.
        wide = slice(max(0, rows.start - _REACH), min(height, rows.stop + _REACH))
        if covered[wide].any():
            inner = slice(rows.start - wide.start, rows.stop - wide.start)
            cover[rows] = _soft_edges(pixels[wide], covered[wide], colour, opacity)[inner]
    return cover


def _soft_edges(pixels: Pixels8, covered: Mask, colour: Sequence[float], opacity: float) -> Plane:
    kernel = np.ones((3, 3), np.uint8)
    shapes = covered.astype(np.uint8)
    edge = (cv2.dilate(shapes, kernel) > 0) & (cv2.erode(shapes, kernel) == 0)
    step = np.float32(step_of(opacity))
    plane = np.log(distances(pixels, colour) + np.float32(_NEAREST))
    known = (~edge).astype(np.float32)
    weight = cv2.GaussianBlur(known, (0, 0), _SOFT)
    below = cv2.GaussianBlur((plane + step * covered) * known, (0, 0), _SOFT) / np.maximum(weight, 1e-6)
    cover = covered.astype(np.float32)
    # In the middle of a thin stroke nothing is known next to it.
    placed = edge & (weight > 0.02)
    cover[placed] = ((below - plane) / step).clip(0, 1)[placed]
    return cover
