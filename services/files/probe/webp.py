"""WebP headers (RFC 9649)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import BudgetExhausted, RangeFile
from services.pictures.media_format import MediaFormat

_ALPHA, _ANIMATION = 0x10, 0x02


def parse(file: RangeFile) -> Probe:
    """Read the first chunk, which holds the size in each of the three forms of the format."""
    (riff_size,) = struct.unpack("<I", read_exactly(file, 4, 4))
    kind = read_exactly(file, 12, 8)[:4]
    frames: int | None = 1
    if kind == b"VP8 ":
        start = read_exactly(file, 20, 10)
        if start[3:6] != b"\x9d\x01\x2a":
            raise Damaged("its frame header is broken")
        width, height = (value & 0x3FFF for value in struct.unpack("<HH", start[6:]))
        has_alpha = False
    elif kind == b"VP8L":
        start = read_exactly(file, 20, 5)
        if start[0] != 0x2F:
            raise Damaged("its frame header is broken")
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
        raise Damaged("its first chunk is not a valid WebP chunk")
    require_size(width, height)
    # Some writers leave out the pad byte of the last chunk but count it.
    if riff_size + 8 > file.size + 1:
        raise Damaged("it is truncated")
    return Probe(media_type=MediaFormat.WEBP.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _count_frames(file: RangeFile) -> int | None:
    frames, position = 0, 12
    try:
        while len(header := file.at(position, 8)) == 8:
            frames += header[:4] == b"ANMF"
            length = int.from_bytes(header[4:], "little")
            position += 8 + length + (length & 1)
    except BudgetExhausted:
        return None
    return max(1, frames)
