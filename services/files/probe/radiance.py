"""Radiance HDR headers (Ward, Real Pixels, Graphics Gems II; the Radiance file formats)."""

from __future__ import annotations

import re

from services.files.probe.faults import Damaged, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_MOST_HEADER_BYTES = 64 << 10
_RESOLUTION = re.compile(rb"\n\n([-+])([XY]) (\d{1,9}) ([-+])([XY]) (\d{1,9})\n")


def parse(file: RangeFile) -> Probe:
    """Find the line with the size, which follows the first empty one."""
    found = _RESOLUTION.search(file.at(0, _MOST_HEADER_BYTES))
    if found is None or found[2] == found[5]:
        raise Damaged("its header gives no size")
    rows, columns = int(found[3]), int(found[6])
    width, height = (columns, rows) if found[2] == b"Y" else (rows, columns)
    require_size(width, height)
    return Probe(media_type=MediaFormat.HDR.media_type, width=width, height=height, frames=1, has_alpha=False)
