"""Removing the artefacts of JPEG compression by compressing again.

A. Nosratinia: "Enhancement of JPEG-Compressed Images by Re-application of JPEG", Journal of VLSI Signal Processing 27 (2001): a picture
that is shifted, compressed with the same steps and shifted back loses the block edges of before and gets others; the mean over many shifts
has none, and its quantisation errors cancel out.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from services.inference.media import Image
from services.inference.media.colour import strips, to_8bit, vips_from_array

_BLOCK = 8
_SHIFTS = [(down, across) for down in range(_BLOCK) for across in range(_BLOCK) if (across + 3 * down) % 4 == 0]
"""Every row and every column of a block is hit equally often, so no edge is left, with a quarter of the work of all 64."""
_TILE = 2048
_MARGIN = 16

Pixels8 = npt.NDArray[np.uint8]


def deblock_picture(image: Image, quality: int, *, twice: bool, progress: Callable[[float], None], check: Callable[[], None]) -> Image:
    """The picture without the artefacts of a JPEG of this quality. `twice`: the mean of that and of the same applied to it again.

    Pixels within a block of a transparent one do not change, because pixels under transparency are not part of the picture. `progress`
    gets shares of 1; `check` is called between shifts and may raise.
    """
    narrow = to_8bit(image.pixels)
    result = image.pixels.copy()
    scale = image.maximum // 255
    height, width = narrow.shape[:2]
    corners = [(top, left) for top in range(0, height, _TILE) for left in range(0, width, _TILE)]
    for number, (top, left) in enumerate(corners):
        bottom, right = min(top + _TILE, height), min(left + _TILE, width)
        first_row, first_column = max(0, top - _MARGIN), max(0, left - _MARGIN)
        tile = np.ascontiguousarray(narrow[first_row : bottom + _MARGIN, first_column : right + _MARGIN])

        def report(share: float, number: int = number) -> None:
            check()
            progress((number + share) / len(corners))

        mean = _reapplied(tile, quality, report)
        if twice:
            again = _reapplied(_rounded(mean), quality, report)
            mean = np.asarray((mean + again) / 2, np.float32)
        inner = slice(top - first_row, bottom - first_row), slice(left - first_column, right - first_column)
        change = (_rounded(mean)[inner].astype(np.int32) - tile[inner]) * scale
        changed = np.clip(image.pixels[top:bottom, left:right] + change, 0, image.maximum)
        result[top:bottom, left:right] = changed.astype(result.dtype)
    if image.alpha is not None:
        _keep_near_transparency(result, image)
    return image.replace(pixels=result)


def _reapplied(pixels: Pixels8, quality: int, done: Callable[[float], None]) -> npt.NDArray[np.float32]:
    height, width = pixels.shape[:2]
    picture = vips_from_array(pixels)
    total = np.zeros(pixels.shape, np.uint16)
    for number, (down, across) in enumerate(_SHIFTS):
        done(number / len(_SHIFTS))
        shifted = picture.embed(across, down, width + across, height + down, extend="copy")
        stored = shifted.jpegsave_buffer(Q=quality, subsample_mode="off", keep="none")
        loaded = pyvips.Image.jpegload_buffer(stored).extract_area(across, down, width, height)
        total += np.asarray(loaded.numpy()).reshape(pixels.shape)
    return np.asarray(total / len(_SHIFTS), np.float32)


def _rounded(values: npt.NDArray[np.float32]) -> Pixels8:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _keep_near_transparency(result: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], image: Image) -> None:
    assert image.alpha is not None
    side = 2 * _BLOCK + 1
    near = cv2.dilate((image.alpha < image.maximum).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    for rows in strips(result.shape[0]):
        np.copyto(result[rows], image.pixels[rows], where=near[rows, :, None])
