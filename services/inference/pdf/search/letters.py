"""Whether shapes in a drawing are arranged like letters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.inference.pdf.search.geometry import Quad

_LEAST = 3
_ALIKE = 0.45  # of the usual height
_MOST_ALIKE = 0.6  # of the shapes: holes in letters are shapes, too
_LONG = 1.8  # length over breadth from which a row has a direction
_DIFFERENT = 0.6  # of the shapes: markers of a chart are alike
_CORNERS = 6
_ALIGNED = 0.8  # of the letters
_NEAREST, _FURTHEST = 0.3, 2.0  # times the height, from one letter to the next


def in_rows(quads: Sequence[Quad], pieces: Sequence[bytes], tilt: float) -> bool:
    """Whether shapes have similar heights, measured across a direction, and differ from one another, unlike the dots of a chart."""
    if len(quads) < _LEAST or len(set(pieces)) < _LEAST:
        return False
    heights = _heights(quads, tilt)
    usual = float(np.median(heights))
    return usual > 0 and float((np.abs(heights - usual) <= _ALIKE * usual).mean()) >= _MOST_ALIKE


def in_line(quads: Sequence[Quad], pieces: Sequence[bytes], tilt: float) -> bool:
    """Whether shapes without curves are letters, as programs draw them that flatten curves: they stand side by side along a direction,
    differ, and have many corners. `pieces` end with the number of corners."""
    if len(set(pieces)) < _DIFFERENT * len(pieces) or np.mean([int(piece.split()[-1]) >= _CORNERS for piece in pieces]) < _MOST_ALIKE:
        return False
    points, angle = np.array(quads), math.radians(tilt)
    low, high = points.min(axis=1), points.max(axis=1)
    within = (low[:, None] >= low).all(axis=2) & (high[:, None] <= high).all(axis=2) & ~np.eye(len(points), dtype=bool)
    middles = points.mean(axis=1)[~within.any(axis=1)]  # of letters; their holes lie within them
    along = np.sort(middles @ (math.cos(angle), math.sin(angle)))
    across = middles @ (-math.sin(angle), math.cos(angle))
    height = letter_height(quads, tilt)
    if len(middles) < _LEAST or (np.abs(across - np.median(across)) <= _ALIKE * height).mean() < _ALIGNED:
        return False
    steps = np.diff(along) / height
    return bool(np.median(steps) >= _NEAREST and steps.max() <= _FURTHEST)


def letter_height(quads: Sequence[Quad], tilt: float) -> float:
    """Median height across a direction."""
    return float(np.median(_heights(quads, tilt)))


def lean(quads: Sequence[Quad]) -> float:
    """Direction of the line along which the middles of shapes lie, in degrees; 0 if they are not in a line."""
    if len(quads) < _LEAST:
        return 0.0
    middles = np.array(quads).mean(axis=1)
    x, y = (middles - middles.mean(axis=0)).T
    xx, yy, xy = float((x * x).mean()), float((y * y).mean()), float((x * y).mean())
    spread = math.hypot(xx - yy, 2 * xy)
    if xx + yy + spread < _LONG**2 * max(xx + yy - spread, 1e-6):
        return 0.0
    return 0.5 * math.degrees(math.atan2(2 * xy, xx - yy))


def _heights(quads: Sequence[Quad], tilt: float) -> NDArray[np.float64]:
    points = np.array(quads)
    angle = math.radians(tilt)
    across = points[..., 1] * math.cos(angle) - points[..., 0] * math.sin(angle)
    heights: NDArray[np.float64] = np.ptp(across, axis=1)
    return heights
