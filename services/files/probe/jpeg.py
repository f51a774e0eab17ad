"""JPEG headers (ITU-T T.81, annex B)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import BudgetExhausted, RangeFile
from services.pictures.media_format import MediaFormat

_END = b"\xff\xd9"
_TAIL_BYTES = 64 << 10
_SCAN_STEP = 1 << 20
_START_OF_SCAN = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def parse(file: RangeFile) -> Probe:
    """Walk the segments up to the first scan, and check that the scan ends."""
    size: tuple[int, int] | None = None
    position = 2
    while True:
        position, marker = _next_marker(file, position)
        if marker in _STANDALONE:
            continue
        (length,) = struct.unpack(">H", read_exactly(file, position, 2))
        if length < 2 or marker == _END[1]:
            raise Damaged("its segments are broken")
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", read_exactly(file, position + 3, 4))
            require_size(width, height)
            size = (width, height)
        position += length
        if marker == _START_OF_SCAN:
            break
    if size is None:
        raise Damaged("its scan has no frame header")
    _require_end(file, position)
    return Probe(media_type=MediaFormat.JPEG.media_type, width=size[0], height=size[1], frames=1, has_alpha=False)


def _next_marker(file: RangeFile, position: int) -> tuple[int, int]:
    """The marker at `position`, and the position of its segment's length. Fill bytes before it are skipped."""
    if read_exactly(file, position, 1) != b"\xff":
        raise Damaged("its segments are broken")
    while (code := read_exactly(file, position, 1)[0]) == 0xFF:
        position += 1
    return position + 1, code


def _require_end(file: RangeFile, scan: int) -> None:
    """Raise Damaged if no end marker follows the scan's start.

    Compressed data never contains FF D9 (an FF is stuffed with a zero), but data of any length may follow the end: phones
    append a video. So the tail is searched first, and then everything from the scan on.
    """
    tail_start = max(scan, file.size - _TAIL_BYTES)
    if _END in file.at(tail_start, file.size - tail_start):
        return
    try:
        for start in range(scan, file.size, _SCAN_STEP):
            if _END in file.at(start, _SCAN_STEP + 1):
                return
    except BudgetExhausted:
        return  # not conclusive, so the decoder decides
    raise Damaged("it is truncated")
