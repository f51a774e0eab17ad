"""PNG and APNG headers (W3C PNG, third edition)."""

from __future__ import annotations

import struct
import zlib

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import BudgetExhausted, RangeFile
from services.pictures.media_format import MediaFormat

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND\xaeB`\x82"
_TAIL_BYTES = 64 << 10
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHUNK = struct.Struct(">I4s")


def parse(file: RangeFile) -> Probe:
    """Read the chunks before the first IDAT, and check that the file is complete."""
    header = read_exactly(file, 8, 25)
    if header[:8] != b"\0\0\0\x0dIHDR" or zlib.crc32(header[4:21]) != int.from_bytes(header[21:], "big"):
        raise Damaged("its header chunk is broken")
    width, height, depth, colour_type = struct.unpack(">IIBB", header[8:18])
    require_size(width, height)
    if depth not in _DEPTHS.get(colour_type, ()):
        raise Damaged(f"its header gives {depth} bits for colour type {colour_type}")
    has_alpha, frames, position = colour_type in (4, 6), 1, 33
    while True:
        length, kind = _CHUNK.unpack(read_exactly(file, position, _CHUNK.size))
        if kind == b"IDAT":
            break
        if kind == b"IEND":
            raise Damaged("it holds no picture")
        has_alpha = has_alpha or kind == b"tRNS"
        if kind == b"acTL":
            frames = max(1, int.from_bytes(read_exactly(file, position + 8, 4), "big"))
        position += length + 12
    _require_end(file, position)
    return Probe(media_type=MediaFormat.PNG.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _require_end(file: RangeFile, position: int) -> None:
    """Raise Damaged if IEND is certainly missing. Data after it, which some programs append, is harmless."""
    tail_start = max(position, file.size - _TAIL_BYTES)
    if _END in file.at(tail_start, file.size - tail_start):
        return
    try:
        while True:
            length, kind = _CHUNK.unpack(read_exactly(file, position, _CHUNK.size))
            if kind == b"IEND":
                return
            position += length + 12
    except BudgetExhausted:
        return  # not conclusive, so the decoder decides
