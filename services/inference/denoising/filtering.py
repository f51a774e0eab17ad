"""Removing the noise of a picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from services.inference.denoising.blocks import SIDE, Floats
from services.inference.denoising.estimate import Noise, estimate_noise
from services.inference.denoising.grouping import filter_groups
from services.inference.denoising.sliding import Level, threshold, wiener
from services.inference.media import Image

_TILE = 512
_MARGIN = 32
"""Pixels around a tile that its filters look at."""
_LEAST = 0.6
"""Levels of 255 below which noise is that of rounding, and none is removed."""
_COLOURS: Floats = np.array(
    [[1 / math.sqrt(3)] * 3, [1 / math.sqrt(2), 0, -1 / math.sqrt(2)], [1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)]], np.float32
)
"""Brightness and two differences of colours, orthonormal, so that noise that is the same in red, green and blue stays the same."""


class Tier(Enum):
    """How much work is done."""

    QUICK = "quick"
    BALANCED = "balanced"
    QUALITY = "quality"
    MAXIMUM = "maximum"

    @property
    def method(self) -> str:
        """The filter, as its users call it."""
        return "block DCT" if self is Tier.QUICK else "block DCT and Wiener filter" if self is Tier.BALANCED else "block matching (BM3D)"


_BETWEEN = {Tier.QUALITY: 5, Tier.MAXIMUM: 3}
"""Pixels between blocks that are filtered together with those that look alike."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is removed."""

    tier: Tier = Tier.BALANCED
    strength: float = 50
    """0 (nothing) to 100; 50: as much as was measured."""
    detail: float = 50
    """0 (smooth) to 100 (fine detail stays, and some noise with it)."""
    colour: float = 30
    """0 (noise of the colours stays) to 100; 30: as much as was measured."""

    def shares(self, channel: int) -> float:
        """The factor for the measured noise of a channel."""
        share = self.strength / 50
        if channel:
            return share * (self.colour / 30 if self.colour <= 30 else 1 + (self.colour - 30) / 70)
        return share * 2 ** ((50 - self.detail) / 100)


def noise_of(image: Image) -> Noise | None:
    """The noise of a picture; None if there is none that matters."""
    return _mattering(estimate_noise(planes_of(_values(image))), image)


def _mattering(noise: Noise | None, image: Image) -> Noise | None:
    least = _LEAST if image.bit_depth == 8 else _LEAST / 4
    if noise is None or float(np.max(noise.levels * np.sqrt(np.mean(noise.spectra[:, 1:] ** 2, axis=1))[:, None])) < least:
        return None
    return noise


def tile_count(image: Image) -> int:
    """How many tiles the filters work on."""
    return math.ceil(image.height / _TILE) * math.ceil(image.width / _TILE)


def without_noise(image: Image, noise: Noise, settings: Settings, check: Callable[[], None], report: Callable[[float], None]) -> Image:
    """The picture without this noise. `check` is called between parts and may raise; `report` gets shares of 1."""
    channels = image.pixels.shape[2]
    shares = [settings.shares(channel) for channel in range(channels)]
    if not any(shares):
        return image
    result = np.empty_like(image.pixels)
    corners = [(top, left) for top in range(0, image.height, _TILE) for left in range(0, image.width, _TILE)]
    for number, (top, left) in enumerate(corners):
        check()
        report(number / len(corners))
        bottom, right = min(top + _TILE, image.height), min(left + _TILE, image.width)
        first_row, first_column = max(0, top - _MARGIN), max(0, left - _MARGIN)
        part = image.pixels[first_row : bottom + _MARGIN, first_column : right + _MARGIN]
        values = part.astype(np.float32) * np.float32(255 / image.maximum)
        clean = _filtered(planes_of(values), noise, shares, settings.tier, check)
        back = np.rint(np.clip(pixels_of(clean) * np.float32(image.maximum / 255), 0, image.maximum))
        inner = slice(top - first_row, bottom - first_row), slice(left - first_column, right - first_column)
        result[top:bottom, left:right] = back[inner].astype(result.dtype)
    return image.replace(pixels=result)


def _filtered(planes: Floats, noise: Noise, shares: list[float], tier: Tier, check: Callable[[], None]) -> Floats:
    height, width = planes.shape[1:]
    more = -height % SIDE + SIDE, -width % SIDE + SIDE
    padded = np.stack([cv2.copyMakeBorder(each, SIDE, more[0], SIDE, more[1], cv2.BORDER_REFLECT) for each in planes]).astype(np.float32)
    guide = padded[0]

    def level(channel: int) -> Level:
        return lambda means: np.asarray(noise.of(channel, means) * np.float32(shares[channel]), np.float32)

    made = padded.copy()
    step = 4 if tier in (Tier.QUICK, Tier.QUALITY) else 2
    active = [channel for channel in range(len(planes)) if shares[channel]]
    for channel in active:
        check()
        basic = threshold(padded[channel], guide, level(channel), noise.spectra[channel], step)
        made[channel] = basic if tier is Tier.QUICK else wiener(padded[channel], basic, guide, level(channel), noise.spectra[channel], step)
    if tier in _BETWEEN:
        made = filter_groups(padded, made, level, noise.spectra, _BETWEEN[tier], check)
        for channel in set(range(len(planes))) - set(active):
            made[channel] = padded[channel]
    return made[:, SIDE : SIDE + height, SIDE : SIDE + width]


def _values(image: Image) -> Floats:
    return np.asarray(image.pixels, np.float32) * np.float32(255 / image.maximum)


def planes_of(values: Floats) -> Floats:
    """Height × width × channels as channels × height × width: brightness, and two differences of colours if there are three channels."""
    turned = np.ascontiguousarray(values.transpose(2, 0, 1))
    return turned if len(turned) == 1 else np.tensordot(_COLOURS, turned, axes=1)


def pixels_of(planes: Floats) -> Floats:
    """The input of `planes_of`."""
    turned = planes if len(planes) == 1 else np.tensordot(_COLOURS.T, planes, axes=1)
    return np.asarray(turned.transpose(1, 2, 0), np.float32)
