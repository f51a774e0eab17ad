"""From the model's alpha to one whose edges, including hair, follow the colours of the picture, at the model's own size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.tuning import Tuning

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_CELL, _SMALL_CELL = 4, 2  # pixels a side
_SMALL_WINDOW = 15  # pixels: narrower windows are made of small cells
_UNSURE = 4, 251  # of 255: values of the model between these are an edge
_REACH = 3  # pixels around these that are taken to be unsure, too
_STEP = 100  # an outline may also jump from one to the other
_EPSILON = 1e-6  # colour variance (of 1) that counts as flat
_FIXED = 10.0  # weight of the model's alpha where it is sure
_ROUNDS = 40
_TOLERANCE = 1e-6  # mean of the squared residual at which the solution is good enough
_BETWEEN = 26, 229  # of 255: alpha from the first to the second is neither subject nor background
_ZONE = 25  # pixels of the window that measures a zone's width: the share of an outline is at most the first, of hair the second
_OUTLINE, _HAIR = 0.03, 0.12
_PULL, _SOFT_PULL = 0.025, 0.003  # weight of the model's alpha at outlines and in hair where it is one half, relative to the colours', 1
_CERTAINTY = 30  # how many times more it weighs at outlines where it is near 0 or 1
_OUTLINE_MOVES = 1  # pixel


def solve_edges(coarse: Pixels8, guide: Pixels8, tuning: Tuning, check: Callable[[], None]) -> Pixels8:
    """The alpha that fits both the model's alpha (`coarse`, height x width) and the colours (`guide`, height x width x 3, sRGB).

    Closed-form matting (Levin, Lischinski, Weiss, TPAMI 2008) with large windows (He, Sun, Tang: "Fast Matting Using Large Kernel
    Matting Laplacian Matrices", CVPR 2010): the matting Laplacian's product with an alpha is the alpha less its guided filter, so that
    conjugate gradients need no matrix. Windows are centred on cells of 4 x 4 or 2 x 2 pixels instead of on every pixel: the filter then
    blurs the cells' sums, and only the cells with an unsure pixel are solved. Where the model is sure, its alpha is kept; elsewhere it is
    pulled towards it. Both sides are multiples of four. Needs up to 100 bytes a pixel. `check` is called between rounds and may raise to
    cancel.
    """
    unsure = _unsure(coarse)
    if not unsure.any():
        return coarse
    window = 2 * tuning.radius + 1
    side = _SMALL_CELL if window < _SMALL_WINDOW else _CELL
    kernel = _kernel(window / side)
    cells = _Cells(unsure, side, margin=len(kernel))
    alpha, open_ = coarse[cells.box], cells.pick(unsure[cells.box])
    given = _unit(cells.pick(alpha))
    softness = _softness(cells.pick(_undecided(alpha))) * np.float32(tuning.softness)
    weight = np.where(open_, _pull(given, softness), np.float32(_FIXED))
    solved = _conjugate_gradients(_GuidedFilter(guide[cells.box], alpha, cells, kernel), weight, given, check)
    near = np.ones((2 * _OUTLINE_MOVES + 1,) * 2, np.uint8)
    lowest, highest = _unit(cells.pick(cv2.erode(alpha, near))), _unit(cells.pick(cv2.dilate(alpha, near)))
    # At outlines alpha moves a few pixels at most: texture on both sides would pull it further.
    solved += (np.clip(solved, lowest, highest) - solved) * (1 - softness)
    out = coarse.copy()
    cells.put(np.round(np.where(open_, solved, given).clip(0, 1) * 255).astype(np.uint8), out[cells.box])
    return out


class _Cells:
    """The cells that hold an unsure pixel. Their samples are arrays of a row for each place in a cell, and a column for each cell."""

    def __init__(self, unsure: Bools, side: int, margin: int) -> None:
        """Cells have `side` pixels a side. `margin` is how many around them matter."""
        self.side = side
        height, width = (length // side for length in unsure.shape)
        # A mean above zero: the same as any(), in a tenth of the time.
        chosen = cv2.resize(unsure.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA) > 0
        spans = [np.flatnonzero(chosen.any(axis=axis)) for axis in (1, 0)]
        rows, columns = (
            slice(max(int(span[0]) - margin, 0), min(int(span[-1]) + 1 + margin, count))
            for span, count in zip(spans, chosen.shape, strict=True)
        )
        chosen = chosen[rows, columns]
        self.height, self.width = chosen.shape
        self.box = slice(rows.start * side, rows.stop * side), slice(columns.start * side, columns.stop * side)
        """Rows and columns of the pixels around them: what `pick` and `put` take."""
        self._index = np.flatnonzero(chosen)

    def pick(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Their samples of the box's."""
        rows, columns = np.divmod(self._index, self.width)
        return np.ascontiguousarray(self._split(plane)[rows, columns].reshape(-1, self.side**2).T)

    def put(self, samples: npt.NDArray[Any], plane: npt.NDArray[Any]) -> None:
        """Write their samples into the box's."""
        rows, columns = np.divmod(self._index, self.width)
        self._split(plane)[rows, columns] = samples.T.reshape(-1, self.side, self.side)

    def gather(self, grid: Floats) -> Floats:
        """Their values of a grid that has one for each cell of the box."""
        return grid.ravel().take(self._index)

    def scatter(self, values: Floats) -> Floats:
        """The grid that has their values, and zero elsewhere."""
        grid = np.zeros(self.height * self.width, np.float32)
        grid[self._index] = values
        return grid.reshape(self.height, self.width)

    def means(self, plane: npt.NDArray[Any]) -> Floats:
        """The grid of the means of the box's samples."""
        return np.asarray(cv2.resize(plane, (self.width, self.height), interpolation=cv2.INTER_AREA), np.float32)

    def _split(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.lib.stride_tricks.as_strided(
            plane,
            (self.height, self.width, self.side, self.side),
            (plane.strides[0] * self.side, plane.strides[1] * self.side, *plane.strides),
        )


class _GuidedFilter:
    """Guided filter (He, Sun, Tang, TPAMI 2013) of the alpha in chosen cells, in windows that `kernel` weights the cells of."""

    def __init__(self, guide: Pixels8, alpha: Pixels8, cells: _Cells, kernel: Floats) -> None:
        self._cells, self._kernel = cells, kernel
        # Centred on zero, products of colours keep their digits in single precision.
        centre = np.array(cv2.mean(guide)[:3], np.float32)
        planes = [_unit(np.asarray(plane) - middle) for plane, middle in zip(cv2.split(guide), centre, strict=True)]
        self._guide = [cells.pick(plane) for plane in planes]
        self._means = [self._window(cells.means(plane)) for plane in planes]
        self._inverse = self._inverted(planes)
        opacity = _unit(alpha)
        self._whole = [*(cells.means(cv2.multiply(plane, opacity)) for plane in planes), cells.means(opacity)]

    def of_given(self) -> Floats:
        """Each pixel from the linear functions of colour that best fit the alpha of the whole box in the windows around it."""
        return self._predicted([self._cells.gather(plane) for plane in self._functions(self._whole)])

    def __call__(self, alpha: Floats) -> Floats:
        """The same for an alpha of the cells that is zero outside them."""
        return self._predicted([self._cells.gather(plane) for plane in self._functions(self._moments(alpha))])

    def interpolated(self, change: Floats) -> Floats:
        """The same for the box's alpha with a change in the cells, by functions that change from pixel to pixel, not from cell to cell."""
        moments = [whole + changed for whole, changed in zip(self._whole, self._moments(change), strict=True)]
        size = self._cells.width * self._cells.side, self._cells.height * self._cells.side
        enlarged = (cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in self._functions(moments))
        return self._predicted([self._cells.pick(plane) for plane in enlarged])

    def _moments(self, alpha: Floats) -> list[Floats]:
        """Grids of the means of colour times alpha, and of alpha."""
        share = np.float32(1 / self._cells.side**2)
        sums = [*(np.einsum("pn,pn->n", colour, alpha) for colour in self._guide), alpha.sum(axis=0)]
        return [self._cells.scatter(total * share) for total in sums]

    def _functions(self, moments: Sequence[Floats]) -> list[Floats]:
        """Grids of the linear functions around each cell: three slopes and an offset."""
        *products, mean = (self._window(moment) for moment in moments)
        red, green, blue = (product - own * mean for product, own in zip(products, self._means, strict=True))
        rr, rg, rb, gg, gb, bb = self._inverse
        slopes = [rr * red + rg * green + rb * blue, rg * red + gg * green + gb * blue, rb * red + gb * green + bb * blue]
        for slope, own in zip(slopes, self._means, strict=True):
            mean -= slope * own
        return [self._window(plane) for plane in (*slopes, mean)]

    def _predicted(self, functions: Sequence[Floats]) -> Floats:
        *slopes, offset = functions
        result = np.zeros_like(self._guide[0])
        result += offset
        for slope, colour in zip(slopes, self._guide, strict=True):
            result += colour * slope
        return result

    def _inverted(self, planes: Sequence[Floats]) -> list[Floats]:
        """The inverse covariance of the colours in each window: rr, rg, rb, gg, gb, bb."""
        # In single precision, the determinant for collinear colours, such as grays, would be only rounding errors.
        rr, rg, rb, gg, gb, bb = (
            self._window(self._cells.means(cv2.multiply(planes[i], planes[j]))).astype(np.float64) - self._means[i] * self._means[j]
            for i in range(3)
            for j in range(i, 3)
        )
        rr, gg, bb = rr + _EPSILON, gg + _EPSILON, bb + _EPSILON
        cofactors = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg, rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        determinant = rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2]
        return [(cofactor / determinant).astype(np.float32) for cofactor in cofactors]

    def _window(self, grid: Floats) -> Floats:
        return np.asarray(cv2.sepFilter2D(grid, -1, self._kernel, self._kernel, borderType=cv2.BORDER_REFLECT), np.float32)


def _conjugate_gradients(filter_: _GuidedFilter, weight: Floats, given: Floats, check: Callable[[], None]) -> Floats:
    """Solves (1 - guided filter + weight) alpha = weight * given, preconditioned by the diagonal."""
    diagonal = 1 + weight
    alpha = given.copy()
    residual = filter_.of_given() - given
    direction = residual / diagonal
    size = float(np.vdot(residual, direction))
    for _ in range(_ROUNDS):
        if size < _TOLERANCE * alpha.size:
            break
        check()
        image = diagonal * direction
        image -= filter_(direction)
        step = np.float32(size / float(np.vdot(direction, image)))
        alpha += step * direction
        image *= step
        residual -= image
        scaled = residual / diagonal
        before, size = size, float(np.vdot(residual, scaled))
        direction *= np.float32(size / before)
        direction += scaled
    # Once more, by the equation itself: it changes a solution only by the steps between cells that it smooths.
    again = filter_.interpolated(alpha - given)
    again += weight * given
    again /= diagonal
    return again


def _kernel(window: float) -> Floats:
    """Weights of a row of cells in a window that is so many cells wide and centred on one."""
    beside = (window - 1) / 2
    half = int(np.ceil(beside))
    weights = np.ones(2 * half + 1)
    weights[0] = weights[-1] = 1 - (half - beside)
    return np.asarray(weights / weights.sum(), np.float32)


def _undecided(alpha: Pixels8) -> Floats:
    """The share of the pixels around each one that are neither subject nor background."""
    between = cv2.inRange(alpha, *_BETWEEN)  # 0 or 255
    return np.asarray(cv2.boxFilter(between, cv2.CV_32F, (_ZONE, _ZONE), borderType=cv2.BORDER_REFLECT), np.float32) / np.float32(255)


def _softness(share: Floats) -> Floats:
    """0 at outlines, 1 where the model is undecided over a wide zone, as in hair."""
    return np.asarray(((share - _OUTLINE) / (_HAIR - _OUTLINE)).clip(0, 1), np.float32)


def _pull(given: Floats, softness: Floats) -> Floats:
    """The weight of the model's alpha where it is unsure."""
    pull = _PULL * (1 - softness) + _SOFT_PULL * softness
    return np.asarray(pull * (1 + _CERTAINTY * (1 - softness) * (2 * given - 1) ** 2), np.float32)


def _unit(samples: npt.NDArray[Any]) -> Floats:
    return np.asarray(np.multiply(samples, np.float32(1 / 255), dtype=np.float32))


def _unsure(coarse: Pixels8) -> Bools:
    low, high = _UNSURE
    jump = cv2.morphologyEx(coarse, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > _STEP
    edge = ((coarse > low) & (coarse < high)) | jump
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _REACH + 1, 2 * _REACH + 1))
    return np.asarray(cv2.dilate(edge.view(np.uint8), around) > 0)
