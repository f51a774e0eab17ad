"""The boxes of ISO base media files (ISO/IEC 14496-12, 4.2): pictures in HEIF, and videos in MP4 and QuickTime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.pictures.probe.faults import DamagedFileError, read_exactly
from services.pictures.probe.ranges import RangeFile

_MAX_BOXES = 10_000
_OUTERMOST = frozenset(
    {b"ftyp", b"styp", b"meta", b"moov", b"moof", b"mdat", b"idat", b"mfra", b"sidx", b"ssix", b"pdin", b"prft", b"emsg"}
    | {b"free", b"skip", b"wide", b"pnot", b"uuid"}
)
"""Boxes that are not within others."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its type, where its content begins, and where it ends."""

    kind: bytes
    body: int
    end: int


def boxes(file: RangeFile, position: int, end: int) -> Iterator[Box]:
    """The boxes from `position` to `end`, in order; the last one of a file may claim to end beyond it. Raises DamagedFileError."""
    for _ in range(_MAX_BOXES):
        if position >= end:
            return
        header = read_exactly(file, position, 8)
        length, body = int.from_bytes(header[:4], "big"), position + 8
        if length == 1:
            length, body = int.from_bytes(read_exactly(file, body, 8), "big"), body + 8
        box_end = position + length if length else end
        if box_end < body or (box_end > end and end != file.size):
            raise DamagedFileError("its boxes are broken")
        yield Box(header[4:], body, box_end)
        position = box_end
    raise DamagedFileError("its boxes are broken")


def top_boxes(file: RangeFile, index: bytes) -> list[Box]:
    """The outermost boxes of a file, which needs one of the kind `index`; what follows the last one, and is none, is harmless.

    Raises DamagedFileError for one that is cut off.
    """
    found = list[Box]()
    try:
        for box in boxes(file, 0, file.size):
            found.append(box)
    except DamagedFileError:
        if not any(each.kind == index for each in found):
            raise
    if found and found[-1].end > file.size:
        if found[-1].kind in _OUTERMOST:
            raise DamagedFileError("it is truncated")
        found.pop()
    return found


def find(file: RangeFile, box: Box, *path: bytes) -> Box | None:
    """The first box of each kind of the path within the one before, beginning in `box`; None if there is none."""
    found: Box | None = box
    for kind in path:
        if found is not None:
            found = next((inner for inner in boxes(file, found.body, found.end) if inner.kind == kind), None)
    return found
