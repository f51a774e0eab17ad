"""Taking samples with alpha apart, by OpenCV: NumPy copies parts of pixels one by one, which takes ten times as long.

It is imported where there is alpha, as in `turning.py`.
"""

from __future__ import annotations

import numpy as np

from services.inference.media.colour import Pixels


def split_alpha(samples: Pixels) -> tuple[Pixels, Pixels]:
    """Height x width x 2 or 4 samples as height x width x 1 or 3, and their alpha, height x width, in memory of their own."""
    height, width, bands = samples.shape
    pixels, alpha = np.empty((height, width, bands - 1), samples.dtype), np.empty((height, width), samples.dtype)
    split_alpha_into(pixels, alpha, samples)
    return pixels, alpha


def split_alpha_into(pixels: Pixels, alpha: Pixels, samples: Pixels) -> None:
    """As `split_alpha`, into arrays of these shapes in row-major order."""
    import cv2

    if samples.shape[2] == 2:
        cv2.extractChannel(samples, 0, pixels[..., 0])
    else:
        cv2.cvtColor(samples, cv2.COLOR_RGBA2RGB, pixels)
    cv2.extractChannel(samples, samples.shape[2] - 1, alpha)
