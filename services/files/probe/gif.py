"""GIF headers (GIF89a specification)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import BudgetExhausted, RangeFile
from services.pictures.media_format import MediaFormat

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9


def parse(file: RangeFile) -> Probe:
    """Read the screen descriptor and count the frames block by block."""
    width, height, flags = struct.unpack("<HHB", read_exactly(file, 6, 5))
    require_size(width, height)
    frames: int | None
    try:
        frames, has_alpha = _walk(file, 13 + _table_bytes(flags))
    except BudgetExhausted:
        frames, has_alpha = None, True  # unknown, so possible
    if frames == 0:
        raise Damaged("it holds no whole picture")
    return Probe(media_type=MediaFormat.GIF.media_type, width=width, height=height, frames=frames, has_alpha=has_alpha)


def _table_bytes(flags: int) -> int:
    """Size of the colour table that a descriptor's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _walk(file: RangeFile, position: int) -> tuple[int, bool]:
    """The number of whole frames, and whether any has a transparent colour. A missing trailer is common and harmless."""
    frames, has_alpha = 0, False
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
    return frames, has_alpha


def _skip_blocks(file: RangeFile, position: int) -> int:
    """Position after a series of sub-blocks; beyond the end of the file if the series is cut off."""
    while True:
        length = file.at(position, 1)
        if not length:
            return file.size + 1
        position += 1 + length[0]
        if length[0] == 0:
            return position
