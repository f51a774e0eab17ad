"""Transformation matrices and places on a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Matrix = tuple[float, float, float, float, float, float]
"""a b c d e f as in PDF: x' = a x + c y + e, y' = b x + d y + f."""
Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_FAR = 1e7  # nothing visible is further away, and sums stay finite


def product(first: Matrix, then: Matrix) -> Matrix:
    """The matrix that applies `first` and `then` in that order."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = then
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def at(matrix: Matrix, x: float, y: float) -> Point:
    """Transform a point."""
    a, b, c, d, e, f = matrix
    return _bounded(a * x + c * y + e), _bounded(b * x + d * y + f)


def quad(matrix: Matrix, left: float, bottom: float, right: float, top: float) -> Quad:
    """Transform a rectangle."""
    return at(matrix, left, bottom), at(matrix, right, bottom), at(matrix, right, top), at(matrix, left, top)


def around(points: Iterable[Point]) -> Box:
    """The smallest upright box with all points in it."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def upright(place: Quad) -> Quad:
    """The smallest upright rectangle around a place."""
    left, bottom, right, top = around(place)
    return (left, bottom), (right, bottom), (right, top), (left, top)


def tilt(matrix: Matrix) -> float:
    """Degrees by which the horizontal is turned, counter-clockwise, over -180 to 180."""
    return math.degrees(math.atan2(matrix[1], matrix[0]))


def direction(matrix: Matrix, lean: float) -> float:
    """The direction on the page of a direction before the matrix, in degrees."""
    x, y = math.cos(math.radians(lean)), math.sin(math.radians(lean))
    a, b, c, d, _, _ = matrix
    return math.degrees(math.atan2(b * x + d * y, a * x + c * y))


def scale(matrix: Matrix) -> float:
    """The factor by which heights grow."""
    return math.hypot(matrix[2], matrix[3])


def slant(degrees: float) -> float:
    """How far a direction is from the nearest of horizontal and vertical as a reader sees it: 0 to 90, 90 being vertical."""
    turned = abs(degrees) % 180
    return min(turned, 180 - turned)


def matrix_of(values: Sequence[float]) -> Matrix | None:
    """Six numbers as a matrix."""
    if len(values) != 6 or not all(math.isfinite(value) for value in values):
        return None
    a, b, c, d, e, f = values
    return a, b, c, d, e, f


def _bounded(value: float) -> float:
    return max(-_FAR, min(_FAR, value)) if value == value else 0.0  # noqa: PLR0124 - not a number
