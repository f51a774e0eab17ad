"""Whether a mark is gone where pixels were changed: the edges along their outline."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box
from services.inference.watermark.paint_fit import Levels
from services.inference.watermark.strokes import Mask, Pixels8, thicken

_GONE = 0.2
"""Share of a mark's contrast below which it is gone. Texture and JPEG leave some."""
_FAINTEST = 2.0  # levels
_RING = 3  # pixels
_NEARBY = 15


def is_gone(before: Pixels8, after: Pixels8, box: Box) -> bool:
    """Whether what was changed in a box of an sRGB picture has lost most of its contrast to what is around it."""
    around = box.grown(_RING + 1, before.shape[1], before.shape[0]).window
    return abs(contrast_left(before[around], after[around], (before[around] != after[around]).any(axis=2))) <= _GONE


def contrast_left(before: Pixels8, after: Pixels8, changed: Mask) -> float:
    """The share of the contrast between a mark and what is around it that is still there: 0 if it is gone, below 0 if it has turned round.

    It is the same all along a mark's outline, unlike the picture's: so it is the median of what one side has more than the other.
    """
    inside, outside = changed & thicken(~changed, _RING), ~changed & thicken(changed, _RING)
    if not inside.any():
        return 0.0
    was, now = (_steps(pixels, inside, outside) for pixels in (before, after))
    usual = np.median(was, axis=0)
    strength = float(usual @ usual)
    return float(np.median(now @ usual)) / strength if strength > _FAINTEST**2 else 0.0


def step_across(pixels: Pixels8 | Levels, one: Mask, other: Mask) -> float:
    """The contrast that one area has to another all along the border between them, in levels."""
    inside, outside = one & thicken(other, _RING), other & thicken(one, _RING)
    return float(np.linalg.norm(np.median(_steps(pixels, inside, outside), axis=0))) if inside.any() else 0.0


def _steps(pixels: Pixels8 | Levels, inside: Mask, outside: Mask) -> npt.NDArray[np.float32]:
    """The differences between the pixels on one side of an outline and those nearby on the other, [N, channels]."""
    one, other = _local_mean(pixels, inside), _local_mean(pixels, outside)
    return one[inside] - other[inside]


def _local_mean(pixels: Pixels8 | Levels, where: Mask) -> npt.NDArray[np.float32]:
    size, weight = (_NEARBY, _NEARBY), where.astype(np.float32)
    total = cv2.blur(pixels * weight[..., np.newaxis], size).reshape(pixels.shape)
    return np.asarray(total / np.maximum(cv2.blur(weight, size), 1e-6)[..., np.newaxis], np.float32)
