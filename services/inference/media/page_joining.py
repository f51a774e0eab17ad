"""A TIFF of several pages from files of one page each, whose compressed samples are not touched (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from services.inference.media.errors import over_limit

_HEADER = b"II*\0"
_FIRST_AT = 4
_ENTRY, _IN_PLACE = 12, 4
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of one value, by type."""
_LONG = 4
_PLACES = (273, 324)
"""Tags whose values are places of samples: StripOffsets and TileOffsets."""
_MOST_BYTES = (1 << 32) - 1


class PageJoining:
    """Writes pages into a file, one after the other. They are classic TIFF files of one page in little-endian order, as libvips writes
    them below 3 GiB of samples."""

    def __init__(self, target: BinaryIO) -> None:
        """`target` can be read and written, and is empty."""
        self._target, self._next_at, self.count = target, _FIRST_AT, 0
        target.write(_HEADER + bytes(4))

    def add(self, page: bytes) -> None:
        """Appends a page. Raises MEDIA_LIMIT_EXCEEDED beyond 4 GiB, which the offsets of a TIFF reach, and ValueError for another kind of
        file."""
        if page[:4] != _HEADER:
            raise ValueError("not a little-endian TIFF")
        start = self._target.seek(0, 2)
        start += self._target.write(bytes(start % 2))
        if start + len(page) > _MOST_BYTES:
            raise over_limit(
                f"The first {self.count} pages of the result have {start} bytes.", allowed=f"at most {_MOST_BYTES} bytes in a TIFF"
            )
        moved = bytearray(page)
        (first,) = struct.unpack_from("<I", moved, _FIRST_AT)
        following = _move(moved, first, start)
        self._target.write(moved)
        self._target.seek(self._next_at)
        self._target.write(struct.pack("<I", start + first))
        self._next_at, self.count = start + following, self.count + 1


def _move(page: bytearray, at: int, distance: int) -> int:
    """Adds a distance to all places in the directory at `at`. Returns where it says which one is next."""
    count = int(struct.unpack_from("<H", page, at)[0])
    end = at + 2 + _ENTRY * count
    for entry in range(at + 2, end, _ENTRY):
        tag, kind, values = struct.unpack_from("<HHI", page, entry)
        field, size = entry + 8, _SIZES[kind] * values
        content = field
        if size > _IN_PLACE:
            (content,) = struct.unpack_from("<I", page, field)
            struct.pack_into("<I", page, field, content + distance)
        if tag in _PLACES:
            if kind != _LONG:
                raise ValueError("places of samples of another size")
            places = struct.unpack_from(f"<{values}I", page, content)
            struct.pack_into(f"<{values}I", page, content, *(place + distance for place in places))
    return end
