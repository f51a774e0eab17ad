"""OpenEXR headers (OpenEXR File Layout). Of several parts the first one counts."""

from __future__ import annotations

import struct

from services.files.probe.faults import Damaged, read_exactly, require_size
from services.files.probe.model import Probe
from services.files.probe.ranges import RangeFile
from services.pictures.media_format import MediaFormat

_MOST_ATTRIBUTES = 1_000
_LONGEST_NAME = 256
_LARGEST_VALUE = 1 << 20
_CHANNEL_FIELDS = 16


def parse(file: RangeFile) -> Probe:
    """Read the attributes of the first header."""
    values: dict[bytes, bytes] = {}
    position = 8
    for _ in range(_MOST_ATTRIBUTES):
        name, position = _text(file, position)
        if not name:
            break
        _, position = _text(file, position)
        length = int.from_bytes(read_exactly(file, position, 4), "little")
        if length > file.size - position:
            raise Damaged("it is truncated")
        if name in (b"channels", b"dataWindow"):
            values[name] = read_exactly(file, position + 4, min(length, _LARGEST_VALUE))
        position += 4 + length
    if len(values.get(b"dataWindow", b"")) != 16 or b"channels" not in values:
        raise Damaged("its header says nothing of its size or its channels")
    left, top, right, bottom = struct.unpack("<4i", values[b"dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    require_size(width, height)
    has_alpha = any(name.rpartition(b".")[2] == b"A" for name in _channels(values[b"channels"]))
    return Probe(media_type=MediaFormat.EXR.media_type, width=width, height=height, frames=1, has_alpha=has_alpha)


def _text(file: RangeFile, position: int) -> tuple[bytes, int]:
    """A text that a zero ends, and the position after it."""
    text, end, _ = file.at(position, _LONGEST_NAME).partition(b"\0")
    if not end:
        raise Damaged("its header is broken")
    return text, position + len(text) + 1


def _channels(table: bytes) -> list[bytes]:
    names = []
    while table and not table.startswith(b"\0"):
        name, _, rest = table.partition(b"\0")
        names.append(name)
        table = rest[_CHANNEL_FIELDS:]
    return names
