"""Headers of the formats of the web: PNG (W3C PNG, third edition), JPEG (ITU-T T.81, annex B), GIF (GIF89a) and WebP (RFC 9649)."""

from __future__ import annotations

import struct
import zlib

from services.pictures.media_format import MediaFormat
from services.pictures.probe.faults import DamagedFileError, read_exactly, require_size
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import BudgetExhausted, RangeFile

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_TAIL_BYTES = 64 << 10
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHUNK = struct.Struct(">I4s")


def parse_png(file: RangeFile) -> Probe:
    """Read the chunks before the first IDAT, and check that the file is complete."""
    header = read_exactly(file, 8, 25)
    if header[:8] != b"\0\0\0\x0dIHDR" or zlib.crc32(header[4:21]) != int.from_bytes(header[21:], "big"):
        raise DamagedFileError("its header chunk is broken")
    width, height, depth, colour_type = struct.unpack(">IIBB", header[8:18])
    require_size(width, height)
    if depth not in _DEPTHS.get(colour_type, ()):
        raise DamagedFileError(f"its header gives {depth} bits for colour type {colour_type}")
    has_alpha, frames, position = colour_type in (4, 6), 1, 33
    while True:
        length, kind = _CHUNK.unpack(read_exactly(file, position, _CHUNK.size))
        if kind == b"IDAT":
            break
        if kind == b"IEND":
            raise DamagedFileError("it holds no picture")
        has_alpha = has_alpha or kind == b"tRNS"
        if kind == b"acTL":
            frames = max(1, int.from_bytes(read_exactly(file, position + 8, 4), "big"))
        position += length + 12
    _require_png_end(file, position)
    return Probe(media_type=MediaFormat.PNG.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _require_png_end(file: RangeFile, position: int) -> None:
    """Raise Damaged if the file certainly ends within a chunk, except IEND, which says nothing. Data after that are harmless."""
    tail_start = max(position, file.size - _TAIL_BYTES)
    if _PNG_END in file.at(tail_start, file.size - tail_start):
        return
    try:
        while position > file.size or not _PNG_END.startswith(file.at(position, len(_PNG_END))):
            length, kind = _CHUNK.unpack(read_exactly(file, position, _CHUNK.size))
            if kind == b"IEND":
                return
            position += length + 12
    except BudgetExhausted:
        return  # not conclusive, so the decoder decides


_JPEG_END = 0xD9
_START_OF_SCAN = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def parse_jpeg(file: RangeFile) -> Probe:
    """Walk the segments up to the first scan. Whether all of its samples are there, only who decodes them can tell."""
    size: tuple[int, int] | None = None
    position = 2
    while True:
        position, marker = _next_marker(file, position)
        if marker in _STANDALONE:
            continue
        (length,) = struct.unpack(">H", read_exactly(file, position, 2))
        if length < 2 or marker == _JPEG_END:
            raise DamagedFileError("its segments are broken")
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", read_exactly(file, position + 3, 4))
            require_size(width, height)
            size = (width, height)
        position += length
        if marker == _START_OF_SCAN:
            break
    if size is None:
        raise DamagedFileError("its scan has no frame header")
    return Probe(media_type=MediaFormat.JPEG.media_type, width=size[0], height=size[1], frames=1, has_alpha=False)


def _next_marker(file: RangeFile, position: int) -> tuple[int, int]:
    """The marker at `position`, and the position of its segment's length. Fill bytes before it are skipped."""
    if read_exactly(file, position, 1) != b"\xff":
        raise DamagedFileError("its segments are broken")
    while (code := read_exactly(file, position, 1)[0]) == 0xFF:
        position += 1
    return position + 1, code


_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9


def parse_gif(file: RangeFile) -> Probe:
    """Read the screen descriptor and count the frames block by block."""
    width, height, flags = struct.unpack("<HHB", read_exactly(file, 6, 5))
    require_size(width, height)
    frames, has_alpha = _walk(file, 13 + _table_bytes(flags))
    if frames == 0:
        raise DamagedFileError("it holds no whole picture")
    return Probe(media_type=MediaFormat.GIF.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _table_bytes(flags: int) -> int:
    """Size of the colour table that a descriptor's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _walk(file: RangeFile, position: int) -> tuple[int, bool]:
    """The number of whole frames, estimated if counting would read too much, and whether any has a transparent colour, which then is
    possible. A missing trailer is common and harmless."""
    frames, has_alpha = 0, False
    try:
        while (head := file.at(position, 10)) and head[0] != _TRAILER:
            if head[0] == _EXTENSION and len(head) > 3:
                has_alpha = has_alpha or (head[1] == _GRAPHIC_CONTROL and bool(head[3] & 1))
                position = _skip_blocks(file, position + 2)
            elif head[0] == _IMAGE and len(head) == 10:
                # Descriptor, local colour table, one byte of code size, data.
                position = _skip_blocks(file, position + 10 + _table_bytes(head[9]) + 1)
                frames += position <= file.size
            else:
                break
    except BudgetExhausted:
        return _estimate(frames, position, file.size), True
    return frames, has_alpha


def _estimate(frames: int, position: int, size: int) -> int:
    """About how many frames a file has that has so many before this position."""
    return max(1, round(frames * size / position))


def _skip_blocks(file: RangeFile, position: int) -> int:
    """Position after a series of sub-blocks; beyond the end of the file if the series is cut off."""
    while True:
        length = file.at(position, 1)
        if not length:
            return file.size + 1
        position += 1 + length[0]
        if length[0] == 0:
            return position


_ALPHA, _ANIMATION = 0x10, 0x02


def parse_webp(file: RangeFile) -> Probe:
    """Read the first chunk, which holds the size in each of the three forms of the format."""
    (riff_size,) = struct.unpack("<I", read_exactly(file, 4, 4))
    kind = read_exactly(file, 12, 8)[:4]
    frames = 1
    if kind == b"VP8 ":
        start = read_exactly(file, 20, 10)
        if start[3:6] != b"\x9d\x01\x2a":
            raise DamagedFileError("its frame header is broken")
        width, height = (value & 0x3FFF for value in struct.unpack("<HH", start[6:]))
        has_alpha = False
    elif kind == b"VP8L":
        start = read_exactly(file, 20, 5)
        if start[0] != 0x2F:
            raise DamagedFileError("its frame header is broken")
        bits = int.from_bytes(start[1:], "little")
        width, height, has_alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    elif kind == b"VP8X":
        start = read_exactly(file, 20, 10)
        width = int.from_bytes(start[4:7], "little") + 1
        height = int.from_bytes(start[7:10], "little") + 1
        has_alpha = bool(start[0] & _ALPHA)
        if start[0] & _ANIMATION:
            frames = _count_frames(file)
    else:
        raise DamagedFileError("its first chunk is not a valid WebP chunk")
    require_size(width, height)
    # Some writers leave out the pad byte of the last chunk but count it.
    if riff_size + 8 > file.size + 1:
        raise DamagedFileError("it is truncated")
    return Probe(media_type=MediaFormat.WEBP.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _count_frames(file: RangeFile) -> int:
    frames, position = 0, 12
    try:
        while len(header := file.at(position, 8)) == 8:
            frames += header[:4] == b"ANMF"
            length = int.from_bytes(header[4:], "little")
            position += 8 + length + (length & 1)
    except BudgetExhausted:
        return _estimate(frames, position, file.size)
    return max(1, frames)
