"""The fonts that text is drawn with, and which characters they have."""

from __future__ import annotations

import re
import struct
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

_BASIC, _FULL = 4, 12
"""The formats of a character map with the first 65,536 code points and with all (OpenType specification, "cmap")."""
_Runs = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]


def has(file: Path, code: int) -> bool:
    """Whether the font has a glyph for a code point."""
    firsts, lasts = _runs(file)
    at = int(np.searchsorted(firsts, code, "right")) - 1
    return at >= 0 and code <= int(lasts[at])


def characters(file: Path) -> frozenset[int]:
    """The code points that the font has a glyph for."""
    return frozenset(code for first, last in zip(*_runs(file), strict=True) for code in range(int(first), int(last) + 1))


@cache
def _runs(file: Path) -> _Runs:
    """The first and the last of each run of code points, in order. Only this table of the file is read."""
    with file.open("rb") as opened:
        (count,) = struct.unpack(">4xH6x", opened.read(12))
        tables = {name: (at, length) for name, at, length in struct.iter_unpack(">4s4xII", opened.read(16 * count))}
        at, length = tables[b"cmap"]
        opened.seek(at)
        table = opened.read(length)
    (count,) = struct.unpack_from(">2xH", table)
    maps = [table[start:] for (start,) in struct.iter_unpack(">4xI", table[4 : 4 + 8 * count])]
    read = {_BASIC: _basic, _FULL: _full}
    by_format = {format_: each for each in maps if (format_ := struct.unpack_from(">H", each)[0]) in read}
    best = max(by_format)
    return read[best](by_format[best])


def _full(table: bytes) -> _Runs:
    (groups,) = struct.unpack_from(">I", table, 12)
    numbers = np.frombuffer(table, ">u4", 3 * groups, 16).reshape(groups, 3).astype(np.uint32)
    return numbers[:, 0], numbers[:, 1]


def _basic(table: bytes) -> _Runs:
    (twice,) = struct.unpack_from(">H", table, 6)
    lasts, firsts = (np.frombuffer(table, ">u2", twice // 2, at).astype(np.uint32) for at in (14, 16 + twice))
    # The end of the table is a separate run, without a character.
    return firsts[:-1], lasts[:-1]


FAMILY = "Darkroom"
"""Which `fonts.conf` resolves."""
FOLDER = Path(__file__).resolve().parent.parent / "fonts"
_BOX = "□"
_BREAK = re.compile(r"\r\n?|[\u2028\u2029\v\f\x85]")


def drawable(text: str) -> tuple[str, str]:
    """The text as it can be drawn, and the characters that a box stands for, each once.

    Line breaks become `\\n`, other control characters go, and a mark on a character that the fonts lack goes with it.
    """
    drawn, lacking = [], []
    boxed = False
    for character in _BREAK.sub("\n", text):
        category = unicodedata.category(character)
        if category == "Cc":
            drawn.append({"\n": "\n", "\t": " "}.get(character, ""))
            boxed = False
        elif category in ("Cf", "Zs") or _has(character):
            drawn.append(character)
            boxed = False
        else:
            lacking.append(character)
            drawn.append("" if boxed and category.startswith("M") else _BOX)
            boxed = True
    return "".join(drawn), "".join(dict.fromkeys(lacking))


@cache
def files() -> tuple[Path, ...]:
    """Those of the fonts."""
    return tuple(sorted(FOLDER.glob("*.[ot]tf")))


def _has(character: str) -> bool:
    """Whether a font has a character, or all that it is composed of. Variation selectors draw nothing."""
    if 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF:
        return True
    parts = [ord(part) for part in unicodedata.normalize("NFD", character)]
    return any(has(file, ord(character)) or all(has(file, part) for part in parts) for file in files())
