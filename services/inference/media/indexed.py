"""Pictures with a palette: PNG without loss where there are few colours, PNG of fewer colours, and GIF."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from services.inference.media import palettes
from services.inference.media.colour import Pixels

Samples = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.uint32]

MOST, OPAQUE = 256, 255
_LOOKED_AT = 1 << 14
"""Pixels that show, most of the time, that a picture has more colours."""
_JUDGED = 1 << 16
"""Pixels that a palette is chosen by."""
_ROWS = 64
"""Rows of pixels that are looked at together."""
_KEY_BITS = 20
_MULTIPLIERS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1, 0xD3A2646D, 0xFD7046C5, 0xB55A4F09)
"""Odd constants of multiplicative hashes."""


@dataclass(frozen=True, slots=True)
class IndexedPicture:
    """A picture as numbers of colours."""

    numbers: Samples
    """Height x width."""
    colours: Samples
    """1 to 256 rows of red, green, blue and alpha."""

    @property
    def transparent(self) -> bool:
        """Whether a colour is not opaque."""
        return bool((self.colours[:, 3] < 255).any())


def exact(pixels: Samples, alpha: Samples | None, most: int = MOST) -> IndexedPicture | None:
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
    return IndexedPicture(_numbers(seen, colours), colours.astype(">u4").view(np.uint8).reshape(-1, 4))


def reduce_colours(pixels: Samples, alpha: Samples | None, most: int) -> IndexedPicture:
    """The picture with at most this many colours, 2 to 256.

    `palettes` says how they are chosen. Opaque pixels pass their errors on to neighbours (Floyd, Steinberg: "An Adaptive Algorithm for
    Spatial Grayscale", 1976), except those whose exact colour is in the palette; soft ones get the colour that is nearest.
    """
    already = exact(pixels, alpha, most)
    if already is not None:
        return already
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    if alpha is None:
        step = max(1, int((colours.shape[0] * colours.shape[1] / _JUDGED) ** 0.5))
        few = colours[::step, ::step].reshape(-1, 3)
        palette = palettes.choose_palette(np.hstack((few, np.full((len(few), 1), OPAQUE, np.uint8))), most)
        return _used(palette, _dithered(colours, palette[:, :3]))
    seen = np.dstack((colours, alpha))
    # Hidden pixels take no colour.
    seen[alpha == 0] = 0
    palette = palettes.choose_palette(seen.reshape(-1, 4), most)
    opaque, solid = np.flatnonzero(palette[:, 3] == OPAQUE), alpha == OPAQUE
    apart = bool(opaque.size and solid.any())
    if apart:
        seen[solid] = 0
    numbers = palettes.nearest(seen.reshape(-1, 4), palette).reshape(alpha.shape)
    if apart:
        del seen
        numbers[solid] = opaque.astype(np.uint8)[_dithered(colours, palette[opaque, :3])[solid]]
    return _used(palette, numbers)


def _dithered(colours: Samples, palette: Samples) -> Samples:
    """The number of a colour of the palette for each pixel. Both are red, green and blue."""
    few = PillowImage.new("P", (1, 1))
    few.putpalette(np.ascontiguousarray(palette).tobytes())
    picture = PillowImage.fromarray(np.ascontiguousarray(colours))
    made = np.array(picture.quantize(palette=few, dither=PillowImage.Dither.FLOYDSTEINBERG))
    known = _packed(palette[None], None)[0]
    order = np.argsort(known).astype(np.uint8)
    for top in range(0, len(made), _ROWS):
        rows = slice(top, top + _ROWS)
        packed = _packed(colours[rows], None)
        numbers = _numbers(packed, known[order])
        made[rows] = np.where(known[order][numbers] == packed, order[numbers], made[rows])
    return made


def cut_out(pixels: Samples, alpha: Samples | None, most: int) -> IndexedPicture:
    """As `reduce_colours`, with each pixel either opaque or of the one transparent colour, as a GIF has it."""
    if alpha is None:
        return reduce_colours(pixels, None, most)
    shown = alpha >= 128
    if shown.all():
        return reduce_colours(pixels, None, most)
    # Hidden pixels must not take colours from the others.
    seen = np.where(shown[..., None], pixels, pixels[shown].mean(axis=0).round() if shown.any() else 0).astype(np.uint8)
    made = reduce_colours(seen, None, most - 1)
    clear = len(made.colours)
    numbers = np.where(shown, made.numbers, clear).astype(np.uint8)
    return IndexedPicture(numbers, np.vstack((made.colours, np.zeros((1, 4), np.uint8))))


def as_png(picture: IndexedPicture, level: int, **fields: Any) -> bytes:
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


def as_gif(picture: IndexedPicture) -> bytes:
    """A GIF file of one frame."""
    clear = np.flatnonzero(picture.colours[:, 3] == 0)
    fields = {"transparency": int(clear[0])} if clear.size else {}
    return _saved(picture, "GIF", optimize=False, interlace=0, **fields)


def _saved(picture: IndexedPicture, format_: str, **fields: Any) -> bytes:
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
    """The number of each colour among the given ones, which ascend; any number for another."""
    for multiplier in _MULTIPLIERS:
        keys = _keys(colours, multiplier)
        if np.unique(keys).size == colours.size:
            table = np.zeros(1 << _KEY_BITS, np.uint8)
            table[keys] = np.arange(colours.size, dtype=np.uint8)
            return table[_keys(packed, multiplier)]
    return np.minimum(np.searchsorted(colours, packed), colours.size - 1).astype(np.uint8)


def _keys(values: Numbers, multiplier: int) -> Numbers:
    keys: Numbers = (values * np.uint32(multiplier)) >> np.uint32(32 - _KEY_BITS)
    return keys


def _used(colours: Samples, numbers: Samples) -> IndexedPicture:
    """Without the colours that no pixel has."""
    used = np.flatnonzero(np.bincount(numbers.ravel(), minlength=len(colours)))
    renumbered = np.zeros(MOST, np.uint8)
    renumbered[used] = np.arange(used.size, dtype=np.uint8)
    return IndexedPicture(renumbered[numbers], np.ascontiguousarray(colours[used]))
