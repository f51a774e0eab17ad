"""All repeats of a tiled mark folded onto one another: what each place of a repeat adds to the picture."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.watermark.strokes import Plane

Floats = npt.NDArray[np.float64]

_BLOCKS = 5
_LARGEST_STEP = 110.0  # levels
_CALM = 24  # pixels
_NOISE = 2.0  # levels


def cell_shape(steps: Floats) -> tuple[int, int]:
    """Rows (along the second step) and columns (along the first) that one repeat is sampled in."""
    lengths = np.hypot(steps[0], steps[1])
    return max(8, round(float(lengths[1]))), max(8, round(float(lengths[0])))


def coordinates(steps: Floats, rows: slice | int, width: int, every: int = 1) -> tuple[Floats, Floats]:
    """Place of each pixel within its repeat, 0 to 1 along each step."""
    inverse = np.linalg.inv(steps)
    first, last = (0, rows) if isinstance(rows, int) else (rows.start, rows.stop)
    x, y = np.arange(0, width, every), np.arange(first, last, every)[:, np.newaxis]
    return (inverse[0, 0] * x + inverse[0, 1] * y) % 1.0, (inverse[1, 0] * x + inverse[1, 1] * y) % 1.0


def cell_index(steps: Floats, rows: slice, width: int, shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """The place within a repeat, as an index into its flattened samples, of each pixel of some rows."""
    first, second = coordinates(steps, rows, width)
    column = np.minimum((first * shape[1]).astype(np.intp), shape[1] - 1)
    row = np.minimum((second * shape[0]).astype(np.intp), shape[0] - 1)
    return (row * shape[1] + column).ravel()


class Folded:
    """Sums over the repeats of a picture, kept apart for halves of them and for blocks of the picture."""

    def __init__(self, gray: Plane, steps: Floats, shape: tuple[int, ...], colour: float, below: Plane | None = None) -> None:
        if below is None:
            kernel = min(151, max(31, round(0.6 * min(shape)))) | 1
            below = cv2.medianBlur(gray.astype(np.uint8), kernel).astype(np.float32)
        limit = 5 * float(np.median(np.abs(gray - below))) + _LARGEST_STEP
        self._shape = shape
        size = shape[0] * shape[1]
        self._products = np.zeros((2, size))
        self._squares = np.zeros((2, size))
        self._blocks: list[tuple[npt.NDArray[np.intp], Plane, Plane]] = []
        inverse = np.linalg.inv(steps)
        for rows in strips(gray.shape[0], -(-gray.shape[0] // _BLOCKS)):
            towards = colour - below[rows]
            difference = (gray[rows] - below[rows]).clip(-limit, limit)
            # Smooth parts of the picture show the mark most clearly: least squares weighted by what else is going on there.
            weight = 1 / (cv2.blur(difference**2, (2 * _CALM + 1, 2 * _CALM + 1)).clip(0) + _NOISE**2)
            cells = cell_index(steps, rows, gray.shape[1], shape).reshape(towards.shape)
            x, y = np.arange(gray.shape[1]), np.arange(rows.start, rows.stop)[:, np.newaxis]
            half = (np.floor(inverse[0, 0] * x + inverse[0, 1] * y) + np.floor(inverse[1, 0] * x + inverse[1, 1] * y)).astype(int) % 2
            for number in (0, 1):
                chosen = half == number
                self._products[number] += np.bincount(cells[chosen], (weight * towards * difference)[chosen], size)
                self._squares[number] += np.bincount(cells[chosen], (weight * towards**2)[chosen], size)
            root = np.sqrt(weight)
            for columns in strips(gray.shape[1], -(-gray.shape[1] // _BLOCKS)):
                self._blocks.append((cells[:, columns], (root * towards)[:, columns], (root * difference)[:, columns]))

    def opacity(self) -> Plane:
        """Least squares of `seen - below = opacity x (colour - below)` at each place of a repeat."""
        plane = self._fitted(self._products.sum(axis=0), self._squares.sum(axis=0))
        # Where there is no mark the median estimate of the picture below is off by a trifle everywhere.
        return np.asarray(plane - np.median(plane), np.float32)

    def halves(self) -> tuple[Plane, Plane]:
        """The same from every other repeat, and from the rest."""
        first, second = (self._fitted(self._products[number], self._squares[number]) for number in (0, 1))
        return first, second

    def _fitted(self, products: Floats, squares: Floats) -> Plane:
        plane = (products / np.maximum(squares, 1e-9)).reshape(self._shape).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(np.pad(plane, 4, mode="wrap"), (0, 0), 0.6)[4:-4, 4:-4], np.float32)

    def explained(self, opacity: Plane) -> float:
        """Energy of the picture's detail that the mark accounts for."""
        return float((opacity.ravel() ** 2 * self._squares.sum(axis=0)).sum())

    def presence(self, mark: Plane) -> float:
        """Share of the blocks of the picture in which the mark is about as strong as it is on the whole."""
        strengths = list(self._strengths(mark.ravel()))
        return float(np.mean([0.35 < strength < 1.9 for strength in strengths])) if strengths else 0.0

    def _strengths(self, opacity: npt.NDArray[np.float32]) -> Iterator[float]:
        for cells, towards, difference in self._blocks:
            expected = opacity[cells] * towards
            energy = float((expected**2).sum())
            if energy > 0:
                yield float((expected * difference).sum()) / energy
