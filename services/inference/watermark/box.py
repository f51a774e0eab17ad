"""Upright rectangles in a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """Columns `left` to `right` and rows `top` to `bottom`, in pixels; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def from_percent(cls, x1: float, y1: float, x2: float, y2: float, width: int, height: int) -> Box:
        """The pixels touched by a rectangle in per cent of a picture's size, at least one."""
        left, top = min(width - 1, math.floor(x1 * width / 100)), min(height - 1, math.floor(y1 * height / 100))
        return cls(
            left, top, max(left + 1, min(width, math.ceil(x2 * width / 100))), max(top + 1, min(height, math.ceil(y2 * height / 100)))
        )

    def to_percent(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in per cent of a picture's size."""
        return 100 * self.left / width, 100 * self.top / height, 100 * self.right / width, 100 * self.bottom / height

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> int:
        """In pixels."""
        return self.width * self.height

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int, width: int, height: int) -> Box:
        """Grown by `margin` pixels on each side, within the picture."""
        return Box(
            max(0, self.left - margin), max(0, self.top - margin), min(width, self.right + margin), min(height, self.bottom + margin)
        )

    def within(self, outer: Box) -> Box:
        """The same rectangle in the coordinates of `outer`'s crop."""
        return Box(self.left - outer.left, self.top - outer.top, self.right - outer.left, self.bottom - outer.top)

    def translate(self, columns: int, rows: int) -> Box:
        """The same rectangle, moved right and down by so many pixels."""
        return Box(self.left + columns, self.top + rows, self.right + columns, self.bottom + rows)

    def touches(self, other: Box) -> bool:
        """Whether the two share a pixel."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def common(self, other: Box) -> Box:
        """The intersection of the two, if they touch."""
        return Box(max(self.left, other.left), max(self.top, other.top), min(self.right, other.right), min(self.bottom, other.bottom))

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(min(self.left, other.left), min(self.top, other.top), max(self.right, other.right), max(self.bottom, other.bottom))
