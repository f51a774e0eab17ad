"""The pixels of a picture at the edges that a smaller alpha has, as lists: what is done only there takes time only for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.media.resampling import neighbours

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_STRIP = 2**18  # pixels of the picture


@dataclass(frozen=True, slots=True)
class EdgePixels:
    """Those in some rows of a picture."""

    rows: slice
    index: Indices
    """Their places among the pixels of these rows, counted row by row."""
    _corner: Indices
    _down: Floats
    _across: Floats
    _coarse_width: int

    def of(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Their samples of a picture, height x width (x channels)."""
        return picture[self.rows].reshape(-1, *picture.shape[2:]).take(self.index, axis=0)

    def put(self, samples: npt.NDArray[Any], picture: npt.NDArray[Any]) -> None:
        """Write their samples into a picture, height x width."""
        picture[self.rows].reshape(-1)[self.index] = samples

    def enlarged(self, table: Floats) -> Floats:
        """Their values of small planes (see `stacked`) enlarged bilinearly to the picture: planes x pixels."""
        below = self._corner + self._coarse_width
        near, far = self._mixed(table, self._corner), self._mixed(table, below)
        far -= near
        far *= self._down[:, np.newaxis]
        near += far
        return np.ascontiguousarray(near.T)

    def _mixed(self, table: Floats, corner: Indices) -> Floats:
        left, right = table.take(corner, axis=0), table.take(corner + 1, axis=0)
        right -= left
        right *= self._across[:, np.newaxis]
        left += right
        return left


def edge_pixels(edges: npt.NDArray[np.bool_], width: int, height: int) -> Iterator[EdgePixels]:
    """Those of a picture of width x height pixels whose nearest pixel of the smaller `edges` is set, in strips of rows."""
    above, _, down = neighbours(edges.shape[0], slice(0, height), height)
    left, _, across = neighbours(edges.shape[1], slice(0, width), width)
    wide = edges.take(left + (across >= 0.5), axis=1)
    nearest = above + (down >= 0.5)
    for rows in strips(height, max(1, _STRIP // width)):
        index = np.flatnonzero(wide.take(nearest[rows], axis=0))
        if index.size:
            y, x = np.divmod(index, width)
            y += rows.start
            corner = above.take(y) * (edges.shape[1] + 1) + left.take(x)
            yield EdgePixels(rows, index, corner, down.take(y), across.take(x), edges.shape[1] + 1)


def stacked(planes: Sequence[Floats]) -> Floats:
    """Planes of one size as `EdgePixels.enlarged` takes them: a row for each pixel, and for one more at the right and below."""
    height, width = planes[0].shape
    table = np.empty((height + 1, width + 1, len(planes)), np.float32)
    for number, plane in enumerate(planes):
        table[:-1, :-1, number] = plane
    table[-1], table[:, -1] = table[-2], table[:, -2]
    return table.reshape(-1, len(planes))
