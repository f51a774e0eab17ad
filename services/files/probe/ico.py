"""Icon headers: a directory of pictures, each a PNG or a bitmap (Windows, ICONDIR)."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_PNG = b"\x89PNG\r\n\x1a\n"
_ENTRY = struct.Struct("<BBBBHHII")


def parse(file: RangeFile) -> Probe:
    """Read the header of the largest picture."""
    (count,) = struct.unpack("<H", read_exactly(file, 4, 2))
    entries = list(_ENTRY.iter_unpack(read_exactly(file, 6, count * _ENTRY.size)))
    if not entries:
        raise Damaged("it holds no picture")
    # A side of 256 is written as 0. Of equal ones that with the most bits a pixel is read.
    *_, length, at = max(entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[5]))
    if at + length > file.size:
        raise Damaged("it is truncated")
    head = read_exactly(file, at, 24)
    if head.startswith(_PNG):
        width, height = struct.unpack(">II", head[16:24])
    else:
        # The rows of the transparency mask count.
        width, height = struct.unpack("<ii", head[4:12])
        height = abs(height) // 2
    require_size(width, height)
    return Probe(media_type=MediaFormat.ICO.media_type, width=width, height=height, frames=1, has_alpha=True)
