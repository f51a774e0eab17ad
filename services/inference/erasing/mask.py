"""Which pixels of a picture a mask covers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import to_8bit

_HALF = 127.5


def covered(mask: Image, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Height x width: where the mask, stretched to that size, is at least half as light as white, and not transparent."""
    pixels = mask.srgb()
    light = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    if mask.alpha is not None:
        light *= to_8bit(mask.alpha).astype(np.float32) / 255
    if (mask.width, mask.height) != (width, height):
        shrinks = width * height < mask.width * mask.height
        light = np.asarray(cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.float32)
    return np.asarray(light > _HALF, np.bool_)
