"""Which characters a font file has."""

from __future__ import annotations

import struct
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
