"""Colour profiles of large gamuts, written for the sheets."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import pyvips

_D50 = (0.9642, 1.0, 0.8249)
_PRO_PHOTO = ((0.7976749, 0.2880402, 0.0), (0.1351917, 0.7118741, 0.0), (0.0313534, 0.0000857, 0.8252100))
_ADOBE = ((0.6097559, 0.3111242, 0.0194811), (0.2052401, 0.6256560, 0.0608902), (0.1492240, 0.0632197, 0.7448387))


def display_p3() -> bytes:
    """The one that libvips carries."""
    return bytes(pyvips.Image.profile_load("p3"))


def pro_photo() -> bytes:
    """ROMM RGB (ISO 22028-2) with a plain power of 1.8."""
    return _profile(_PRO_PHOTO, 1.8)


def adobe_rgb() -> bytes:
    """Adobe RGB (1998)."""
    return _profile(_ADOBE, 563 / 256)


def _profile(primaries: Sequence[Sequence[float]], gamma: float) -> bytes:
    """A version 2 profile of a display (ICC.1:2001-04). The primaries are XYZ, adapted to D50."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags: Mapping[bytes, bytes] = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(78),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": _xyz(_D50),
        **{name + b"XYZ": _xyz(primary) for name, primary in zip((b"r", b"g", b"b"), primaries, strict=True)},
        **{name + b"TRC": curve for name in (b"r", b"g", b"b")},
    }
    table, body, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = 128 + len(table) + len(body)
    header = (
        struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp" + bytes(28) + _xyz(_D50)[8:]
    )
    return header.ljust(128, b"\0") + table + body


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))
