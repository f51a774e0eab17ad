"""Colour profiles and EXIF blocks that are broken, or made to break what reads them."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.unit.imaging.pictures import exif, gray_profile, one_way_profile, profile, wide_gamut_profile


def _patched(content: bytes, at: int, replacement: bytes) -> bytes:
    return content[:at] + replacement + content[at + len(replacement) :]


def _curves(curve: bytes, primaries: bytes | None = None) -> bytes:
    """An RGB profile with this curve for each channel."""
    columns = (0.436, 0.222, 0.014), (0.385, 0.717, 0.097), (0.143, 0.061, 0.714)
    tags = {}
    for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + (primaries or struct.pack(">3i", *(round(number * 65536) for number in column)))
        tags[name + b"TRC"] = curve
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def _parametric(function: int, *numbers: int) -> bytes:
    return b"para\0\0\0\0" + struct.pack(f">HH{len(numbers)}i", function, 0, *numbers)


def _table(kind: bytes, inputs: int, outputs: int, grid: int, entries: bytes = b"") -> bytes:
    """An RGB profile with a table from its colours to Lab."""
    head = kind + b"\0\0\0\0" + bytes([inputs, outputs, grid, 0]) + struct.pack(">9i", *([0x10000, 0, 0, 0] * 2), 0x10000)
    return profile(b"scnr", b"RGB ", b"Lab ", {b"A2B0": head + entries})


def _lut_bomb() -> bytes:
    """Tables for six stages of 16-bit entries that each point at the whole rest of the profile."""
    head = b"mAB \0\0\0\0" + bytes([15, 15, 0, 0]) + struct.pack(">5I", 32, 32, 32, 32, 32)
    return profile(b"mntr", b"RGB ", b"Lab ", {b"A2B0": head + bytes([255] * 16) + b"\2\0\0\0" + bytes(1 << 20)})


P3 = wide_gamut_profile()
_FIRST_TAG = 132

USABLE: Mapping[str, bytes] = {
    "fine": P3,
    "fine, with a tail": P3 + bytes(100),
    "fine curves": _curves(b"curv\0\0\0\0" + struct.pack(">IH", 1, 0x233)),
    "one point too few to be a curve": _curves(b"curv\0\0\0\0" + bytes(4)),
}
"""Profiles that a picture keeps."""

CONVERTED: Mapping[str, bytes] = {"by tables": one_way_profile()}
"""Profiles whose pictures become sRGB."""

IGNORED: Mapping[str, bytes] = {
    "one byte": b"x",
    "nothing but a header": P3[:128],
    "half": P3[: len(P3) // 2],
    "without its last byte": P3[:-1],
    "text": b"no profile at all" * 20,
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "size of 4 GiB": _patched(P3, 0, b"\xff\xff\xff\xff"),
    "size of nothing": _patched(P3, 0, bytes(4)),
    "version 255": _patched(P3, 8, b"\xff"),
    "no signature": _patched(P3, 36, b"abcd"),
    "of a printer's inks": _patched(P3, 16, b"CMYK"),
    "of gray": gray_profile(),
    "of fifteen channels": _patched(P3, 16, b"FCLR"),
    "of no space": _patched(P3, 16, b"????"),
    "to an unknown connection space": _patched(P3, 20, b"RGB "),
    "a link between devices": _patched(P3, 12, b"link"),
    "named colours": _patched(P3, 12, b"nmcl"),
    "4 billion tags": _patched(P3, 128, b"\xff\xff\xff\xff"),
    "no tag": _patched(P3, 128, bytes(4)),
    "a tag of 4 GiB": _patched(P3, _FIRST_TAG + 8, b"\xff\xff\xff\xff"),
    "a tag at 4 GiB": _patched(P3, _FIRST_TAG + 4, b"\xff\xff\xff\xf0"),
    "primaries of zero": _curves(b"curv\0\0\0\0" + struct.pack(">IH", 1, 0x233), bytes(12)),
    "primaries of 32,768": _curves(b"curv\0\0\0\0" + struct.pack(">IH", 1, 0x233), b"\x7f\xff\xff\xff" * 3),
    "a curve of 4 billion points": _curves(b"curv\0\0\0\0" + b"\xff\xff\xff\xff"),
    "a curve longer than its tag": _curves(b"curv\0\0\0\0" + struct.pack(">I", 5000) + bytes(20)),
    "a flat curve": _curves(b"curv\0\0\0\0" + struct.pack(">I", 1024) + bytes(2048)),
    "a power of zero": _curves(b"curv\0\0\0\0" + struct.pack(">IH", 1, 0)),
    "an unknown function": _curves(_parametric(9, 0x10000)),
    "a function that divides by zero": _curves(_parametric(4, 0x10000, 0, 0, 0, 0, 0, 0)),
    "a function to the power of 32,767": _curves(_parametric(0, 0x7FFFFFFF)),
    "a curve of another type": _curves(b"text\0\0\0\0" + b"curve" * 4),
    "an empty table": _table(b"mft1", 3, 3, 2),
    "a table of sixteen inputs": _table(b"mft2", 16, 16, 255, bytes(4096)),
    "a table that is cut off": _table(b"mft2", 3, 3, 255, bytes(4096)),
    "tables in a bomb": _lut_bomb(),
}
"""Profiles that cannot be used; pictures are taken for sRGB, and their owners are told."""


def _tiff(entries: bytes, count: int, link: int = 0) -> bytes:
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, count) + entries + struct.pack("<I", link)


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


EXIF: Mapping[str, bytes] = {
    "fine": exif(1),
    "empty": b"Exif\0\0",
    "no byte order": b"Exif\0\0XX*\0\x08\0\0\0",
    "cut off in a directory": exif(1)[:20],
    "a directory at 2 GiB": b"Exif\0\0II*\0\xff\xff\xff\x7f",
    "a directory that links to itself": _tiff(_entry(0x010F, 2, 4, 0x41414141), 1, link=8),
    "a directory inside itself": _tiff(_entry(0x8769, 4, 1, 8), 1),
    "directories in a circle": _tiff(_entry(0x8769, 4, 1, 26) + bytes(4) + struct.pack("<H", 1) + _entry(0x8769, 4, 1, 8), 1),
    "65,535 entries": _tiff(_entry(0x010F, 2, 4, 0x41414141) * 5000, 0xFFFF),
    "a value of 4 GiB": _tiff(_entry(0x010F, 2, 0xFFFFFFFF, 8), 1),
    "a value of 4 billion fractions": _tiff(_entry(0x011A, 5, 0xFFFFFFFF, 8), 1),
    "a value at 4 GiB": _tiff(_entry(0x010F, 2, 100, 0xFFFFFFF0), 1),
    "an unknown type": _tiff(_entry(0x010F, 200, 1, 8), 1),
    "the type zero": _tiff(_entry(0x010F, 0, 1, 8), 1),
    "orientation 60,000": _tiff(_entry(0x0112, 3, 1, 60_000), 1),
    "orientation in text": _tiff(_entry(0x0112, 2, 200, 8), 1),
    "no values": _tiff(_entry(0x010F, 2, 0, 8), 1),
    "a maker's note that leads outside": _tiff(_entry(0x010F, 2, 4, 0x4E4F4E) + _entry(0x8769, 4, 1, 38), 2)
    + struct.pack("<H", 1)
    + _entry(0x927C, 7, 0xFFFF, 8),
    "a maker's note": b"Exif\0\0II*\0"
    + struct.pack("<IH", 8, 2)
    + _entry(0x010F, 2, 6, 64)
    + _entry(0x8769, 4, 1, 38)
    + bytes(4)
    + struct.pack("<H", 1)
    + _entry(0x927C, 7, 14, 70)
    + bytes(8)
    + b"Canon\0"
    + b"\xff" * 14,
    "a thumbnail of 4 GiB": _tiff(_entry(0x010F, 2, 4, 0x41414141), 1, link=26)
    + struct.pack("<H", 2)
    + _entry(0x0201, 4, 1, 8)
    + _entry(0x0202, 4, 1, 0xFFFFFFFF),
    "thousands of large values": _tiff(b"".join(_entry(tag, 7, 60_000, 8) for tag in range(0x9000, 0x9000 + 200)), 200) + bytes(60_000),
}
"""EXIF blocks; none of them may keep a picture from being worked on."""
