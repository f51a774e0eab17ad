"""Laying one picture over another, with separable blend modes (W3C Compositing and Blending Level 1, 5 and 10.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.compose_pb2 import (
    BLEND_MODE_COLOR_BURN,
    BLEND_MODE_COLOR_DODGE,
    BLEND_MODE_DARKEN,
    BLEND_MODE_DIFFERENCE,
    BLEND_MODE_EXCLUSION,
    BLEND_MODE_HARD_LIGHT,
    BLEND_MODE_LIGHTEN,
    BLEND_MODE_MULTIPLY,
    BLEND_MODE_OVERLAY,
    BLEND_MODE_SCREEN,
    BLEND_MODE_SOFT_LIGHT,
    BLEND_MODE_UNSPECIFIED,
    BlendMode,
)
from services.inference.media import Image, Pixels
from services.inference.media.colour import as_deep_as, between, strips
from services.inference.plain.canvas import as_srgb
from services.inference.plain.overlaying import within

Floats = npt.NDArray[np.float32]
_Blend = Callable[[Floats, Floats], Floats]
_STRIP = 256


def _screen(below: Floats, above: Floats) -> Floats:
    return below + above - below * above


def _hard_light(below: Floats, above: Floats) -> Floats:
    return np.where(above <= 0.5, below * 2 * above, _screen(below, 2 * above - 1))


def _soft_light(below: Floats, above: Floats) -> Floats:
    root = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, np.sqrt(below))
    return np.where(above <= 0.5, below - (1 - 2 * above) * below * (1 - below), below + (2 * above - 1) * (root - below))


def _dodge(below: Floats, above: Floats) -> Floats:
    bright = np.minimum(1, below / np.maximum(1 - above, 1e-6))
    return np.where(below == 0, 0, np.where(above >= 1, 1, bright)).astype(np.float32)


def _burn(below: Floats, above: Floats) -> Floats:
    dark = 1 - np.minimum(1, (1 - below) / np.maximum(above, 1e-6))
    return np.where(below >= 1, 1, np.where(above <= 0, 0, dark)).astype(np.float32)


_BLENDS: Mapping[BlendMode.ValueType, _Blend] = {
    BLEND_MODE_MULTIPLY: lambda below, above: below * above,
    BLEND_MODE_SCREEN: _screen,
    BLEND_MODE_OVERLAY: lambda below, above: _hard_light(above, below),
    BLEND_MODE_DARKEN: np.minimum,
    BLEND_MODE_LIGHTEN: np.maximum,
    BLEND_MODE_HARD_LIGHT: _hard_light,
    BLEND_MODE_SOFT_LIGHT: _soft_light,
    BLEND_MODE_DIFFERENCE: lambda below, above: np.abs(below - above),
    BLEND_MODE_EXCLUSION: lambda below, above: below + above - 2 * below * above,
    BLEND_MODE_COLOR_DODGE: _dodge,
    BLEND_MODE_COLOR_BURN: _burn,
}


def compose(
    below: Image, above: Image, left: int, top: int, opacity: float = 1.0, mode: BlendMode.ValueType = BLEND_MODE_UNSPECIFIED
) -> Image:
    """`below` with `above` laid over it, whose upper left corner is at (`left`, `top`), inside or outside; what hangs over is cut off.

    In the encoding and depth of `below`; a gray picture under a coloured one becomes sRGB. `opacity` is 0 to 1.
    """
    rows, columns = within(top, above.height, below.height), within(left, above.width, below.width)
    if rows.start >= rows.stop or columns.start >= columns.stop or opacity <= 0:
        return below
    below, colour, shape = _matched(below, above)
    pixels = below.pixels.copy()
    alpha = None if below.alpha is None else below.alpha.copy()
    whole, blend = np.float32(below.maximum), _BLENDS.get(mode)
    for part in strips(rows.stop - rows.start, _STRIP):
        here = slice(rows.start + part.start, rows.start + part.stop), columns
        there = slice(here[0].start - top, here[0].stop - top), slice(columns.start - left, columns.stop - left)
        own = np.float32(opacity) if shape is None else shape[there].astype(np.float32) / whole * np.float32(opacity)
        share = np.broadcast_to(np.asarray(own, np.float32), pixels[here].shape[:2])[..., None]
        source, under = colour[there].astype(np.float32) / whole, pixels[here].astype(np.float32) / whole
        backdrop = np.float32(1) if alpha is None else alpha[here].astype(np.float32)[..., None] / whole
        if blend is not None:
            source = (1 - backdrop) * source + backdrop * blend(under, source)
        both = share + backdrop * (1 - share)
        mixed = (share * source + (1 - share) * backdrop * under) / np.maximum(both, np.float32(1e-9))
        touched = np.broadcast_to(share > 0, mixed.shape)
        pixels[here] = np.where(touched, np.rint(np.clip(mixed, 0, 1) * whole), pixels[here]).astype(pixels.dtype)
        if alpha is not None:
            alpha[here] = np.where(touched[..., 0], np.rint(both[..., 0] * whole), alpha[here]).astype(alpha.dtype)
    return below.replace(pixels=pixels, alpha=alpha)


def _matched(below: Image, above: Image) -> tuple[Image, Pixels, Pixels | None]:
    """The lower picture, and the samples and the alpha of the upper one as it has them."""
    if below.is_gray and not (above.is_gray and above.icc == below.icc):
        below = as_srgb(below)
    colour = above.pixels if below.is_gray else between(above.pixels, above.icc, below.icc)
    return below, as_deep_as(below.pixels, colour), None if above.alpha is None else as_deep_as(below.pixels, above.alpha)
