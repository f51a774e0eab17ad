"""What the colours of a photograph are like."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_COPY = 512
"""Pixels of the longest side of the copy that is looked at."""
_WITHOUT_COLOUR = 6.0
"""Units of CIELAB that the colours of nearly all pixels are from those of a print in one ink."""
_ONE_INK = 40.0
"""Units between the mean colours of two brightnesses that are still of one ink, which is strongest in the middle tones."""
_MANY = 0.01
"""Share of the pixels from which on a brightness counts."""


def is_grayscale(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether a picture, height × width × 3, sRGB, has no colours but one tone for each brightness: black and white, or sepia."""
    scale = min(1.0, _COPY / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    lab = cv2.cvtColor(np.asarray(small, np.float32) / 255, cv2.COLOR_RGB2Lab).reshape(-1, 3)
    steps = np.clip(lab[:, 0] // 10, 0, 9).astype(int)
    count = np.bincount(steps, minlength=10)
    for channel in (1, 2):
        means = np.bincount(steps, lab[:, channel], 10) / np.maximum(count, 1)
        if float(np.ptp(means[count >= _MANY * len(steps)])) > _ONE_INK:
            return False
        if float(np.percentile(np.abs(lab[:, channel] - means[steps]), 98)) > _WITHOUT_COLOUR:
            return False
    return True
