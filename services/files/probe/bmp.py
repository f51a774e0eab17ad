"""BMP headers (BITMAPCOREHEADER to BITMAPV5HEADER)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_CORE, _INFO, _V3 = 12, 40, 56
_HEADERS = frozenset({_CORE, _INFO, 52, _V3, 64, 108, 124})
_DEPTHS = frozenset({1, 2, 4, 8, 16, 24, 32})
_UNCOMPRESSED = 0


def parse(file: RangeFile) -> Probe:
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
    if depth not in _DEPTHS and compression == _UNCOMPRESSED:
        raise Damaged(f"its header gives {depth} bits a pixel")
    if compression == _UNCOMPRESSED and pixels_at + (width * depth + 31) // 32 * 4 * height > file.size:
        raise Damaged("it is truncated")
    return Probe(media_type=MediaFormat.BMP.media_type, width=width, height=height, frames=1, has_alpha=alpha_mask != 0)
