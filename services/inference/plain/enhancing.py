"""Corrections of light, colours and detail, by what is measured in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.enhance_pb2 import (
    ENHANCE_MODE_AUTO,
    ENHANCE_MODE_DOCUMENT,
    ENHANCE_MODE_FOOD,
    ENHANCE_MODE_LANDSCAPE,
    ENHANCE_MODE_LOW_LIGHT,
    ENHANCE_MODE_PORTRAIT,
    Enhance,
    EnhanceMode,
)
from services.inference.media import Image, Pixels
from services.inference.media.colour import strips
from services.inference.plain.quality import IDEAL_CHROMA, IDEAL_LIGHTNESS, SHARP, Measures

Floats = npt.NDArray[np.float32]
_STRIP = 256
_OVERLAP = 16
_NOISY = 1.2
"""Standard deviation of L* from which noise is seen."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is changed. All zero: nothing."""

    brightness: float = 0.0
    """−1 to 1: the exponent of the tone curve is 2 to the power of minus this."""
    contrast: float = 0.0
    """−1 to 1: how far black and white are stretched to what is darkest and lightest, or pulled in."""
    temperature: float = 0.0
    tint: float = 0.0
    """−1 to 1: by how much blue and red, and green, are weighted: 1 stands for 25 %."""
    saturation: float = 0.0
    """−1 to 1: of the distance from gray, 1 stands for 50 % more."""
    sharpness: float = 0.0
    """0 to 1."""
    denoise: float = 0.0
    """0 to 1."""

    def scaled(self, factor: float) -> Corrections:
        """So many times as strong, within the limits."""
        names = ("brightness", "contrast", "temperature", "tint", "saturation", "sharpness", "denoise")
        return Corrections(**{name: float(np.clip(getattr(self, name) * factor, -1, 1)) for name in names})


@dataclass(frozen=True, slots=True)
class _Aim:
    """What a mode adds to what is measured."""

    lightness: float = IDEAL_LIGHTNESS
    contrast: float = 0.0
    temperature: float = 0.0
    chroma: float = IDEAL_CHROMA
    sharpness: float = 1.0
    denoise: float = 1.0


_AIMS: Mapping[EnhanceMode.ValueType, _Aim] = {
    ENHANCE_MODE_AUTO: _Aim(),
    ENHANCE_MODE_PORTRAIT: _Aim(lightness=54, temperature=0.04, sharpness=0.5, denoise=1.2),
    ENHANCE_MODE_LANDSCAPE: _Aim(contrast=0.15, chroma=28, sharpness=1.3),
    ENHANCE_MODE_LOW_LIGHT: _Aim(lightness=50, sharpness=0.6, denoise=1.6),
    ENHANCE_MODE_FOOD: _Aim(lightness=56, temperature=0.08, chroma=30),
    ENHANCE_MODE_DOCUMENT: _Aim(lightness=75, contrast=0.4, chroma=0, sharpness=1.3),
}


def called_for(found: Measures, mode: EnhanceMode.ValueType = ENHANCE_MODE_AUTO) -> Corrections:
    """What the measures call for. Around what is good, nothing is."""
    aim = _AIMS.get(mode, _AIMS[ENHANCE_MODE_AUTO])
    return Corrections(
        brightness=_beyond(aim.lightness - found.lightness, 9) / 45,
        contrast=float(np.clip(_missing_contrast(found) + aim.contrast, -1, 1)),
        temperature=0.0 if found.gray else float(np.clip(-_beyond(found.cast_b, 2.5) / 22 + aim.temperature, -1, 1)) * _trust(found),
        tint=0.0 if found.gray else -_beyond(found.cast_a, 2.5) / 22 * _trust(found),
        saturation=_saturation(found, aim),
        sharpness=float(np.clip((SHARP - found.sharpness) / SHARP, 0, 0.8)) * aim.sharpness if found.noise < 3 else 0.0,
        denoise=float(np.clip((found.noise - _NOISY) / 5, 0, 1)) * aim.denoise,
    )


def chosen(corrections: Corrections, parameters: Enhance) -> Corrections:
    """Without those that are to be left out."""
    left_out = {
        "brightness": parameters.keep_exposure,
        "contrast": parameters.keep_contrast,
        "temperature": parameters.keep_white_balance,
        "tint": parameters.keep_white_balance,
        "saturation": parameters.keep_saturation,
        "sharpness": parameters.keep_sharpness,
        "denoise": parameters.keep_noise,
    }
    return replace(corrections, **{name: 0.0 for name, left in left_out.items() if left})


