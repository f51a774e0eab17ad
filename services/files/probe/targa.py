"""TGA headers (Truevision TGA File Format Specification 2.0)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_HEADER = struct.Struct("<BBBHHBHHHHBB")
_COMPRESSED = 8
_ALPHA_BITS = 0x0F


def parse(file: RangeFile) -> Probe:
    """Read the header, which `sniff` has checked."""
    text, _, kind, _, colours, colour_depth, _, _, width, height, depth, flags = _HEADER.unpack(read_exactly(file, 0, _HEADER.size))
    require_size(width, height)
    pixels_at = _HEADER.size + text + colours * ((colour_depth + 7) // 8)
    if not kind & _COMPRESSED and pixels_at + width * height * ((depth + 7) // 8) > file.size:
        raise Damaged("it is truncated")
    return Probe(media_type=MediaFormat.TGA.media_type, width=width, height=height, frames=1, has_alpha=bool(flags & _ALPHA_BITS))
