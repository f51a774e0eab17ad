"""Text as a mask: set in lines, made to fit, turned, and repeated. libvips and Pango shape it, in any direction of writing."""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass

import pyvips

from services.inference.plain import font
from services.pictures.geometry import Size

_KANA = re.compile("[ぁ-ゖァ-ヺㇰ-ㇿｦ-ﾝ]")
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
_BOPOMOFO = re.compile("[\u3105-\u312f\u31a0-\u31bf]")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SIMPLIFIED, _TRADITIONAL, _JAPANESE, _KOREAN, _OTHER = "zh-cn", "zh-tw", "ja", "ko", "en"
_SETS = {_SIMPLIFIED: "gb2312", _TRADITIONAL: "big5", _JAPANESE: "shift_jis"}
"""Character sets of the usual characters of a language, the first being preferred."""


def language(text: str) -> str:
    """The tag of a language; that of English where it makes no difference."""
    for characters, tag in ((_KANA, _JAPANESE), (_HANGUL, _KOREAN), (_BOPOMOFO, _TRADITIONAL)):
        if characters.search(text):
            return tag
    han = "".join(_HAN.findall(text))
    return max(_SETS, key=lambda tag: len(han.encode(_SETS[tag], "ignore"))) if han else _OTHER


_PROBE = 20
"""Size of the font, in pixels, in which the extent of a text is measured; large ones would take long."""
_SMALLEST = 1.0
_TRIES = 10
"""Halvings of the range of sizes: to a thousandth."""
_BROKEN_WORDS = 0.6
"""Words are broken where that lets the text be as much larger than this share says."""
_DPI = 72
"""At which a point is a pixel."""
_MARKUP = '<span lang="{}-x-darkroom" insert_hyphens="false">{}</span>'
"""Pango's, in which it gets a text that is escaped. `fonts.conf` knows what is Darkroom's own by the language."""
_A_LITTLE_SMALLER = 0.97
_TOLERANCE = 1.02
"""The tolerance for glyphs that reach beyond their line; there is a margin around the room."""
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Room:
    """Where a text must fit once it is turned by some degrees, with a padding around it, in units of the font's size."""

    size: Size
    degrees: float
    padding: float

    @property
    def length(self) -> float:
        """Pixels in the direction of the text."""
        return min(side / share for side, share in zip(self.size, self._shares, strict=True) if share > _NOTHING)

    def holds(self, wide: float, high: float, size: float) -> bool:
        """Whether it has room for a text of these pixels, set in a font of this size, except for rounding."""
        across, along = self._shares
        wide, high = (side + 2 * self.padding * size for side in (wide, high))
        room = [side * _TOLERANCE for side in self.size]
        return wide * across + high * along <= room[0] and wide * along + high * across <= room[1]

    @property
    def _shares(self) -> tuple[float, float]:
        turn = math.radians(self.degrees)
        return abs(math.cos(turn)), abs(math.sin(turn))


def draw_text(text: str, size: float, room: Room, align: str) -> tuple[pyvips.Image | None, float]:
    """The text, one band of 8 bits, cut to its ink, and the size of its font in pixels: the one given, or the largest one that fits into
    the room. None if nothing of it is visible.

    Lines are as long as the room in the direction of the text. A text that does not fit even with a font of one pixel gets that. `align` is
    low, centre or high.
    """
    text = _MARKUP.format(language(text), html.escape(text, quote=False))
    size, breaking = _fitted(text, size, room)
    for _ in range(_TRIES):
        width = max(1, math.ceil(room.length - 2 * room.padding * size))
        try:
            mask = _set(text, size, width, align, breaking=breaking)
        except pyvips.Error:
            # "no text to render": spaces.
            return None, size
        if size <= _SMALLEST or room.holds(mask.width, mask.height, size):
            break
        # Rounding in another size has moved a word to the next line.
        size = max(_SMALLEST, size * _A_LITTLE_SMALLER)
    return mask.copy_memory(), size


def _fitted(text: str, size: float, room: Room) -> tuple[float, bool]:
    """For a text in markup, the largest size that fits, estimated from a text of another size, and whether words are broken for it."""

    def fits(size: float, *, breaking: bool) -> bool:
        wide, high = _extent(text, room.length / size - 2 * room.padding, breaking=breaking)
        return room.holds(wide * size, high * size, size)

    def largest(*, breaking: bool) -> float:
        if fits(size, breaking=breaking):
            return size
        low, high = min(_SMALLEST, size), size
        for _ in range(_TRIES):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if fits(middle, breaking=breaking) else (low, middle)
        return low

    whole = largest(breaking=False)
    broken = whole if whole == size else largest(breaking=True)
    breaking = whole < broken * _BROKEN_WORDS
    return (broken if breaking else whole), breaking


def rotate_mask(mask: pyvips.Image, degrees: float) -> pyvips.Image:
    """A mask after a clockwise rotation, on a canvas that holds all of it."""
    return mask if degrees % 360 == 0 else mask.rotate(degrees, interpolate=pyvips.Interpolate.new("bicubic"))


def repeat_mask(mask: pyvips.Image, size: Size, degrees: float, gap: int) -> pyvips.Image:
    """A mask all over an area of this size, from its middle on, every second row shifted by half, the whole pattern rotated."""
    own = mask.embed(gap // 2, gap // 2, mask.width + gap, mask.height + gap)
    pair = own.join(own.wrap(x=own.width // 2, y=0), "vertical").copy_memory()
    straight = degrees % 360 == 0
    needed = size if straight else (math.ceil(math.hypot(*size)) + 4,) * 2
    periods, sizes = (pair.width, pair.height), (own.width, own.height)
    starts = [(one // 2 - side // 2) % period for one, side, period in zip(sizes, needed, periods, strict=True)]
    pattern = pair.replicate(*(-(-(start + side) // period) for start, side, period in zip(starts, needed, periods, strict=True)))
    pattern = rotate_mask(pattern.extract_area(*starts, *needed), degrees)
    left, top = ((whole - side) // 2 for whole, side in zip((pattern.width, pattern.height), size, strict=True))
    return pattern.extract_area(left, top, *size)


def _extent(text: str, length: float, *, breaking: bool) -> tuple[float, float]:
    """Width and height of a text in markup whose lines have this length, all in units of the font's size."""
    try:
        mask = _set(text, _PROBE, max(1, min(round(length * _PROBE), 1 << 20)), "low", breaking=breaking)
    except pyvips.Error:
        return 0.0, 0.0
    return mask.width / _PROBE, mask.height / _PROBE


def _set(text: str, size: float, width: int, align: str, *, breaking: bool) -> pyvips.Image:
    return pyvips.Image.text(
        text,
        font=f"{font.FAMILY} {size:.3f}",
        dpi=_DPI,
        width=width,
        align=align,
        wrap="word-char" if breaking else "word",
    )
