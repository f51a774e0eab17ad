"""EXIF blocks (CIPA DC-008), taken apart and written again."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

_PREFIX = b"Exif\x00\x00"
_ENTRY_BYTES = 12
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of one value, by type."""
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_INSIDE = {0: (_EXIF, _GPS), _EXIF: (_INTEROPERABILITY,)}
"""Directories by that which links to them; 0 is the first one."""
_MAKER_NOTE = 0x927C
_MOST_ENTRIES = 200
_LARGEST_VALUE = 16 << 10
_LARGEST = 60_000  # bytes of a block: JPEG has room for 65,533

# Tag, type, count, and the value, or the entries of the directory that it leads to.
_Entry = tuple[int, int, int, "bytes | list[_Entry]"]


RESOLUTION = frozenset((0x011A, 0x011B, 0x0128))
"""The tags of the resolution and its unit."""
ORIENTATION = frozenset((0x0112,))
"""The tag of how the pixels must be turned."""
LOCATION = frozenset((_GPS,))
"""The tag of the directory that says where a photo was taken."""


def rewritten(exif: bytes | None, without: Collection[int] = ()) -> bytes | None:
    """A block with the same entries, except tags `without`, laid out again; None for no block, and one that cannot be read.

    Libraries that write pictures parse the block again, so nothing of a hostile one may reach them: entries of unknown types, with values
    outside of the block or of more than 16 KiB, are left out, and so is what exceeds 60 kB. Left out, too, are the thumbnail, which would
    show the picture before the edit, and makers' notes, in formats of their own.
    """
    if exif is None:
        return None
    tiff = exif.removeprefix(_PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    block = _Block(tiff, order)
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    entries = [entry for entry in block.directory(first, 0) if entry[0] not in without]
    if not entries:
        return None
    return _PREFIX + tiff[:2] + struct.pack(f"{order}HI", 42, 8) + block.laid_out(entries, 8)


class _Block:
    def __init__(self, tiff: bytes, order: str) -> None:
        self._tiff, self._order = tiff, order
        self._left = _LARGEST

    def directory(self, at: int, tag: int) -> list[_Entry]:
        """The entries of a directory, those of directories inside it in their place, by ascending tag."""
        found: dict[int, _Entry] = {}
        for number, kind, count, value in self._entries(at):
            if number in found:
                continue
            if number in (_EXIF, _GPS, _INTEROPERABILITY):
                if number in _INSIDE.get(tag, ()) and (kind, count) == (4, 1):
                    inside = self.directory(struct.unpack(f"{self._order}I", value)[0], number)
                    if inside:
                        found[number] = (number, 4, 1, inside)
                continue
            if number != _MAKER_NOTE and len(value) + _ENTRY_BYTES <= self._left:
                self._left -= len(value) + _ENTRY_BYTES
                found[number] = (number, kind, count, value)
        return [found[number] for number in sorted(found)]

    def _entries(self, at: int) -> Iterator[tuple[int, int, int, bytes]]:
        tiff, order = self._tiff, self._order
        if at + 2 > len(tiff):
            return
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for start in range(at + 2, at + 2 + _ENTRY_BYTES * min(count, _MOST_ENTRIES), _ENTRY_BYTES):
            if start + _ENTRY_BYTES > len(tiff):
                return
            tag, kind, values = struct.unpack_from(f"{order}HHI", tiff, start)
            size = _SIZES.get(kind, 0) * values
            (offset,) = struct.unpack_from(f"{order}I", tiff, start + 8) if size > 4 else (start + 8,)
            if 0 < size <= _LARGEST_VALUE and offset + size <= len(tiff):
                yield tag, kind, values, tiff[offset : offset + size]

    def laid_out(self, entries: list[_Entry], at: int) -> bytes:
        """A directory at offset `at`, followed by its values and the directories inside."""
        order = self._order
        table, rest = struct.pack(f"{order}H", len(entries)), b""
        after = at + 2 + _ENTRY_BYTES * len(entries) + 4
        for tag, kind, count, value in entries:
            table += struct.pack(f"{order}HHI", tag, kind, count)
            if isinstance(value, bytes) and len(value) <= 4:
                table += value.ljust(4, b"\0")
                continue
            place = after + len(rest)
            table += struct.pack(f"{order}I", place)
            rest += value if isinstance(value, bytes) else self.laid_out(value, place)
            rest += bytes(len(rest) % 2)
        return table + bytes(4) + rest
