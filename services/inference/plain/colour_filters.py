"""Light and colours, changed as the filters of web browsers change them.

| parameter | of encoded values, 0 to 1 | source |
|---|---|---|
| exposure | `light.exposed` | |
| temperature, tint | light × gain of the channel; the luminance of gray stays | von Kries (1902), in the picture's primaries |
| brightness | value × (1 + amount) | `brightness()` |
| contrast | (value − ½) × (1 + amount) + ½ | `contrast()` |
| channels | value × (1 + amount) | `brightness()` |
| saturation | a matrix that keeps luma | `saturate()` |
| hue | a matrix that keeps luma and turns around gray | `hue-rotate()` |
| effects | matrices | `grayscale(1)`, `sepia(1)`, `invert(1)` |

In this order; names with brackets: W3C, "Filter Effects Module Level 1". Values are clipped after contrast, after channels and at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvips

from darkroom.operations.v1.color_adjust_pb2 import (
    COLOR_EFFECT_GRAYSCALE,
    COLOR_EFFECT_INVERT,
    COLOR_EFFECT_SEPIA,
    COLOR_EFFECT_UNSPECIFIED,
    ColorEffect,
)
from services.inference.media import Image, LazyImage, Picture
from services.inference.plain.canvas import as_srgb
from services.inference.plain.graph import Work, compute, graph_of, whole
from services.inference.plain.light import SHARPEST, expose
from services.inference.plain.local_tones import sharpen
from services.inference.plain.transfer import REC_709, Floats, decode_light, encode_light

_LUMA = np.array([0.2126, 0.7152, 0.0722])
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
_NEUTRAL = np.eye(3)
_WARMTH = 0.5
"""Stops that red gains, and blue loses, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Ranges are those of the message `ColorAdjust`; 0 changes nothing."""

    brightness: float = 0
    contrast: float = 0
    exposure: float = 0
    saturation: float = 0
    temperature: float = 0
    tint: float = 0
    hue: float = 0
    sharpness: float = 0
    channels: tuple[float, float, float] = (0, 0, 0)
    effect: ColorEffect.ValueType = COLOR_EFFECT_UNSPECIFIED

    @property
    def curves(self) -> bool:
        """Whether anything changes the channels by themselves."""
        return bool(self.brightness or self.contrast or self.exposure or self.colours)

    @property
    def colours(self) -> bool:
        """Whether gray becomes coloured before the effect."""
        return bool(self.temperature or self.tint or any(self.channels))


def apply_filter(image: Picture, by: Filters, work: Work) -> Picture:
    """The picture with other light and colours; the very same where nothing is to change."""
    if image.is_gray and (by.colours or by.effect == COLOR_EFFECT_SEPIA):
        assert isinstance(image, Image)
        image = as_srgb(image)
    matrix = None if image.is_gray else matrix_of(by)
    inverts = by.effect == COLOR_EFFECT_INVERT
    if not (by.curves or matrix is not None or inverts or by.sharpness):
        return image
    picture = graph_of(image)
    alpha = None if image.alpha is None else picture[picture.bands - 1]
    colours = picture if alpha is None else picture[: picture.bands - 1]
    if by.curves:
        colours = colours.maplut(_table(image, by))
    if matrix is not None or by.sharpness:
        values = colours / image.maximum
        if matrix is not None:
            values = values.recomb(matrix.tolist())
        if inverts:
            values = 1 - values
        if by.sharpness:
            values = sharpen(values, by.sharpness / 100 * SHARPEST)
        colours = whole(values * image.maximum, image)
    elif inverts:
        colours = image.maximum - colours
    return compute(whole(colours, image) if alpha is None else whole(colours, image).bandjoin(alpha), image, work)


def curve_of(values: Floats, by: Filters, channel: int, gain: float) -> Floats:
    """Encoded values of a channel, 0 to 1, after what changes channels by themselves; `gain` is that of its light."""
    if by.exposure:
        values = expose(values, by.exposure)
    if gain != 1:
        values = np.clip(encode_light(decode_light(values) * gain), 0, 1)
    values = values * (1 + by.brightness / 100)
    values = (values - 0.5) * (1 + by.contrast / 100) + 0.5
    return np.clip(np.clip(values, 0, 1) * (1 + by.channels[channel] / 100), 0, 1)


def gains_of(by: Filters) -> Floats:
    """Factors for the light of red, green and blue."""
    warmth, magenta = by.temperature / 100 * _WARMTH, by.tint / 100 * _WARMTH
    gains = np.exp2([warmth + magenta / 2, -magenta, -warmth + magenta / 2])
    return np.asarray(gains / (gains @ REC_709))


def matrix_of(by: Filters) -> Floats | None:
    """The combined effect of saturation, hue and effect on encoded red, green and blue; None for no change."""
    matrix = _NEUTRAL
    gray = np.tile(_LUMA, (3, 1))
    if by.saturation:
        matrix = gray + (_NEUTRAL - gray) * (1 + by.saturation / 100)
    if by.hue:
        matrix = _turned(by.hue) @ matrix
    if by.effect in (COLOR_EFFECT_GRAYSCALE, COLOR_EFFECT_SEPIA):
        matrix = (gray if by.effect == COLOR_EFFECT_GRAYSCALE else _SEPIA) @ matrix
    return None if matrix is _NEUTRAL else matrix


def _turned(degrees: float) -> Floats:
    """The matrix of `hue-rotate()`, with the luma of BT.709 to four digits instead of three."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    gray = np.tile(_LUMA, (3, 1))
    red, green, blue = _LUMA
    across = np.array([[-red, -green, 1 - blue], [0.143, 0.140, -0.283], [-(1 - red), green, blue]])
    return np.asarray(gray + (_NEUTRAL - gray) * cosine + across * sine)


def _table(image: Image | LazyImage, by: Filters) -> pyvips.Image:
    """The curve of each channel."""
    values = np.arange(image.maximum + 1) / image.maximum
    gains = gains_of(by) if by.temperature or by.tint else np.ones(3)
    channels = range(1 if image.is_gray else 3)
    curves = [curve_of(values, by, channel, float(gains[channel])) for channel in channels]
    levels = np.round(np.stack(curves, axis=-1) * image.maximum).astype(f"uint{image.bit_depth}")
    return pyvips.Image.new_from_array(levels[None])
