"""The font that text is drawn with, and which characters it has."""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FAMILY = "DejaVu Sans"
FILE = Path(__file__).resolve().parent.parent / "fonts" / "DejaVuSans.ttf"
_BOX = "□"
_UNICODE_FULL = 12
"""The format of a character map with all of Unicode (OpenType specification, "cmap")."""
_BREAK = re.compile(r"\r\n?|[\u2028\u2029\v\f\x85]")


def drawable(text: str) -> tuple[str, str]:
    """The text as it can be drawn, and the characters that a box stands for, each once.

    Line breaks become `\\n`, other control characters go, and a mark on a character that the font lacks goes with it.
    """
    drawn, lacking = [], []
    boxed = False
    for character in _BREAK.sub("\n", text):
        category = unicodedata.category(character)
        if character == "\n" or category in ("Cf", "Zs") or _has(character):
            drawn.append(character)
            boxed = False
        elif category == "Cc":
            drawn.append(" " if character == "\t" else "")
        else:
            lacking.append(character)
            drawn.append("" if boxed and category.startswith("M") else _BOX)
            boxed = True
    return "".join(drawn), "".join(dict.fromkeys(lacking))


def _has(character: str) -> bool:
    """Whether the font has a character, or all that it is composed of. Variation selectors draw nothing."""
    composed = unicodedata.normalize("NFD", character)
    return ord(character) in characters() or all(ord(part) in characters() for part in composed) or 0xFE00 <= ord(character) <= 0xFE0F


@cache
def characters() -> frozenset[int]:
    """The code points that the font has a glyph for."""
    data = FILE.read_bytes()
    (count,) = struct.unpack_from(">H", data, 4)
    tables = {data[at : at + 4]: struct.unpack_from(">I", data, at + 8)[0] for at in range(12, 12 + 16 * count, 16)}
    start = tables[b"cmap"]
    (count,) = struct.unpack_from(">H", data, start + 2)
    maps = [start + struct.unpack_from(">I", data, start + 4 + 8 * number + 4)[0] for number in range(count)]
    return frozenset(code for at in maps if struct.unpack_from(">H", data, at)[0] == _UNICODE_FULL for code in _codes(data, at))


def _codes(data: bytes, at: int) -> Iterator[int]:
    (groups,) = struct.unpack_from(">I", data, at + 12)
    for group in range(groups):
        first, last, _glyph = struct.unpack_from(">III", data, at + 16 + 12 * group)
        yield from range(first, last + 1)
