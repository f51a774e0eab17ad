"""All repeats of a tiled mark folded onto one another: what each position in a repeat adds to the picture."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.watermark.strokes import Plane

Floats = npt.NDArray[np.float64]

_BLOCKS = 5
_EVERY = 4  # rows: interval that samples a picture's usual detail
_LARGEST_STEP = 110.0  # levels
_CALM = 24  # pixels
_NOISE = 2.0  # levels


def cell_shape(steps: Floats) -> tuple[int, int]:
    """Rows (along the second step) and columns (along the first) at which one repeat is sampled."""
    lengths = np.hypot(steps[0], steps[1])
    return max(8, round(float(lengths[1]))), max(8, round(float(lengths[0])))


def coordinates(steps: Floats, rows: slice | int, width: int, every: int = 1) -> tuple[Floats, Floats]:
    """Position of each pixel within its repeat, 0 to 1 along each step."""
    first, second = _along_steps(steps, slice(0, rows) if isinstance(rows, int) else rows, width, every)
    for along in (first, second):
        # Several times faster than the remainder.
        np.subtract(along, np.floor(along), out=along)
    return first, second


def _along_steps(steps: Floats, rows: slice, width: int, every: int = 1) -> tuple[Floats, Floats]:
    """Each pixel's position, in steps."""
    inverse = np.linalg.inv(steps)
    x, y = np.arange(0, width, every), np.arange(rows.start, rows.stop, every)[:, np.newaxis]
    return inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y


class FoldedSums:
    """Sums over the repeats of a picture, kept separately for each half of them."""

    def __init__(self, gray: Plane, steps: Floats, shape: tuple[int, ...], colour: float, below: Plane | None = None) -> None:
        if below is None:
            kernel = min(151, max(31, round(0.6 * min(shape)))) | 1
            below = cv2.medianBlur(gray.astype(np.uint8), kernel).astype(np.float32)
        self._gray, self._below, self._steps, self._shape, self._colour = gray, below, steps, shape, np.float32(colour)
        self._limit = 5 * float(np.median(np.abs(gray[::_EVERY] - below[::_EVERY]))) + _LARGEST_STEP
        size = shape[0] * shape[1]
        self._products, self._squares = np.zeros((2, 2, size))
        for rows in self._strips():
            cells, halves, weight, towards, difference = self._folded(rows)
            cells += size * halves
            weight *= towards
            self._products += np.bincount(cells.ravel(), (weight * difference).ravel(), 2 * size).reshape(2, size)
            self._squares += np.bincount(cells.ravel(), (weight * towards).ravel(), 2 * size).reshape(2, size)

    def _strips(self) -> Iterator[slice]:
        return strips(self._gray.shape[0], -(-self._gray.shape[0] // _BLOCKS))

    def _folded(self, rows: slice) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Plane, Plane, Plane]:
        """For the pixels of some rows: position in the repeat, half, weight, distance to the paint, and distance to the visible sample."""
        below = self._below[rows]
        difference = (self._gray[rows] - below).clip(-self._limit, self._limit)
        # Smooth parts of the picture show the mark most clearly, so the least squares are weighted by local detail.
        weight: Plane = np.asarray(1 / (cv2.blur(difference**2, (2 * _CALM + 1, 2 * _CALM + 1)).clip(0) + _NOISE**2), np.float32)
        first, second = _along_steps(self._steps, rows, self._gray.shape[1])
        column, row = np.floor(first), np.floor(second)
        halves = (column + row).astype(np.int32) & 1
        first -= column
        second -= row
        height, width = self._shape
        cells = np.minimum((second * height).astype(np.int32), height - 1)
        cells *= width
        cells += np.minimum((first * width).astype(np.int32), width - 1)
        return cells, halves, weight, np.asarray(self._colour - below, np.float32), np.asarray(difference, np.float32)

    def opacity(self) -> Plane:
        """Least squares of `seen - below = opacity x (colour - below)` at each position in a repeat."""
        plane = self._fitted(self._products.sum(axis=0), self._squares.sum(axis=0))
        # Even without a mark, the median estimate of the picture below is slightly off everywhere.
        return np.asarray(plane - np.median(plane), np.float32)

    def halves(self) -> tuple[Plane, Plane]:
        """The opacity from every other repeat, and from the rest."""
        first, second = (self._fitted(self._products[number], self._squares[number]) for number in (0, 1))
        return first, second

    def _fitted(self, products: Floats, squares: Floats) -> Plane:
        plane = (products / np.maximum(squares, 1e-9)).reshape(self._shape).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(np.pad(plane, 4, mode="wrap"), (0, 0), 0.6)[4:-4, 4:-4], np.float32)

    def explained_energy(self, opacity: Plane) -> float:
        """Energy of the picture's detail explained by the mark."""
        return float((opacity.ravel() ** 2 * self._squares.sum(axis=0)).sum())

    def presence(self, mark: Plane) -> float:
        """Share of the picture's blocks in which the mark is about as strong as overall."""
        strengths = list(self._strengths(mark.ravel()))
        return float(np.mean([0.35 < strength < 1.9 for strength in strengths])) if strengths else 0.0

    def _strengths(self, opacity: Plane) -> Iterator[float]:
        for rows in self._strips():
            cells, _, weight, towards, difference = self._folded(rows)
            for columns in strips(cells.shape[1], -(-cells.shape[1] // _BLOCKS)):
                expected = opacity[cells[:, columns]] * towards[:, columns]
                weighted = weight[:, columns] * expected
                energy = float((weighted * expected).sum())
                if energy > 0:
                    yield float((weighted * difference[:, columns]).sum()) / energy
