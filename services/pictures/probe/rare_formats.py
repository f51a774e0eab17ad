"""Headers of rarer formats: BMP, icons, Photoshop, Targa, Radiance and OpenEXR."""

from __future__ import annotations

import re
import struct

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError, read_exactly, require_size
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import RangeFile

_CORE, _INFO, _V3 = 12, 40, 56
_HEADERS = frozenset({_CORE, _INFO, 52, _V3, 64, 108, 124})
_BMP_DEPTHS = frozenset({1, 2, 4, 8, 16, 24, 32})
_UNCOMPRESSED = 0


def parse_bmp(file: RangeFile) -> Probe:
    """Read the two headers."""
    pixels_at, header = struct.unpack("<II", read_exactly(file, 10, 8))
    compression = _UNCOMPRESSED
    alpha_mask = 0
    if header == _CORE:
        width, height, _, depth = struct.unpack("<HHHH", read_exactly(file, 18, 8))
    else:
        width, height, _, depth, compression = struct.unpack("<iiHHI", read_exactly(file, 18, 16))
        height = abs(height)  # negative: rows from the top down
        if header >= _V3 and header != 64:
            alpha_mask = int.from_bytes(read_exactly(file, 66, 4), "little")
    require_size(width, height)
    if depth not in _BMP_DEPTHS and compression == _UNCOMPRESSED:
        raise DamagedFileError(f"its header gives {depth} bits a pixel")
    if compression == _UNCOMPRESSED and pixels_at + (width * depth + 31) // 32 * 4 * height > file.size:
        raise DamagedFileError("it is truncated")
    return Probe(media_type=MediaFormat.BMP.media_type, width=width, height=height, frames=1, has_alpha=alpha_mask != 0)


_PNG = b"\x89PNG\r\n\x1a\n"
_ENTRY = struct.Struct("<BBBBHHII")


def parse_ico(file: RangeFile) -> Probe:
    """Read the header of the largest picture."""
    (count,) = struct.unpack("<H", read_exactly(file, 4, 2))
    entries = list(_ENTRY.iter_unpack(read_exactly(file, 6, count * _ENTRY.size)))
    if not entries:
        raise DamagedFileError("it holds no picture")
    # A side of 256 is written as 0. Among equal ones, the one with the most bits a pixel is read.
    *_, length, at = max(entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[5]))
    if at + length > file.size:
        raise DamagedFileError("it is truncated")
    head = read_exactly(file, at, 24)
    if head.startswith(_PNG):
        width, height = struct.unpack(">II", head[16:24])
    else:
        # The rows of the transparency mask count.
        width, height = struct.unpack("<ii", head[4:12])
        height = abs(height) // 2
    require_size(width, height)
    return Probe(media_type=MediaFormat.ICO.media_type, width=width, height=height, frames=1, has_alpha=True)


_LARGE = 2
_RAW, _PACKED = 0, 1
_MOST_CHANNELS = 56
_PSD_DEPTHS = frozenset({1, 8, 16, 32})
_COLOURS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}
"""Channels of colour by mode: bitmap, gray, indexed, RGB, CMYK, duotone, Lab."""


