"""A second look at what the model has found: in its true proportions, and larger.

The first look squeezes the whole picture into a square. The model then misses details, and sometimes whole parts of what wide and tall
pictures show.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]

_FOUND = 64  # of 255: opacity from which something may be a part of the subject
_MARGIN = 0.1  # of the subject's longer side, around it
_LEAST = 0.5  # of the picture's longer side: what is seen any larger would be lost where both looks meet
_SAME = 0.95  # of the picture and of the model's input: what fills so much of both would look the same again
_PART = 25  # pixels of the model: what is so wide is a part of a subject, not an edge


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a picture, of height x width pixels, that is looked at again. The model's alpha is side x side."""

    rows: slice
    columns: slice
    height: int
    width: int
    side: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that the part has in the model's input."""
        wide, tall = self.columns.stop - self.columns.start, self.rows.stop - self.rows.start
        longest = max(wide, tall)
        return max(1, round(wide * self.side / longest)), max(1, round(tall * self.side / longest))

    def model_input(self, part: Pixels8) -> Pixels8:
        """The part in the middle of a square, and its reflection around it; `part` has the size above."""
        (left, right), (top, bottom) = ((space // 2, space - space // 2) for space in (self.side - length for length in self.size))
        return np.asarray(cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_REFLECT_101), np.uint8)

    def combined(self, first: Pixels8, second: Pixels8) -> Pixels8:
        """The whole picture's alpha: the second look's, and where that has lost a wide part, the first's."""
        seen = cv2.warpAffine(second, self._onto_second, (self.side, self.side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        inside, out = (self._cells(self.rows, self.height), self._cells(self.columns, self.width)), np.zeros_like(first)
        out[inside] = seen[inside]
        lost, wide = cv2.subtract(first, out), np.ones((_PART, _PART), np.uint8)
        near = cv2.dilate(cv2.morphologyEx(lost, cv2.MORPH_OPEN, wide), wide)
        return np.asarray(cv2.add(out, cv2.min(lost, near)), np.uint8)

    @property
    def _onto_second(self) -> npt.NDArray[np.float64]:
        """From a place in the first look's alpha to the same in the second's."""
        matrix = np.zeros((2, 3))
        spans = zip((self.columns, self.rows), (self.width, self.height), self.size, strict=True)
        for axis, (span, length, taken) in enumerate(spans):
            scale, cell = taken / (span.stop - span.start), length / self.side
            matrix[axis, axis] = scale * cell
            matrix[axis, 2] = (cell / 2 - span.start) * scale - 0.5 + (self.side - taken) // 2
        return matrix

    def _cells(self, span: slice, length: int) -> slice:
        return slice(round(span.start * self.side / length), round(span.stop * self.side / length))


def window_of(coarse: Pixels8, height: int, width: int) -> Window | None:
    """Where to look again, given the model's alpha of a picture of that size; None if the same would be seen, or there is nothing."""
    side = len(coarse)
    found = coarse > _FOUND
    rows, columns = (np.flatnonzero(found.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    ends = [(int(span[0]) * length / side, int(span[-1] + 1) * length / side) for span, length in ((rows, height), (columns, width))]
    extent = max((1 + 2 * _MARGIN) * max(end - start for start, end in ends), _LEAST * max(height, width))
    window = Window(_around(*ends[0], extent, height), _around(*ends[1], extent, width), height, width, side)
    tall, wide = window.rows.stop - window.rows.start, window.columns.stop - window.columns.start
    return None if min(tall / height, wide / width, min(window.size) / side) > _SAME else window


def _around(start: float, end: float, extent: float, length: int) -> slice:
    """So many pixels around the middle, moved or shortened where the picture ends."""
    first = min(max((start + end - extent) / 2, 0), max(length - extent, 0))
    return slice(int(first), min(length, round(first + extent)))
