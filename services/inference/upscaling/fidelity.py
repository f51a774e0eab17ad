"""Keeping a network's enlargement faithful to the picture that it was given: its texture, its colours, and what interpolation shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import Pixels, strips
from services.inference.media.spool import Spool
from services.inference.upscaling.windows import enlarged_windows

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

CELL = 8
"""Side, in pixels of the original, of the squares whose mean colours are kept."""
_MEANS_STRIP, _COLOURS_STRIP = 4 * CELL, 128
_STRIP = 64
_REACH = 3  # rows of the original on each side that bicubic interpolation uses, plus one


def restore_detail(enlarged: Pixels8, source: Pixels8, strength: float, check: Callable[[], None]) -> None:
    """Restores, in place, source texture that the network took for noise, in a picture enlarged by a whole factor.

    Super-resolution networks smooth what they do not recognise. A faithful enlargement, scaled down, equals its source: the difference is
    enlarged and added (one step of iterative back-projection, Irani and Peleg, CVGIP 1991), `strength` of it, 0 to 1. Both are height x
    width x channels. `check` is called between strips and may raise to cancel.
    """
    for rows, window, inner, below in enlarged_windows(enlarged, source, _STRIP, _REACH):
        check()
        small = cv2.resize(window, below.shape[1::-1], interpolation=cv2.INTER_AREA).reshape(below.shape)
        missing = (below.astype(np.float32) - small) * np.float32(strength)
        correction = cv2.resize(missing, window.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        enlarged[rows] = _sum(window[inner], correction[inner])


def hold_colours(upscaled: npt.NDArray[np.uint8], original: Pixels, spool: Spool, check: Callable[[], None]) -> Pixels:
    """Gives a picture enlarged by a whole factor the low frequencies of its original, and its sample type.

    Super-resolution models drift in colour and brightness over areas. The mean of each square of 8 x 8 original pixels
    is compared with the mean of the same square enlarged; the differences, interpolated smoothly, are added. Detail
    finer than a square is the model's, everything coarser the original's (the low-frequency part of the wavelet colour
    fix of StableSR, Wang et al., IJCV 2024). Both arrays are height x width x channels in the same encoding. Works in
    strips, in place where the original has 8 bits, else in an array of `spool`. `check` is called between strips and may raise to cancel.
    """
    height, width, channels = original.shape
    factor = upscaled.shape[0] // height
    drift = np.empty((-(-height // CELL), -(-width // CELL), channels), np.float32)
    for rows in strips(height, _MEANS_STRIP):
        check()
        enlarged = slice(rows.start * factor, rows.stop * factor)
        cells = slice(rows.start // CELL, -(-rows.stop // CELL))
        drift[cells] = _cell_means(original[rows], CELL) - _cell_means(upscaled[enlarged], CELL * factor)

    out: Pixels = upscaled if original.dtype == np.uint8 else spool.empty(upscaled.shape, np.uint16)
    for rows, correction in _enlarged_rows(drift, upscaled.shape, CELL * factor):
        check()
        if original.dtype == np.uint8:
            out[rows] = _sum(upscaled[rows], correction * np.float32(255))
        else:
            held = (upscaled[rows] / np.float32(255) + correction) * np.float32(65535)
            out[rows] = np.round(held.clip(0, 65535)).astype(np.uint16)
    return out


def _enlarged_rows(grid: Floats, shape: tuple[int, ...], cell: int) -> Iterator[tuple[slice, Floats]]:
    """Strips of a picture of that shape, from means of its cells: bilinearly, since cells at the edges lie like whole ones."""
    count = max(1, _COLOURS_STRIP // cell)
    for cells in strips(grid.shape[0], count):
        # With a cell more on each side, every row lies between the centres of cells.
        first, last = max(cells.start - 1, 0), min(cells.stop + 1, grid.shape[0])
        size = grid.shape[1] * cell, (last - first) * cell
        large = cv2.resize(grid[first:last], size, interpolation=cv2.INTER_LINEAR).reshape(size[1], size[0], -1)
        rows = slice(cells.start * cell, min(cells.stop * cell, shape[0]))
        yield rows, np.asarray(large[rows.start - first * cell : rows.stop - first * cell, : shape[1]], np.float32)


def _sum(samples: npt.NDArray[Any], change: npt.NDArray[Any]) -> Pixels8:
    """8-bit samples and a change of them, rounded and clipped."""
    return np.asarray(cv2.add(samples, change, dtype=cv2.CV_8U), np.uint8).reshape(samples.shape)


def _cell_means(samples: Pixels, cell: int) -> npt.NDArray[np.float32]:
    """Means, 0 to 1, of square cells; cells that reach over the right or lower edge repeat its last pixels."""
    height, width, channels = samples.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(samples, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_REPLICATE).astype(np.float32)
    means = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, channels)
    return np.asarray(means / np.float32(np.iinfo(samples.dtype).max), np.float32)
