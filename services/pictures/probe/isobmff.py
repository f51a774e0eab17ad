"""HEIF, HEIC and AVIF headers (ISO/IEC 14496-12 boxes, ISO/IEC 23008-12 items)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from services.pictures.media_format import MediaFormat
from services.pictures.probe.boxes import Box, boxes, find, top_boxes
from services.pictures.probe.faults import DamagedFileError, read_exactly, require_size
from services.pictures.probe.model import Probe
from services.pictures.probe.ranges import RangeFile

_CODECS = {b"av1C": MediaFormat.AVIF, b"hvcC": MediaFormat.HEIC}
_MAX_META_BYTES = 4 << 20


def parse(file: RangeFile) -> Probe:
    """Find the primary item and its properties in the `meta` box."""
    top = top_boxes(file, b"meta")
    meta = next((box for box in top if box.kind == b"meta"), None)
    if meta is None:
        raise DamagedFileError("it holds no picture")
    if meta.end - meta.body > _MAX_META_BYTES:
        raise DamagedFileError("its item list is broken")
    inside = {box.kind: box for box in boxes(file, meta.body + 4, meta.end)}
    if not {b"pitm", b"iprp"} <= inside.keys():
        raise DamagedFileError("its item list is broken")
    properties = {box.kind: box for box in boxes(file, inside[b"iprp"].body, inside[b"iprp"].end)}
    if not {b"ipco", b"ipma"} <= properties.keys():
        raise DamagedFileError("its item list is broken")
    container = list(boxes(file, properties[b"ipco"].body, properties[b"ipco"].end))
    width, height = _primary_size(file, inside[b"pitm"], properties[b"ipma"], container)
    require_size(width, height)
    kinds = {box.kind for box in container}
    return Probe(
        media_type=next((each for box, each in _CODECS.items() if box in kinds), MediaFormat.HEIF).media_type,
        width=width,
        height=height,
        frames=_frames(file, top),
        has_alpha=any(_is_alpha(file, box) for box in container if box.kind == b"auxC"),
    )


def count_frames(file: RangeFile) -> int:
    """Samples of the longest track if the file is a sequence, else 1. Raises DamagedFileError."""
    return _frames(file, top_boxes(file, b"meta"))


def _primary_size(file: RangeFile, pitm: Box, ipma: Box, container: list[Box]) -> tuple[int, int]:
    """Width and height of the primary item: its `ispe` property, cropped by `clap` (encoders pad odd sizes)."""
    version = read_exactly(file, pitm.body, 1)[0]
    primary = int.from_bytes(read_exactly(file, pitm.body + 4, 2 if version == 0 else 4), "big")
    found = {
        container[index - 1].kind: container[index - 1]
        for index in _associated(read_exactly(file, ipma.body, ipma.end - ipma.body), primary)
        if 0 < index <= len(container)
    }
    if b"ispe" not in found:
        raise DamagedFileError("its picture has no size")
    width, height = struct.unpack(">II", read_exactly(file, found[b"ispe"].body + 4, 8))
    if b"clap" in found:
        across, across_unit, down, down_unit = struct.unpack(">4I", read_exactly(file, found[b"clap"].body, 16))
        if across_unit and down_unit:
            return min(width, round(across / across_unit)), min(height, round(down / down_unit))
    return width, height


def _associated(table: bytes, item: int) -> Iterator[int]:
    """Indexes (from 1) of the properties of an item, from the body of an `ipma` box."""
    id_bytes = 2 if table[0] == 0 else 4
    index_bytes = 2 if table[3] & 1 else 1
    entries, position = int.from_bytes(table[4:8], "big"), 8
    for _ in range(entries):
        if position + id_bytes >= len(table):
            return
        found = int.from_bytes(table[position : position + id_bytes], "big")
        count = table[position + id_bytes]
        position += id_bytes + 1
        if found == item:
            for at in range(position, position + count * index_bytes, index_bytes):
                # The highest bit says "essential".
                yield int.from_bytes(table[at : at + index_bytes], "big") & (0x7FFF if index_bytes == 2 else 0x7F)
        position += count * index_bytes


def _is_alpha(file: RangeFile, box: Box) -> bool:
    kind = file.at(box.body + 4, min(box.end - box.body - 4, 128)).split(b"\0", 1)[0]
    return kind.endswith((b":alpha", b":auxid:1"))


def _frames(file: RangeFile, top: list[Box]) -> int:
    """Samples of the longest track if the file is a sequence, else 1."""
    longest = 1
    for movie in (box for box in top if box.kind == b"moov"):
        for track in (box for box in boxes(file, movie.body, movie.end) if box.kind == b"trak"):
            box = find(file, track, b"mdia", b"minf", b"stbl", b"stsz")
            if box is not None:
                longest = max(longest, int.from_bytes(read_exactly(file, box.body + 8, 4), "big"))
    return longest