def corrected(image: Image, found: Measures, corrections: Corrections) -> Image:
    """The picture with corrections; the very same with none."""
    if corrections == Corrections():
        return image
    curves = _curves(image, found, corrections)
    pixels = np.empty_like(image.pixels)
    for rows in strips(image.height, _STRIP):
        first, last = max(0, rows.start - _OVERLAP), min(image.height, rows.stop + _OVERLAP)
        part = image.pixels[first:last]
        if corrections.denoise:
            part = _without_noise(part, image.maximum, corrections.denoise, found.noise)
        for band in range(part.shape[2]):
            part = part if band else part.copy()
            part[..., band] = curves[band][part[..., band]]
        if corrections.saturation and part.shape[2] == 3:
            part = _saturated(part, image.maximum, corrections.saturation)
        if corrections.sharpness:
            part = _sharpened(part, image.maximum, corrections.sharpness)
        pixels[rows] = part[rows.start - first : rows.stop - first]
    return image.replace(pixels=pixels)


def _beyond(value: float, enough: float) -> float:
    """What is over a dead zone."""
    return float(np.sign(value) * max(0.0, abs(value) - enough))


def _missing_contrast(found: Measures) -> float:
    span = found.light - found.dark
    if span >= 80 or span < 1:
        return 0.0
    return float(np.clip((80 - span) / 60, 0, 0.85))


def _trust(found: Measures) -> float:
    """How much a cast that was measured in few pixels counts."""
    return float(np.clip(found.neutral / 0.15, 0, 1))


def _saturation(found: Measures, aim: _Aim) -> float:
    if found.gray or found.chroma < 3:
        return 0.0
    if aim.chroma == 0:
        return -0.3
    if found.chroma > 45:
        return -float(np.clip((found.chroma - 45) / 60, 0, 0.4))
    return float(np.clip((aim.chroma - 6 - found.chroma) / 25, 0, 0.6))


def _curves(image: Image, found: Measures, corrections: Corrections) -> list[npt.NDArray[np.uint8] | npt.NDArray[np.uint16]]:
    """For each channel, what each sample becomes."""
    whole = image.maximum
    samples = np.linspace(0, 1, whole + 1, dtype=np.float64)
    # L* is nearly the same function of a gray as sRGB's encoding.
    dark, light = found.dark / 100, found.light / 100
    if corrections.contrast > 0:
        low, high = dark * corrections.contrast, 1 - (1 - light) * corrections.contrast
        toned = np.clip((samples - low) / max(0.05, high - low), 0, 1)
        bend = max(0.0, corrections.contrast - 0.3) * 0.5
        toned = toned + bend * (toned * toned * (3 - 2 * toned) - toned)
    else:
        toned = samples + (0.5 - samples) * 0.4 * -corrections.contrast
    toned = toned ** (2.0**-corrections.brightness)
    gains = [1.0]
    if not image.is_gray:
        red, blue, green = 1 + corrections.temperature / 4, 1 - corrections.temperature / 4, 1 - corrections.tint / 4
        mean = 0.299 * red + 0.587 * green + 0.114 * blue
        gains = [red / mean, green / mean, blue / mean]
    return [np.rint(np.clip(toned * gain, 0, 1) * whole).astype(image.pixels.dtype) for gain in gains]


def _saturated(pixels: Pixels, whole: int, amount: float) -> Pixels:
    seen = pixels.astype(np.float32)
    gray = seen @ np.array((0.299, 0.587, 0.114), np.float32)
    more = 1 + amount / 2
    if amount > 0:
        # Vibrance: what is colourful already gets less.
        peak = (seen.max(axis=2) - seen.min(axis=2)) / np.float32(whole)
        more = (1 + amount / 2 * (1 - peak))[..., None]
    return _samples(gray[..., None] + (seen - gray[..., None]) * more, pixels)


def _sharpened(pixels: Pixels, whole: int, amount: float) -> Pixels:
    """An unsharp mask on the mean of the channels, so that no edge gets a colour."""
    seen = pixels.astype(np.float32)
    gray = np.ascontiguousarray(seen.mean(axis=2))
    detail = gray - cv2.GaussianBlur(gray, (0, 0), 1.2)
    detail = np.where(np.abs(detail) < 0.004 * whole, np.float32(0), detail)
    return _samples(seen + (detail * np.float32(amount * 1.2))[..., None], pixels)


def _without_noise(pixels: Pixels, whole: int, amount: float, noise: float) -> Pixels:
    """A bilateral filter (Tomasi, Manduchi, 1998) as wide as the noise."""
    seen = np.ascontiguousarray(pixels, np.float32) / np.float32(whole)
    smooth = cv2.bilateralFilter(seen, 7, 2.2 * noise / 100, 2.0).reshape(seen.shape)
    return _samples(np.asarray((seen + (smooth - seen) * np.float32(amount)) * np.float32(whole), np.float32), pixels)


def _samples(values: Floats, like: Pixels) -> Pixels:
    """Numbers as samples of the type of others, rounded and clipped."""
    whole = np.iinfo(like.dtype).max
    rounded = np.rint(np.clip(values, 0, whole))
    return rounded.astype(np.uint8) if like.dtype == np.uint8 else rounded.astype(np.uint16)
