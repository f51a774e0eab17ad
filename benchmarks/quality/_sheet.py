"""Pictures of results side by side, for the docs."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

_WIDTH, _HIGHEST, _GAP = 300, 220, 4  # pixels of each picture, and between them
_QUALITY = 45


def sheet(rows: Sequence[Sequence[Pixels]]) -> bytes:
    """Rows of pictures, all of a row of one size, as WebP."""
    return webp(np.concatenate([_row(row) for row in rows]))


def _row(pictures: Sequence[Pixels]) -> Pixels:
    height, width = pictures[0].shape[:2]
    scale = min(_WIDTH / width, _HIGHEST / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    strip = np.full((size[1] + _GAP, len(pictures) * (_WIDTH + _GAP), 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        left = number * (_WIDTH + _GAP) + (_WIDTH - size[0]) // 2
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        strip[: size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=how)
    return strip


def webp(pixels: Pixels) -> bytes:
    """A picture in a file that is small enough for the repository."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=_QUALITY, method=6)
    return file.getvalue()
