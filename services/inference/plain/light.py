"""Exposure, contrast, saturation, sharpness and local tone mapping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyvips

from services.inference.media import Image, LazyImage, Picture
from services.inference.plain.graph import Work, compute, graph_of, whole
from services.inference.plain.local_tones import sharpen, tone_mapped
from services.inference.plain.transfer import Floats, decode_light, decoded_graph, encode_light, encoded_graph, luminance

_KNEE = 0.6
"""In linear light: what a brighter exposure lifts above is rolled off towards white."""
SHARPEST = 1.5
"""How much of the difference to a blurred copy full sharpness adds."""
_CONTINUED = 8
"""A panorama is continued on both sides by one part in this many of its width."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Ranges are those of the message `Adjust`; 0 changes nothing."""

    exposure: int = 0
    contrast: int = 0
    saturation: int = 0
    sharpness: int = 0
    hdr: int = 0
    stitching: bool = False
    """The picture's left and right edges meet."""


def adjust(image: Picture, by: Adjustment, work: Work) -> Picture:
    """The picture with other light and colours; the very same where nothing is to change."""
    saturation = 0 if image.is_gray else by.saturation
    if not (by.exposure or by.contrast or saturation or by.sharpness or by.hdr):
        return image
    picture = graph_of(image)
    alpha = None if image.alpha is None else picture[picture.bands - 1]
    colours = picture if alpha is None else picture[: picture.bands - 1]
    margin = max(1, image.width // _CONTINUED) if by.stitching and (by.hdr or by.sharpness) else 0
    if margin:
        colours = _continued(colours, margin)
    if by.exposure or by.contrast:
        colours = colours.maplut(_table(lambda values: adjust_contrast(expose(values, by.exposure), by.contrast), image))
    if saturation or by.hdr or by.sharpness:
        values = colours / image.maximum
        if saturation:
            values = saturate(values, _light_of(colours, image), saturation)
        if by.hdr:
            values = tone_mapped(values, by.hdr / 100)
        if by.sharpness:
            values = sharpen(values, by.sharpness / 100 * SHARPEST)
        colours = whole(values * image.maximum, image)
    if margin:
        colours = colours.extract_area(margin, 0, image.width, image.height)
    return compute(colours if alpha is None else colours.bandjoin(alpha), image, work)


def expose(values: Floats, exposure: float) -> Floats:
    """Encoded values, 0 to 1, after multiplying their light by 2 to the power of `exposure` / 50."""
    gain = 2.0 ** (exposure / 50)
    light = decode_light(values) * gain
    if gain <= 1:
        return encode_light(light)
    # From the knee on, a curve of the same slope that reaches white where the input does.
    slope = (gain - _KNEE) / (1 - _KNEE)
    over = np.clip((light - _KNEE) / (gain - _KNEE), 0, 1)
    rolled_off = _KNEE + (1 - _KNEE) * slope * over / (1 + (slope - 1) * over)
    return encode_light(np.where(light > _KNEE, rolled_off, light))


def adjust_contrast(values: Floats, contrast: int) -> Floats:
    """Encoded values, 0 to 1, with another slope around the middle."""
    slope = 1 + contrast / 100
    away = np.abs(values - 0.5) * 2
    curve = slope * away / (1 + (slope - 1) * away) if slope > 1 else slope * away
    return np.asarray(0.5 + np.sign(values - 0.5) * curve / 2)


def saturate(values: pyvips.Image, light: pyvips.Image, saturation: int) -> pyvips.Image:
    """Encoded RGB, 0 to 1, with its distance from the gray of the same luminance scaled; where it grows, that of strong colours less.

    `light` is that of the same samples.
    """
    gray = encoded_graph(luminance(light))
    share = saturation / 100
    if share < 0:
        return (values - gray) * (1 + share) + gray
    red, green, blue = values.bandsplit()
    strength = red.bandrank([green, blue], index=2) - red.bandrank([green, blue], index=0)
    return (values - gray) * (strength * -share + (1 + share)) + gray


def _light_of(colours: pyvips.Image, image: Image | LazyImage) -> pyvips.Image:
    """The light of the picture's samples: a table of all levels takes a fraction of the time that a power of each sample takes."""
    return colours.maplut(decoded_graph(pyvips.Image.identity(ushort=image.bit_depth > 8) / image.maximum))


def _table(curve: Callable[[Floats], Floats], image: Image | LazyImage) -> pyvips.Image:
    levels = curve(np.arange(image.maximum + 1) / image.maximum)
    table = np.round(np.clip(levels, 0, 1) * image.maximum).astype(f"uint{image.bit_depth}")
    return pyvips.Image.new_from_array(table[None, :, None])


def _continued(colours: pyvips.Image, margin: int) -> pyvips.Image:
    """A panorama with its right end put before it, and its left end behind it."""
    before = colours.extract_area(colours.width - margin, 0, margin, colours.height)
    behind = colours.extract_area(0, 0, margin, colours.height)
    return before.join(colours, "horizontal").join(behind, "horizontal").copy(interpretation=colours.interpretation)