def parse_psd(file: RangeFile) -> Probe:
    """Read the header, and check that the flattened picture, which comes last, is there."""
    version, channels, height, width, depth, mode = struct.unpack(">H6xHIIHH", read_exactly(file, 4, 22))
    require_size(width, height)
    if not 1 <= channels <= _MOST_CHANNELS or depth not in _PSD_DEPTHS:
        raise DamagedFileError(f"its header gives {channels} channels of {depth} bits")
    position = 26
    # Colours of a palette, resources, layers.
    for wide in (False, False, version == _LARGE):
        size = 8 if wide else 4
        position += size + int.from_bytes(read_exactly(file, position, size), "big")
    (compression,) = struct.unpack(">H", read_exactly(file, position, 2))
    # Packed rows come after a table of their lengths.
    least = {_RAW: (width * depth + 7) // 8, _PACKED: 4 if version == _LARGE else 2}.get(compression, 0)
    if position + 2 + channels * height * least > file.size:
        raise DamagedFileError("it is truncated")
    has_alpha = channels > _COLOURS.get(mode, channels)
    return Probe(media_type=MediaFormat.PSD.media_type, width=width, height=height, frames=1, has_alpha=has_alpha)


_HEADER = struct.Struct("<BBBHHBHHHHBB")
_COMPRESSED = 8
_ALPHA_BITS = 0x0F


def parse_targa(file: RangeFile) -> Probe:
    """Read the header, which `sniff` has checked."""
    text, _, kind, _, colours, colour_depth, _, _, width, height, depth, flags = _HEADER.unpack(read_exactly(file, 0, _HEADER.size))
    require_size(width, height)
    pixels_at = _HEADER.size + text + colours * ((colour_depth + 7) // 8)
    if not kind & _COMPRESSED and pixels_at + width * height * ((depth + 7) // 8) > file.size:
        raise DamagedFileError("it is truncated")
    return Probe(media_type=MediaFormat.TGA.media_type, width=width, height=height, frames=1, has_alpha=bool(flags & _ALPHA_BITS))


_MOST_HEADER_BYTES = 64 << 10
_RESOLUTION = re.compile(rb"\n\n([-+])([XY]) (\d{1,9}) ([-+])([XY]) (\d{1,9})\n")


def parse_radiance(file: RangeFile) -> Probe:
    """Find the line with the size, which follows the first empty one."""
    found = _RESOLUTION.search(file.at(0, _MOST_HEADER_BYTES))
    if found is None or found[2] == found[5]:
        raise DamagedFileError("its header gives no size")
    rows, columns = int(found[3]), int(found[6])
    width, height = (columns, rows) if found[2] == b"Y" else (rows, columns)
    require_size(width, height)
    return Probe(media_type=MediaFormat.HDR.media_type, width=width, height=height, frames=1, has_alpha=False)


_MOST_ATTRIBUTES = 1_000
_LONGEST_NAME = 256
_LARGEST_VALUE = 1 << 20
_CHANNEL_FIELDS = 16


def parse_exr(file: RangeFile) -> Probe:
    """Read the attributes of the first header."""
    values: dict[bytes, bytes] = {}
    position = 8
    for _ in range(_MOST_ATTRIBUTES):
        name, position = _text(file, position)
        if not name:
            break
        _, position = _text(file, position)
        length = int.from_bytes(read_exactly(file, position, 4), "little")
        if length > file.size - position:
            raise DamagedFileError("it is truncated")
        if name in (b"channels", b"dataWindow"):
            values[name] = read_exactly(file, position + 4, min(length, _LARGEST_VALUE))
        position += 4 + length
    if len(values.get(b"dataWindow", b"")) != 16 or b"channels" not in values:
        raise DamagedFileError("its header says nothing of its size or its channels")
    left, top, right, bottom = struct.unpack("<4i", values[b"dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    require_size(width, height)
    has_alpha = any(name.rpartition(b".")[2] == b"A" for name in _channels(values[b"channels"]))
    return Probe(media_type=MediaFormat.EXR.media_type, width=width, height=height, frames=1, has_alpha=has_alpha)


def _text(file: RangeFile, position: int) -> tuple[bytes, int]:
    """A text that a zero ends, and the position after it."""
    text, end, _ = file.at(position, _LONGEST_NAME).partition(b"\0")
    if not end:
        raise DamagedFileError("its header is broken")
    return text, position + len(text) + 1


def _channels(table: bytes) -> list[bytes]:
    names = []
    while table and not table.startswith(b"\0"):
        name, _, rest = table.partition(b"\0")
        names.append(name)
        table = rest[_CHANNEL_FIELDS:]
    return names
