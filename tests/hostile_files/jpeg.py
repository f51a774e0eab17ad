"""JPEG: frames that lie, tables that are missing, scans without end, and metadata in circles."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.hostile_files.png import entities
from tests.hostile_files.wholes import whole
from tests.unit.imaging.pictures import exif


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _with(*segments: bytes) -> bytes:
    data = whole("jpeg")
    return data[:2] + b"".join(segments) + data[2:]


def _frame(*, marker: int = 0xC0, precision: int = 8, height: int = 48, width: int = 64, **changes: int) -> bytes:
    """The picture with another frame header."""
    data = whole("jpeg")
    at = data.index(b"\xff\xc0")
    head = bytearray(data[at : at + 19])
    head[1], head[4] = marker, precision
    head[5:9] = struct.pack(">HH", height, width)
    for name, value in changes.items():
        head[{"components": 9, "sampling": 11, "table": 12}[name]] = value
    return data[:at] + bytes(head) + data[at + 19 :]


def _without(marker: int) -> bytes:
    """The picture without its segments of this kind."""
    data, at, kept = whole("jpeg"), 2, b"\xff\xd8"
    while data[at + 1] != 0xDA:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept += b"" if data[at + 1] == marker else data[at : at + length]
        at += length
    return kept + data[at:]


def _scans(count: int, side: int = 0) -> bytes:
    """The progressive picture whose last scan is there `count` times; with `side`, of a square picture."""
    data = whole("progressive-jpeg")
    last = data.rindex(b"\xff\xda")
    if side:
        at = data.index(b"\xff\xc2")
        data = data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :]
    return data[:last] + data[last:-2] * count + data[-2:]


def tricks() -> Mapping[str, bytes]:
    """By name."""
    data, app1 = whole("jpeg"), b"Exif\0\0"
    scan = data.index(b"\xff\xda")
    circle = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    huge = b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + struct.pack("<HHIIHHII", 0x010F, 2, 1 << 31, 8, 0x9286, 7, 0xFFFFFFF0, 9) + bytes(4)
    outside = exif(1, thumbnail=b"\xff\xd8\xff").replace(struct.pack("<HHI", 0x0201, 4, 1), struct.pack("<HHI", 0x0201, 4, 0xFFFFFF))
    return {
        "4 gigapixels in 2 kB": _frame(height=65_535, width=65_535),
        "most pixels that are allowed in 2 kB": _frame(height=2000, width=2000),
        "no width": _frame(width=0),
        "height that never comes": _frame(height=0),
        "500 scans": _scans(500),
        "2,000 scans of 4 megapixels": _scans(2000, 2000),
        "no Huffman tables": _without(0xC4),
        "no quantization": _without(0xDB),
        "quantization by nothing": data[:2] + _segment(0xDB, b"\0" + bytes(64)) + _without(0xDB)[2:],
        "Huffman codes over their length": _with(_segment(0xC4, b"\0" + b"\xff" * 16 + bytes(255 * 16))),
        "EXIF in a circle": _with(_segment(0xE1, app1 + circle)),
        "EXIF with values of 4 GB": _with(_segment(0xE1, app1 + huge)),
        "EXIF with a thumbnail elsewhere": _with(_segment(0xE1, outside)),
        "EXIF that is noise": _with(_segment(0xE1, app1 + bytes(range(256)) * 200)),
        "orientation 99": _with(_segment(0xE1, exif(99))),
        "XMP with entities": _with(_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + entities())),
        "parts of XMP that are not there": _with(
            _segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 0xFFFFFFFF, 0xFFFFFF00) + b"x")
        ),
        "one of 255 parts of a profile": _with(_segment(0xE2, b"ICC_PROFILE\0\x01\xff" + bytes(500))),
        "profile of 4 GB": _with(_segment(0xE2, b"ICC_PROFILE\0\x01\x01" + b"\xff" * 4 + b"lcms" + bytes(500))),
        "IPTC that is noise": _with(_segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff\x1c\x02")),
        "index of pictures that are not there": _with(_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\x7f")),
        "2 components": _frame(components=2),
        "255 components": _frame(components=255),
        "sampling by nothing": _frame(sampling=0),
        "sampling by 15": _frame(sampling=0xFF),
        "a table that is not there": _frame(table=9),
        "arithmetic coding": _frame(marker=0xC9),
        "lossless coding": _frame(marker=0xC3),
        "hierarchical coding": _frame(marker=0xC5),
        "12 bits": _frame(precision=12),
        "restarts that never come": data[:scan] + _segment(0xDD, b"\0\1") + data[scan:],
        "no end": data[:-2],
        "an archive after it": data + b"PK\3\4" + bytes(1 << 20),
        "two pictures": data + data,
        "100 comments of 64 kB": _with(*[_segment(0xFE, bytes(65_000))] * 100),
        "a megabyte of filling": data[:2] + b"\xff" * (1 << 20) + data[2:],
        "a segment without length": data[:2] + b"\xff\xe5\0\0" + data[2:],
        "scan before the frame": data[:2] + data[scan:],
        "samples that are noise": data[: scan + 14] + bytes(range(255)) * 99 + b"\xff\xd9",
        "samples that are markers": data[: scan + 14] + b"\xff\xd0\xff\xd7\xff\xc0" * 999 + b"\xff\xd9",
        "only a beginning": b"\xff\xd8\xff\xe0" + bytes(200),
    }
