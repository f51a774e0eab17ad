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


def in_rows(quads: Sequence[Quad], pieces: Sequence[bytes], tilt: float) -> bool:
    """Whether shapes have similar heights, measured across a direction, and differ from one another, unlike the dots of a chart."""
    if len(quads) < _LEAST or len(set(pieces)) < _LEAST:
        return False
    heights = _heights(quads, tilt)
    usual = float(np.median(heights))
    return usual > 0 and float((np.abs(heights - usual) <= _ALIKE * usual).mean()) >= _MOST_ALIKE


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
