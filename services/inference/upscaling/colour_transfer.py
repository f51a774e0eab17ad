"""Keeping the colours of an upscaled picture equal to those of its original."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import Pixels, strips
from services.inference.media.resampling import bilinear
from services.inference.media.spool import Spool

CELL = 8
"""Side, in pixels of the original, of the squares whose mean colours are kept."""

_STRIP_CELLS = 16


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
    span = CELL * _STRIP_CELLS
    drift = np.empty((-(-height // CELL), -(-width // CELL), channels), np.float32)
    for rows in strips(height, span):
        check()
        enlarged = slice(rows.start * factor, rows.stop * factor)
        cells = slice(rows.start // CELL, -(-rows.stop // CELL))
        drift[cells] = _cell_means(original[rows], CELL) - _cell_means(upscaled[enlarged], CELL * factor)

    # Border cells may reach over the edge; they are positioned like whole ones.
    grid_height, grid_width = drift.shape[0] * CELL * factor, drift.shape[1] * CELL * factor
    full = np.float32(np.iinfo(original.dtype).max)
    out: Pixels = upscaled if original.dtype == np.uint8 else spool.empty(upscaled.shape, np.uint16)
    for rows in strips(upscaled.shape[0], span):
        check()
        correction = bilinear(drift, grid_width, grid_height, rows, slice(0, upscaled.shape[1]))
        held = (upscaled[rows] / np.float32(255) + correction) * full
        out[rows] = np.round(held.clip(0, full)).astype(out.dtype)
    return out


def _cell_means(samples: Pixels, cell: int) -> npt.NDArray[np.float32]:
    """Means, 0 to 1, of square cells; cells that reach over the right or lower edge repeat its last pixels."""
    height, width, channels = samples.shape
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(samples, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_REPLICATE).reshape(
        rows * cell, columns * cell, channels
    )
    means = padded.reshape(rows, cell, columns, cell, channels).mean(axis=(1, 3), dtype=np.float32)
    return np.asarray(means / np.float32(np.iinfo(samples.dtype).max), np.float32)
