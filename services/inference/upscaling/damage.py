"""The damage of a picture, in the units that a network gets."""

from __future__ import annotations

import numpy as np

from services.inference.media import Image
from services.inference.plain.compression import compression_of
from services.inference.upscaling.enhancement import noise_level

_SIDE = 2048
"""Pixels a side, in the middle of the picture, that are judged."""
_NOISE_OF_VARIATION = ((1.8, 0.0), (7.2, 10.0))
"""Standard deviation of noise, in levels, that gives so much unexplained variation; fine texture alone gives up to the first."""
_LOUDEST = 50.0
_DEVIATION_OF_QUALITY = ((50, 10.0), (75, 6.0), (90, 3.0), (100, 0.0))
"""The input of a network for a JPEG of this quality (benchmarks/quality.md): more gives cleaner edges, and takes faint texture away."""


def deviation_of(image: Image) -> float:
    """Standard deviation, in levels, of what is not the picture: noise, or what JPEG has made of it; 0 if it is clean."""
    top, left = (max(0, (side - _SIDE) // 2) // 8 * 8 for side in (image.height, image.width))
    rows, columns = slice(top, top + _SIDE), slice(left, left + _SIDE)
    compression = compression_of(image.pixels[rows, columns])
    of_jpeg = 0.0
    if compression is not None:
        qualities, deviations = zip(*_DEVIATION_OF_QUALITY, strict=True)
        of_jpeg = float(np.interp(compression.quality, qualities, deviations))
    (least, _), (more, noise) = _NOISE_OF_VARIATION
    variation = noise_level(image.replace(pixels=image.pixels[rows, columns], alpha=None).srgb())
    return max(of_jpeg, min(_LOUDEST, max(0.0, (variation - least) * noise / (more - least))))
