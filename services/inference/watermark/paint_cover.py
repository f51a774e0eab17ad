"""How much of each pixel a paint of known colour and opacity covers: where removing it removes edges, and where a network expects it.

Under paint of colour c and opacity a, a pixel's distance from c is (1 - a) times what it was. Its logarithm is lower by one number, the
same on every ground, and the picture's own texture is as strong under the paint as next to it. So the cover is found that leaves the
fewest edges in the logarithm when that number is added back where it covers:

    minimise  sum weight |grad(plane + step x cover)| + border x sum |grad cover| + sum (1 - 2 expected) x area x cover,   0 <= cover <= 1.

The weights fall where a strong edge is left (iteratively reweighted: Candès, Wakin and Boyd, "Enhancing sparsity by reweighted l1
minimization", 2008), since those are the picture's own. Each round is convex, and solved with the primal-dual method of Chambolle and Pock
(J. Math. Imaging Vis. 40, 2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from services.inference.watermark.paint_fit import Levels, Paint
from services.inference.watermark.strokes import Mask, Plane

_NOISE = 3.0  # levels of a JPEG
_NEAREST = 4.0  # levels: distances from the colour below that are noise
_BORDER, _AREA = 0.3, 0.15  # of the step: the edge that a pixel of border must remove; the weight of what is expected
_LEAST_EDGE = 0.03
_ROUNDS = 40, 25, 25  # iterations between new weights
_MOST_OPACITY = 0.93
_SOFT = 1.5  # pixels: standard deviation of the means next to an edge, for each pixel that it reaches


def covered_by(pixels: Levels, paint: Paint, expected: Plane, check: Callable[[], None], rounds: Sequence[int] = _ROUNDS) -> Plane:
    """The share of each pixel of a crop, [H, W, 3], that the paint covers; `expected` is how certain the network is of it, 0 to 1.

    Takes about 0.1 µs per pixel and iteration.
    """
    away = _distances(pixels, paint)
    step = np.float32(-math.log(1 - min(paint.opacity, _MOST_OPACITY)))
    plane = np.log(away + np.float32(_NEAREST))
    # Where the picture nearly has the paint's colour, noise is as large as the step.
    trust = 1 / (1 + (_NOISE / (away + 1) / (0.3 * step)) ** 2)
    across, down = np.diff(plane, axis=1), np.diff(plane, axis=0)
    most_across, most_down = np.minimum(trust[:, 1:], trust[:, :-1]), np.minimum(trust[1:], trust[:-1])
    usual = np.float32(np.median(np.abs(across))) + np.float32(_LEAST_EDGE)
    limit_across, limit_down = most_across, most_down
    pull_across, pull_down, border_across, border_down = (np.zeros_like(edges) for edges in (across, down, across, down))
    border, area = np.float32(_BORDER) * step, np.float32(_AREA) * step * (1 - 2 * expected)
    rate = 1 / (4 * (step + border))
    cover = expected.astype(np.float32)
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
            gradient = area.astype(np.float32)
            _subtract_divergence(gradient, pull_across * step + border_across * border, pull_down * step + border_down * border)
            following = (cover - rate * gradient).clip(0, 1)
            ahead = 2 * following - cover
            cover = following
        clear = plane + step * cover
        limit_across = most_across / (1 + np.abs(np.diff(clear, axis=1)) / usual)
        limit_down = most_down / (1 + np.abs(np.diff(clear, axis=0)) / usual)
    return np.asarray(cover, np.float32)


def soft_opacity(pixels: Levels, painted: Mask, paint: Paint, reach: int = 1) -> Plane:
    """The paint's opacity in each pixel. Up to `reach` pixels on both sides of its border, a pixel is placed between the picture next to it
    and the paint over that."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    shapes = painted.astype(np.uint8)
    edge = (cv2.dilate(shapes, kernel) > 0) & (cv2.erode(shapes, kernel) == 0)
    colour, opacity = np.array(paint.colour, np.float32), np.float32(min(paint.opacity, _MOST_OPACITY))
    clear = np.where(painted[..., np.newaxis], (pixels - opacity * colour) / (1 - opacity), pixels).clip(0, 255)
    known = (~edge).astype(np.float32)
    share = cv2.GaussianBlur(known, (0, 0), _SOFT * reach)
    below = cv2.GaussianBlur(clear * known[..., np.newaxis], (0, 0), _SOFT * reach) / np.maximum(share, 1e-6)[..., np.newaxis]
    added = np.float32(paint.opacity) * (colour - below)
    cover = ((pixels - below) * added).sum(axis=2) / np.maximum((added * added).sum(axis=2), 25.0)
    # In the middle of a thin stroke nothing is known next to it.
    cover = np.where(edge & (share > 0.02), cover.clip(0, 1), painted)
    return np.asarray(cover * np.float32(paint.opacity), np.float32)


def _distances(pixels: Levels, paint: Paint) -> Plane:
    """Root mean square distance of each pixel from the paint's colour, in levels."""
    away = pixels - np.array(paint.colour, np.float32)
    return np.asarray(np.sqrt((away * away).mean(axis=2)), np.float32)


def _subtract_divergence(plane: Plane, across: Plane, down: Plane) -> None:
    plane[:, 1:] += across
    plane[:, :-1] -= across
    plane[1:] += down
    plane[:-1] -= down
