"""A reader of Exif blocks that finds the bytes of every value in every directory, by the letter of TIFF 6.0 and CIPA DC-008."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAIN, EXIF, GPS, INTEROPERABILITY, THUMBNAIL = "main", "exif", "gps", "interoperability", "thumbnail"
POINTERS = {0x8769: EXIF, 0x8825: GPS, 0xA005: INTEROPERABILITY}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
MAKER_NOTE = (EXIF, 0x927C)
PICTURE, PICTURE_SIZE = 0x0201, 0x0202

Key = tuple[str, int]
Values = tuple[tuple[int, int, bytes], ...]
"""Type, count and bytes; several if a directory has a tag several times."""


@dataclass(frozen=True, slots=True)
class Read:
    """Everything in a block."""

    values: Mapping[Key, Values]
    """Without the pointers to directories. The place of the small picture has the picture's bytes."""
    places: Mapping[Key, int] = field(default_factory=dict)
    """Where values of more than four bytes begin."""


def read(block: bytes) -> Read:
    """Follows all directories."""
    order = {b"II": "<", b"MM": ">"}[block[:2]]
    values: dict[Key, Values] = {}
    places: dict[Key, int] = {}
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    waiting = [(MAIN, first)]
    while waiting:
        directory, at = waiting.pop()
        for tag, kind, count, raw in _entries(block, order, at):
            (number,) = struct.unpack(f"{order}I", raw)
            if tag in POINTERS:
                waiting.append((POINTERS[tag], number))
                continue
            size = SIZES.get(kind, 0) * count
            if size > 4 and number + size <= len(block):
                places[directory, tag] = number
                content = block[number : number + size]
            else:
                content = raw[: size or 4]
            values[directory, tag] = (*values.get((directory, tag), ()), (kind, count, content))
        if directory == MAIN:
            (count,) = struct.unpack_from(f"{order}H", block, at)
            (following,) = struct.unpack(f"{order}I", block[at + 2 + 12 * count :][:4].ljust(4, b"\0"))
            if 8 <= following < len(block) - 2:
                waiting.append((THUMBNAIL, following))
    if (THUMBNAIL, PICTURE) in values:
        start, length = (struct.unpack(f"{order}I", values[THUMBNAIL, tag][0][2])[0] for tag in (PICTURE, PICTURE_SIZE))
        values[THUMBNAIL, PICTURE] = ((0, 1, block[start : start + length]),)
    return Read(values, places)


def _entries(block: bytes, order: str, at: int) -> Iterator[tuple[int, int, int, bytes]]:
    (count,) = struct.unpack_from(f"{order}H", block, at)
    for start in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, many = struct.unpack_from(f"{order}HHI", block, start)
        yield tag, kind, many, block[start + 8 : start + 12]
