"""The colours and tones of a photograph."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.restoration.standing_out import Mask, Plane

_COPY = 512
"""Pixels of the longest side of the copy that is looked at."""
_WITHOUT_COLOUR = 6.0
"""Units of CIELAB that the colours of nearly all pixels are from those of a print in one ink."""
_ONE_INK = 40.0
"""Units between the mean colours of two brightnesses that are still of one ink, which is strongest in the middle tones."""
_MANY = 0.01
"""Share of the pixels from which on a brightness counts."""
_PAPER, _LIKE = 0.4, 8
"""Share of a picture that is like its paper, by so many levels."""


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


def grain(gray: Plane) -> float:
    """Standard deviation of what is fine, in levels."""
    fine = gray - cv2.GaussianBlur(gray, (0, 0), 1.5)
    return float(np.median(np.abs(fine))) / 0.6745


def is_paper(gray: Plane) -> Mask:
    """For each level whether most of a picture is like it: what is as bright as a page is no scratch, but what is between its letters."""
    counts = np.bincount(np.clip(np.rint(gray), 0, 255).astype(np.uint8).ravel(), minlength=256)
    return np.asarray(np.convolve(counts, np.ones(2 * _LIKE + 1), "same") > _PAPER * gray.size, np.bool_)


def spread(values: npt.NDArray[np.floating]) -> float:
    """How far apart most of them are."""
    low, high = np.percentile(values, [15, 85])
    return float(high - low)
