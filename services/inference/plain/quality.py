"""How good the light, the colours and the detail of a picture are, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image

_SIDE = 1024
"""Longer side of the copy that is measured; noise and sharpness are measured in the middle of the picture itself."""
_WINDOW = 1024
_NEUTRAL_CHROMA = 20
IDEAL_LIGHTNESS, IDEAL_SPREAD, IDEAL_CHROMA = 52.0, 24.0, 22.0
SHARP = 6.0
"""Strength of the steepest edges, in L* a pixel, of a picture that is sharp."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Of a picture in CIE L*a*b*."""

    lightness: float
    """Mean of L*, 0 to 100."""
    spread: float
    """Standard deviation of L*."""
    dark: float
    light: float
    """L* that 1 % of the pixels are below, and above."""
    cast_a: float
    cast_b: float
    """Mean of a* and b* of pixels with little colour: 0 in neutral light."""
    neutral: float
    """Share of pixels that the cast was measured in."""
    chroma: float
    """Mean distance from gray."""
    sharpness: float
    """Mean step, in L* a pixel, of the 2 % steepest edges."""
    noise: float
    """Standard deviation of the noise of L*."""
    white: float
    """Share of pixels that are nearly white."""
    skin: float
    green_blue: float
    """Shares of pixels with the hues of skin, and of plants, sea and sky."""
    gray: bool
    """Whether there is no colour at all."""


def measured(image: Image) -> Measures:
    """What is seen in a picture; alpha does not count."""
    pixels = image.srgb()
    lab = _lab(_small(pixels))
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(a, b)
    usable = (chroma < _NEUTRAL_CHROMA) & (lightness > 15) & (lightness < 95)
    detail = _lab(_window(pixels))[..., 0]
    hue = np.degrees(np.arctan2(b, a)) % 360
    coloured = chroma > 8
    dark, light = (float(each) for each in np.percentile(lightness, (1, 99)))
    return Measures(
        lightness=float(lightness.mean()),
        spread=float(lightness.std()),
        dark=dark,
        light=light,
        cast_a=float(a[usable].mean()) if usable.any() else 0.0,
        cast_b=float(b[usable].mean()) if usable.any() else 0.0,
        neutral=float(usable.mean()),
        chroma=float(chroma.mean()),
        sharpness=_sharpness(detail),
        noise=_noise(detail),
        white=float((lightness > 85).mean()),
        skin=float((coloured & (hue > 25) & (hue < 75) & (chroma < 45) & (lightness > 35) & (lightness < 90)).mean()),
        green_blue=float((coloured & (hue > 100) & (hue < 300)).mean()),
        gray=bool((chroma < 1.5).all()),
    )


def _small(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = _SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _window(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The middle of the picture, as it is."""
    top, left = (max(0, (side - _WINDOW) // 2) for side in pixels.shape[:2])
    return pixels[top : top + _WINDOW, left : left + _WINDOW]


def _lab(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def _sharpness(lightness: npt.NDArray[np.float32]) -> float:
    smooth = cv2.GaussianBlur(lightness, (0, 0), 0.6)
    steps = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) / 8
    return float(steps[steps >= np.percentile(steps, 98)].mean())


def _noise(lightness: npt.NDArray[np.float32]) -> float:
    """Immerkær: "Fast Noise Variance Estimation" (1996), by the median instead of the mean, so that edges count little."""
    if min(lightness.shape) < 3:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = cv2.filter2D(lightness, cv2.CV_32F, kernel)[1:-1, 1:-1]
    return float(np.median(np.abs(response)) / 0.6745 / 6)
