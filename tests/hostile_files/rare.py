"""BMP, ICO, PSD, EXR, Radiance and Targa: headers that lie, and runs that go beyond their row."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.hostile_files.png import zeros
from tests.hostile_files.wholes import WIDTH, whole
from tests.unit.probe.specimens import png_bomb


def _bmp(
    width: int = 64, height: int = 48, bits: int = 24, compression: int = 0, colours: int = 0, data: bytes = b"", at: int = 54
) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, at) + head + data


def _bmps() -> Mapping[str, bytes]:
    table, rows = bytes(1024), bytes(range(256)) * 36
    return {
        "4 gigapixels": _bmp(65_535, 65_535, data=rows),
        "2^31 columns": _bmp((1 << 31) - 1, 1, data=rows),
        "height of -2^31": _bmp(height=-(1 << 31), data=rows),
        "width below nothing": _bmp(width=-64, data=rows),
        "no size": _bmp(0, 0, data=rows),
        "half of the rows": _bmp(data=rows[:4000]),
        "runs over the row": _bmp(bits=8, compression=1, data=table + b"\xff\x07" * 900 + b"\0\1", at=54 + 1024),
        "runs over all rows": _bmp(bits=8, compression=1, data=table + b"\0\2\xff\xff" * 900 + b"\x09\7\0\1", at=54 + 1024),
        "runs of 4 bits that are noise": _bmp(bits=4, compression=2, data=bytes(64) + rows, at=54 + 64),
        "most pixels that are allowed, in a run": _bmp(2000, 2000, 8, 1, data=table + b"\0\1", at=54 + 1024),
        "no bits": _bmp(bits=0, data=rows),
        "3 bits": _bmp(bits=3, data=rows),
        "64 bits": _bmp(bits=64, data=rows),
        "2^32 colours": _bmp(bits=8, colours=0xFFFFFFFF, data=table + rows),
        "samples outside": _bmp(data=rows, at=0xFFFFFF00),
        "samples in the header": _bmp(data=rows, at=2),
        "masks of nothing": _bmp(bits=32, compression=3, data=bytes(12) + rows * 2, at=66),
        "a JPEG within": _bmp(compression=4, data=rows),
        "compression 99": _bmp(compression=99, data=rows),
        "the oldest header": b"BM" + struct.pack("<IHHIIHHHH", 999, 0, 0, 26, 12, 65_535, 65_535, 1, 24) + rows,
    }


def _ico(*entries: tuple[int, int, bytes], count: int | None = None, at: int | None = None) -> bytes:
    head, body = struct.pack("<HHH", 0, 1, len(entries) if count is None else count), b""
    start = 6 + 16 * len(entries)
    for width, height, content in entries:
        head += struct.pack("<BBBBHHII", width, height, 0, 0, 1, 32, len(content), start + len(body) if at is None else at)
        body += content
    return head + body


def _icos() -> Mapping[str, bytes]:
    inside = whole("ico")
    header = struct.pack("<IiiHHIIiiII", 40, 32, 64, 1, 32, 0, 0, 0, 0, 0, 0)
    huge = struct.pack("<IiiHHIIiiII", 40, 1 << 30, 1 << 30, 1, 32, 0, 0, 0, 0, 0, 0)
    return {
        "PNG of 900 megapixels in it": _ico((0, 0, png_bomb())),
        "PNG of most pixels that are allowed in it": _ico((0, 0, png_bomb(2000, 2000))),
        "65,535 pictures": _ico((32, 32, header + bytes(4096)), count=65_535),
        "1,024 pictures": _ico(*[(16, 16, header + bytes(64))] * 1024),
        "picture outside": _ico((32, 32, header), at=0xFFFFFF00),
        "bitmap of 2^60 pixels": _ico((32, 32, huge + bytes(4096))),
        "bitmap without samples": _ico((32, 32, header)),
        "an icon in it": _ico((32, 32, inside)),
        "noise in it": _ico((32, 32, bytes(range(256)) * 20)),
        "no pictures": _ico(count=0),
    }


def _psds() -> Mapping[str, bytes]:
    data = whole("psd")
    sections = 26 + 4 + 4

    def headed(form: str = ">HIIHH", *values: int) -> bytes:
        return data[:12] + struct.pack(form, *values) + data[26:]

    return {
        "90 gigapixels": headed(">HIIHH", 3, 300_000, 300_000, 8, 3),
        "most pixels that are allowed": headed(">HIIHH", 3, 2000, 2000, 8, 3),
        "no size": headed(">HIIHH", 3, 0, 0, 8, 3),
        "no channels": headed(">HIIHH", 0, 48, 64, 8, 3),
        "56 channels": headed(">HIIHH", 56, 48, 64, 8, 3),
        "5 bits": headed(">HIIHH", 3, 48, 64, 5, 3),
        "32 bits": headed(">HIIHH", 3, 48, 64, 32, 3),
        "mode 99": headed(">HIIHH", 3, 48, 64, 8, 99),
        "Lab": headed(">HIIHH", 3, 48, 64, 8, 9),
        "palette that is not there": headed(">HIIHH", 1, 48, 64, 8, 2),
        "palette of 4 GB": data[:26] + b"\xff\xff\xff\xff" + data[30:],
        "resources of 4 GB": data[:30] + b"\xff\xff\xff\xff" + data[34:],
        "layers of 4 GB": data[:sections] + b"\xff\xff\xff\xff" + data[sections + 4 :],
        "resources that are noise": data[:30] + struct.pack(">I", 256) + bytes(range(256)) + data[34:],
        "rows of 65,535": data[: sections + 8] + b"\0\1" + b"\xff\xff" * 144 + data[sections + 300 :],
        "rows that are noise": data[:-900] + bytes(range(225)) * 4,
        "zeros for 32 MB": data[: sections + 6] + b"\0\2" + zeros(32),
        "compression 9": data[: sections + 6] + b"\0\x09" + data[sections + 8 :],
        "an archive after it": data + b"PK\3\4" + bytes(1 << 16),
    }


def _exrs() -> Mapping[str, bytes]:
    data = whole("exr")
    window = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    shown = data.index(b"displayWindow\0box2i\0") + len(b"displayWindow\0box2i\0") + 4
    packed = data.index(b"compression\0compression\0") + len(b"compression\0compression\0") + 4
    channels = data.index(b"channels\0chlist\0") + len(b"channels\0chlist\0")

    def windowed(left: int, top: int, right: int, bottom: int) -> bytes:
        box = struct.pack("<iiii", left, top, right, bottom)
        made = data[:window] + box + data[window + 16 :]
        return made[:shown] + box + made[shown + 16 :]

    return {
        "2^60 pixels": windowed(0, 0, (1 << 30) - 1, (1 << 30) - 1),
        "most pixels that are allowed": windowed(0, 0, 1999, 1999),
        "window the wrong way round": windowed(63, 47, 0, 0),
        "window from below nothing": windowed(-(1 << 31), -(1 << 31), (1 << 31) - 1, (1 << 31) - 1),
        **{f"compression {each}": data[:packed] + bytes([each]) + data[packed + 1 :] for each in (1, 4, 5, 6, 8, 200)},
        "channels of 2 GB": data[:channels] + struct.pack("<i", (1 << 31) - 1) + data[channels + 4 :],
        "channels of less than nothing": data[:channels] + struct.pack("<i", -9) + data[channels + 4 :],
        "sampled by nothing": data[: channels + 14] + bytes(8) + data[channels + 22 :],
        "deep": data[:5] + b"\x08" + data[6:],
        "of several parts": data[:5] + b"\x10" + data[6:],
        "tiled": data[:5] + b"\x02" + data[6:],
        "rows elsewhere": data[:-2000] + b"\xff" * 2000,
        "table of rows that is noise": data.replace(struct.pack("<Q", len(data)), b"\xff" * 8)[: len(data) // 2] + bytes(range(256)) * 9,
    }


def _hdrs() -> Mapping[str, bytes]:
    head = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n"
    row = b"\2\2" + struct.pack(">H", WIDTH)
    return {
        "4 gigapixels": head + b"-Y 65535 +X 65535\n" + bytes(99),
        "10^30 pixels": head + b"-Y 999999999999999 +X 999999999999999\n" + bytes(99),
        "most pixels that are allowed": head + b"-Y 2000 +X 2000\n" + bytes(99),
        "less than no size": head + b"-Y -5 +X -5\n" + bytes(99),
        "no size": head,
        "a line of 1 MB": b"#?RADIANCE\n" + b"A=" + b"x" * (1 << 20) + b"\n\n-Y 48 +X 64\n" + bytes(99),
        "20,000 lines": b"#?RADIANCE\n" + b"A=1\n" * 20_000 + b"\n-Y 48 +X 64\n" + bytes(99),
        "runs over the row": head + b"-Y 48 +X 64\n" + (row + b"\xff\x07" * 40) * 48,
        "runs of nothing": head + b"-Y 48 +X 64\n" + (row + b"\0\0" * 200) * 48,
        "old runs that grow": head + b"-Y 48 +X 64\n" + b"\1\1\1\xff" * 900,
        "turned": head + b"+X 64 -Y 48\n" + bytes(9999),
        "noise": head + b"-Y 48 +X 64\n" + bytes(range(256)) * 30,
    }


def _tga(
    kind: int, width: int = 64, height: int = 48, bits: int = 24, *, mapped: int = 0, entries: int = 0, data: bytes = b"", name: int = 0
) -> bytes:
    return struct.pack("<BBBHHBHHHHBB", name, mapped, kind, 0, entries, 24, 0, 0, width, height, bits, 0) + data


def _tgas() -> Mapping[str, bytes]:
    rows = bytes(range(256)) * 36
    return {
        "4 gigapixels": _tga(2, 65_535, 65_535, data=rows),
        "most pixels that are allowed, in runs": _tga(10, 2000, 2000, data=b"\xffabc" * 40_000),
        "runs over the end": _tga(10, data=b"\xffabc" * 900),
        "runs that are cut": _tga(10, data=b"\xffabc" * 9),
        "half of the rows": _tga(2, data=rows[:4000]),
        "65,535 colours that are not there": _tga(1, bits=8, mapped=1, entries=65_535, data=rows),
        "indexes over the colours": _tga(1, bits=8, mapped=1, entries=2, data=rows),
        "15 bits": _tga(2, bits=15, data=rows),
        "name that is longer than the file": _tga(2, name=255, data=bytes(9)),
    }


def tricks() -> Mapping[tuple[str, str], bytes]:
    """By extension and name."""
    kinds = {"bmp": _bmps(), "ico": _icos(), "psd": _psds(), "exr": _exrs(), "hdr": _hdrs(), "tga": _tgas()}
    return {(kind, name): content for kind, found in kinds.items() for name, content in found.items()}
