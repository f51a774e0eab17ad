"""The current path, as far as needed for the shapes of letters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from services.inference.pdf.search.geometry import Box, Matrix, Point, Quad, around, at, quad

_MOST_POINTS = 20_000
_CORNERS = 4
_NEAR = 0.5  # points


@dataclass(slots=True)
class Path:
    """Its subpaths in the page's space."""

    subpaths: list[list[Point]] = field(default_factory=list)
    curves: int = 0
    clips: bool = False
    _points: int = 0

    def build(self, operator: bytes, values: list[float], matrix: Matrix) -> None:
        """Add what a path operator draws."""
        self._points += 1
        if self._points > _MOST_POINTS:
            return
        if operator == b"re" and len(values) == 4:
            x, y, width, height = values
            self.subpaths.append(list(quad(matrix, x, y, x + width, y + height)))
        elif operator == b"m" and len(values) == 2:
            self.subpaths.append([at(matrix, values[0], values[1])])
        elif len(values) >= 2 and self.subpaths:
            # A curve lies within its control points.
            self.subpaths[-1] += [at(matrix, x, y) for x, y in zip(values[::2], values[1::2], strict=False)]
            self.curves += len(values) > 2

    def shapes(self, degrees: float) -> list[tuple[Quad, bytes]]:
        """The box of each subpath along a direction, and its form for comparison, which is independent of its position."""
        found = []
        for points in self.subpaths:
            left, bottom, right, top = around(points)
            found.append((_box(points, degrees), f"{right - left:.1f} {top - bottom:.1f} {len(points)}".encode()))
        return found

    @property
    def is_panel(self) -> bool:
        """Whether it is one parallelogram, as a rectangle is under any matrix."""
        if len(self.subpaths) != 1:
            return False
        points = self.subpaths[0]
        points = points[:-1] if len(points) == _CORNERS + 1 and points[0] == points[-1] else points
        if len(points) != _CORNERS:
            return False
        (a, b), (c, d), (e, f), (g, h) = points
        return abs(a + e - c - g) <= _NEAR and abs(b + f - d - h) <= _NEAR

    def area(self) -> Quad | None:
        """The upright box around all of it."""
        points = [point for subpath in self.subpaths for point in subpath]
        return corners(around(points)) if points else None


def corners(box: Box) -> Quad:
    """An upright box by its corners."""
    left, bottom, right, top = box
    return (left, bottom), (right, bottom), (right, top), (left, top)


def _box(points: list[Point], degrees: float) -> Quad:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    along = [x * cosine + y * sine for x, y in points]
    across = [y * cosine - x * sine for x, y in points]
    low, high, near, far = min(along), max(along), min(across), max(across)

    def back(u: float, v: float) -> Point:
        return u * cosine - v * sine, u * sine + v * cosine

    return back(low, near), back(high, near), back(high, far), back(low, far)
