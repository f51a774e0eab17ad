"""Photoshop headers (Adobe Photoshop File Formats Specification)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_LARGE = 2
_RAW, _PACKED = 0, 1
_MOST_CHANNELS = 56
_DEPTHS = frozenset({1, 8, 16, 32})
_COLOURS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 8: 1, 9: 3}
"""Channels of colour by mode: bitmap, gray, indexed, RGB, CMYK, duotone, Lab."""


def parse(file: RangeFile) -> Probe:
    """Read the header, and check that the flattened picture, which comes last, is there."""
    version, channels, height, width, depth, mode = struct.unpack(">H6xHIIHH", read_exactly(file, 4, 22))
    require_size(width, height)
    if not 1 <= channels <= _MOST_CHANNELS or depth not in _DEPTHS:
        raise Damaged(f"its header gives {channels} channels of {depth} bits")
    position = 26
    # Colours of a palette, resources, layers.
    for wide in (False, False, version == _LARGE):
        size = 8 if wide else 4
        position += size + int.from_bytes(read_exactly(file, position, size), "big")
    (compression,) = struct.unpack(">H", read_exactly(file, position, 2))
    # Packed rows come after a table of their lengths.
    least = {_RAW: (width * depth + 7) // 8, _PACKED: 4 if version == _LARGE else 2}.get(compression, 0)
    if position + 2 + channels * height * least > file.size:
        raise Damaged("it is truncated")
    has_alpha = channels > _COLOURS.get(mode, channels)
    return Probe(media_type=MediaFormat.PSD.media_type, width=width, height=height, frames=1, has_alpha=has_alpha)
