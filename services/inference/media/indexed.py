"""Pictures with a palette: PNG without loss where there are few colours, PNG of fewer colours, and GIF."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from services.inference.media import soft_palette
from services.inference.media.colour import Pixels

Samples = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint32]

MOST, OPAQUE = 256, 255
_LOOKED_AT = 1 << 14
"""Pixels that show, most of the time, that a picture has more colours."""
_JUDGED = 1 << 16
"""Pixels that a palette is chosen by."""
_KEY_BITS = 20
_MULTIPLIERS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1, 0xD3A2646D, 0xFD7046C5, 0xB55A4F09)
"""Odd constants of multiplicative hashes."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A picture as numbers of colours."""

    numbers: Samples
    """Height x width."""
    colours: Samples
    """1 to 256 rows of red, green, blue and alpha."""

    @property
    def transparent(self) -> bool:
        """Whether a colour is not opaque."""
        return bool((self.colours[:, 3] < 255).any())


def exact(pixels: Samples, alpha: Samples | None, most: int = MOST) -> Indexed | None:
    """The same picture with a palette; None if it has more than `most` colours. `pixels` is height x width x 1 or 3."""
    seen = _packed(pixels, alpha)
    flat = seen.ravel()
    if np.unique(flat[:: max(1, flat.size // _LOOKED_AT)]).size > most:
        return None
    # Pictures of few colours have long runs of one.
    changes = flat[1:][flat[1:] != flat[:-1]]
    colours = np.unique(np.append(changes, flat[0]))
    if colours.size > most:
        return None
    return Indexed(_numbers(seen, colours), colours.astype(">u4").view(np.uint8).reshape(-1, 4))


def reduced(pixels: Samples, alpha: Samples | None, most: int) -> Indexed:
    """The picture with at most this many colours, 2 to 256.

    Opaque ones by median cut (Heckbert: "Color Image Quantization for Frame Buffer Display", SIGGRAPH 1982) over a part of the pixels, and
    error diffusion (Floyd, Steinberg: "An Adaptive Algorithm for Spatial Grayscale", 1976); others as `soft_palette` says.
    """
    already = exact(pixels, alpha, most)
    if already is not None:
        return already
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    if alpha is not None:
        return _soft(colours, alpha, most)
    picture = PillowImage.fromarray(np.ascontiguousarray(colours))
    step = max(1, int((picture.width * picture.height / _JUDGED) ** 0.5))
    few = PillowImage.fromarray(np.ascontiguousarray(colours[::step, ::step])).quantize(most, PillowImage.Quantize.MEDIANCUT)
    return _of_pillow(picture.quantize(palette=few, dither=PillowImage.Dither.FLOYDSTEINBERG))


def _soft(colours: Samples, alpha: Samples, most: int) -> Indexed:
    """Opaque pixels are dithered; soft ones get the colour that is nearest, and hidden ones none of their own."""
    seen = np.where(alpha[..., None] == 0, 0, np.dstack((colours, alpha))).astype(np.uint8)
    palette = soft_palette.chosen(seen.reshape(-1, 4), most)
    opaque, solid = np.flatnonzero(palette[:, 3] == OPAQUE), alpha == OPAQUE
    numbers = np.empty(alpha.shape, np.uint8)
    if opaque.size and solid.any():
        numbers[solid] = opaque[_dithered(colours, palette[opaque, :3])[solid]]
        numbers[~solid] = soft_palette.nearest(seen[~solid], palette)
    else:
        numbers[...] = soft_palette.nearest(seen.reshape(-1, 4), palette).reshape(alpha.shape)
    return _used(palette, numbers)


def _dithered(colours: Samples, palette: Samples) -> Samples:
    """The number of a colour of the palette for each pixel, the errors being passed on to neighbours."""
    few = PillowImage.new("P", (1, 1))
    few.putpalette(np.ascontiguousarray(palette).tobytes())
    picture = PillowImage.fromarray(np.ascontiguousarray(colours))
    return np.asarray(picture.quantize(palette=few, dither=PillowImage.Dither.FLOYDSTEINBERG))


def cut_out(pixels: Samples, alpha: Samples | None, most: int) -> Indexed:
    """As `reduced`, with each pixel either opaque or of the one transparent colour, as a GIF has it."""
    if alpha is None:
        return reduced(pixels, None, most)
    shown = alpha >= 128
    if shown.all():
        return reduced(pixels, None, most)
    # Hidden pixels must not take colours from the others.
    seen = np.where(shown[..., None], pixels, pixels[shown].mean(axis=0).round() if shown.any() else 0).astype(np.uint8)
    made = reduced(seen, None, most - 1)
    clear = len(made.colours)
    numbers = np.where(shown, made.numbers, clear).astype(np.uint8)
    return Indexed(numbers, np.vstack((made.colours, np.zeros((1, 4), np.uint8))))


def as_png(picture: Indexed, level: int, **fields: Any) -> bytes:
    """A PNG file. `level` is zlib's; `fields` are Pillow's: `dpi`, `icc_profile`, `exif`, and `xmp`."""
    xmp = fields.pop("xmp", None)
    if xmp is not None:
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
        fields["pnginfo"] = text
    if picture.transparent:
        fields["transparency"] = picture.colours[:, 3].tobytes()
    count = len(picture.colours)
    bits = next(bits for bits in (1, 2, 4, 8) if count <= 1 << bits)
    return _saved(picture, "PNG", compress_level=level, bits=bits, **fields)


def as_gif(picture: Indexed) -> bytes:
    """A GIF file of one frame."""
    clear = np.flatnonzero(picture.colours[:, 3] == 0)
    fields = {"transparency": int(clear[0])} if clear.size else {}
    return _saved(picture, "GIF", optimize=False, interlace=0, **fields)


def _saved(picture: Indexed, format_: str, **fields: Any) -> bytes:
    made = PillowImage.fromarray(picture.numbers)
    made.putpalette(np.ascontiguousarray(picture.colours[:, :3]).tobytes())
    buffer = io.BytesIO()
    made.save(buffer, format_, **fields)
    return buffer.getvalue()


def _packed(pixels: Pixels, alpha: Samples | None) -> Numbers:
    """Each pixel as one number: red, green, blue, alpha, from the highest byte."""
    bands = [pixels[..., band].astype(np.uint32) for band in (range(3) if pixels.shape[2] == 3 else (0, 0, 0))]
    opacity = np.uint32(255) if alpha is None else alpha.astype(np.uint32)
    return np.asarray(bands[0] << 24 | bands[1] << 16 | bands[2] << 8 | opacity, np.uint32)


def _numbers(packed: Numbers, colours: Numbers) -> Samples:
    for multiplier in _MULTIPLIERS:
        keys = _keys(colours, multiplier)
        if np.unique(keys).size == colours.size:
            table = np.zeros(1 << _KEY_BITS, np.uint8)
            table[keys] = np.arange(colours.size, dtype=np.uint8)
            return table[_keys(packed, multiplier)]
    return np.searchsorted(colours, packed).astype(np.uint8)


def _keys(values: Numbers, multiplier: int) -> Numbers:
    keys: Numbers = (values * np.uint32(multiplier)) >> np.uint32(32 - _KEY_BITS)
    return keys


def _of_pillow(picture: PillowImage.Image) -> Indexed:
    """A picture of Pillow's with a palette, without the colours that it does not use."""
    assert picture.palette is not None
    colours = np.frombuffer(picture.palette.tobytes(), np.uint8).reshape(-1, 3)
    colours = np.hstack((colours, np.full((len(colours), 1), OPAQUE, np.uint8)))
    return _used(colours, np.asarray(picture))


def _used(colours: Samples, numbers: Samples) -> Indexed:
    """Without the colours that no pixel has."""
    used = np.flatnonzero(np.bincount(numbers.ravel(), minlength=len(colours)))
    renumbered = np.zeros(MOST, np.uint8)
    renumbered[used] = np.arange(used.size, dtype=np.uint8)
    return Indexed(renumbered[numbers], np.ascontiguousarray(colours[used]))
