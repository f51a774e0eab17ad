"""Laying a cut-out over a colour or another picture."""

from __future__ import annotations

import dataclasses

import numpy as np

from services.inference.media import Image, Pixels
from services.inference.media.colour import as_deep_as, between, strips
from services.inference.media.covering import covering

_STRIP = 256


def over(image: Image, behind: Image) -> Image:
    """The cut-out over a picture of the same size, which may have alpha; as `over_picture`."""
    return _laid(image, behind)


def over_colour(image: Image, red: int, green: int, blue: int) -> Image:
    """The cut-out over a colour (8-bit sRGB), opaque, in its own profile and depth; a gray picture over a colour becomes sRGB."""
    colour = np.array([[[red, green, blue]]], np.uint8)
    return _laid(image, Image(colour[..., :1] if red == green == blue else colour))


def over_picture(image: Image, picture: Image) -> Image:
    """The cut-out over a picture that is scaled to cover it and cropped evenly on both sides.

    In the cut-out's profile and depth; a gray cut-out over a coloured picture becomes sRGB. Where the picture is transparent, so is the
    result.
    """
    return _laid(image, covering(picture, image.width, image.height))


def _laid(image: Image, behind: Image) -> Image:
    """A cut-out over a picture of the same size or of one pixel."""
    image, colour = _matched(image, behind)
    assert image.alpha is not None
    colour = as_deep_as(image.alpha, colour)
    if behind.alpha is None:
        return dataclasses.replace(image, pixels=_over(image.pixels, image.alpha, colour), alpha=None)
    pixels, alpha = _over_transparent(image.pixels, image.alpha, colour, as_deep_as(image.alpha, behind.alpha))
    return dataclasses.replace(image, pixels=pixels, alpha=alpha)


def _matched(image: Image, behind: Image) -> tuple[Image, Pixels]:
    """Both in one encoding: the cut-out's, or sRGB where the cut-out is gray while the other is coloured."""
    if image.is_gray and behind.is_gray and image.icc == behind.icc:
        return image, behind.pixels
    if image.is_gray:
        image = _as_srgb(image)
    return image, between(behind.pixels, behind.icc, image.icc)


def _as_srgb(image: Image) -> Image:
    pixels = between(image.pixels, image.icc, None)
    assert image.alpha is not None
    return dataclasses.replace(image, pixels=pixels, alpha=as_deep_as(pixels, image.alpha), icc=None)


def _over(front: Pixels, alpha: Pixels, behind: Pixels) -> Pixels:
    """`front` over opaque `behind` (same size or one pixel), weighted by `alpha`: exact where that is none or full."""
    whole = np.iinfo(alpha.dtype).max
    out = np.empty_like(front)
    for rows in strips(front.shape[0], _STRIP):
        weight = alpha[rows, :, None].astype(np.uint64)
        under = behind[rows] if behind.shape[0] > 1 else behind
        out[rows] = ((front[rows] * weight + under * (whole - weight) + whole // 2) // whole).astype(front.dtype)
    return out


def _over_transparent(front: Pixels, alpha: Pixels, behind: Pixels, behind_alpha: Pixels) -> tuple[Pixels, Pixels]:
    """Colour and alpha of `front` over `behind`, which has alpha itself (Porter, Duff 1984): zero where nothing is visible."""
    whole = np.iinfo(alpha.dtype).max
    colour, opacity = np.empty_like(front), np.empty_like(alpha)
    for rows in strips(front.shape[0], _STRIP):
        own = alpha[rows].astype(np.float64) / whole
        under = behind_alpha[rows].astype(np.float64) / whole * (1 - own)
        both = own + under
        mixed = front[rows] * own[..., None] + behind[rows] * under[..., None]
        colour[rows] = np.round(mixed / np.maximum(both, 1e-9)[..., None]).astype(front.dtype)
        opacity[rows] = np.round(both * whole).astype(alpha.dtype)
    colour[opacity == 0] = 0
    return colour, opacity
