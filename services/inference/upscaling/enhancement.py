"""Enhancements of an upscale beyond resolution: less noise before enlarging, crisper detail and text after it."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.media.resampling import bilinear
from services.inference.upscaling.windows import windows

Pixels8 = npt.NDArray[np.uint8]
Plane8 = npt.NDArray[np.uint8]

_STRIP = 512
_OVERLAP = 24
_STRENGTH = 1.1  # of the noise: the difference that non-local means takes for the same texture
_QUIET, _LOUD = 0.8, 12.0  # levels of noise: below the first nothing is gained, above the second detail is lost as well
_DETAIL = 0.35
_TEXT = 1.3
_TEXT_THRESHOLD = 76  # of 255: PP-OCR's own
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def noise_level(pixels: Pixels8, quantile: float = 0.5) -> float:
    """Standard deviation of the noise in levels, from variation that neither edges nor slopes explain (Immerkær, CVIU 1996).

    The median instead of Immerkær's mean, which texture raises; a lower `quantile` goes by smoother places.
    """
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    variation = float(np.quantile(np.abs(cv2.filter2D(gray, -1, _LAPLACIAN)), quantile))
    return variation / NormalDist().inv_cdf((1 + quantile) / 2) / 6


def without_noise(pixels: Pixels8, check: Callable[[], None]) -> Pixels8:
    """The picture (height x width x 3) without its noise and the blocks of its compression: non-local means (Buades et al., CVPR 2005).

    The strength follows the measured noise; a clean picture is returned unchanged. `check` is called between strips and raises to cancel.
    """
    noise = noise_level(pixels)
    if noise < _QUIET:
        return pixels
    strength = _STRENGTH * min(noise, _LOUD)
    result = np.empty_like(pixels)
    height = pixels.shape[0]
    for rows in strips(height, _STRIP):
        check()
        wide = slice(max(0, rows.start - _OVERLAP), min(height, rows.stop + _OVERLAP))
        clean = cv2.fastNlMeansDenoisingColored(pixels[wide], None, strength, strength, 5, 15)
        result[rows] = clean[rows.start - wide.start : rows.stop - wide.start]
    return result


def add_detail(pixels: Pixels8, factor: int, check: Callable[[], None]) -> None:
    """Amplifies the fine detail of an enlarged picture (height x width x channels) uniformly, in place."""
    _sharpen(pixels, None, 0.6 * factor, _DETAIL, check)


def sharpen_text(pixels: Pixels8, text: Plane8, factor: int, check: Callable[[], None]) -> None:
    """Sharpens the edges of an enlarged picture, in place, where `text`, a map of the original, shows text.

    The rest stays bit-identical.
    """
    near = cv2.dilate((text > _TEXT_THRESHOLD).astype(np.uint8) * 255, np.ones((9, 9), np.uint8))
    _sharpen(pixels, np.asarray(near, np.uint8), 0.7 * factor, _TEXT, check)


def has_text(text: Plane8) -> bool:
    """Whether a text detector's map shows any."""
    return bool((text > _TEXT_THRESHOLD).any())


def _sharpen(pixels: Pixels8, where: Plane8 | None, radius: float, amount: float, check: Callable[[], None]) -> None:
    """Unsharp masking in strips, in place; `where` weights it, 0 to 255, and is enlarged to the picture's size."""
    height, width = pixels.shape[:2]
    for rows, window, inner in windows(pixels, _STRIP, _OVERLAP):
        check()
        source = window.astype(np.float32)
        detail = source - cv2.GaussianBlur(source, (0, 0), radius).reshape(source.shape)
        if where is not None:
            seen = slice(rows.start - inner.start, rows.start - inner.start + len(window))
            weights = cv2.GaussianBlur(bilinear(where, width, height, seen), (0, 0), radius)
            detail *= weights[..., np.newaxis] / np.float32(255)
        pixels[rows] = np.round(source + amount * detail)[inner].clip(0, 255).astype(np.uint8)
