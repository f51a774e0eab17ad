"""TIFF structures, which Exif data and TIFF files are, changed in place.

Other data stay at their place, because makers' notes and pictures are found by their places. New data go where the old were
or, if that is too small, to the end; what is removed is overwritten with zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of one value, by type."""
EXIF_DIRECTORY, GPS_DIRECTORY = 0x8769, 0x8825
EMPTY = b"II*\0\x08\0\0\0" + bytes(6)
"""A structure with one directory, which is empty."""
_ENTRY = 12
_LONG = 4


class DamagedTiffError(Exception):
    """The structure cannot be followed."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an entry."""

    kind: int
    content: bytes

    @property
    def count(self) -> int:
        """Number of values."""
        return len(self.content) // SIZES[self.kind]


Wanted = Mapping[int, Value | None]
"""Values by tag; None removes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands."""

    tag: int
    kind: int
    count: int
    field: bytes
    """Its value, or where that is if it takes more than four bytes."""

    @property
    def size(self) -> int:
        """Bytes of its value; 0 for a type that is unknown."""
        return SIZES.get(self.kind, 0) * self.count


@dataclass(slots=True)
class Directory:
    """A list of entries."""

    at: int
    """0 for one that does not exist yet."""
    entries: list[Entry] = field(default_factory=list)
    following: bytes = bytes(4)
    """Where the next one is."""


class Tiff:
    """A structure that is changed. Raises `DamagedTiffError` if its start makes no sense."""

    def __init__(self, data: bytes, protected: Sequence[tuple[int, int]] = ()) -> None:
        """`protected` are ranges of the data that are never overwritten."""
        order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if order is None or len(data) < 8 or struct.unpack_from(f"{order}H", data, 2)[0] != 42:
            raise DamagedTiffError
        self.order = order
        self._data = bytearray(data)
        self._protected = protected
        self._first = self._directory(self._number(data[4:8]))

    @property
    def content(self) -> bytes:
        """The current structure."""
        return bytes(self._data)

    def value(self, tag: int, directory: int = 0) -> Value | None:
        """The entries of the first directory, or of one inside it."""
        found = self._inside(directory) if directory else self._first
        return next((self._value(entry) for entry in found.entries if entry.tag == tag), None) if found else None

    def values(self, directory: int = 0) -> Iterator[tuple[int, Value]]:
        """All that a directory says and that can be read."""
        found = self._inside(directory) if directory else self._first
        for entry in found.entries if found else ():
            value = self._value(entry)
            if value is not None:
                yield entry.tag, value

    def change(self, wanted: Wanted, directory: int = 0) -> None:
        """Brings a directory to these values; one that becomes empty goes."""
        if not directory:
            if self._apply(self._first, wanted):
                at = self._stored(self._first)
                self._data[4:8] = struct.pack(f"{self.order}I", at)
            return
        inside = self._inside(directory) or Directory(0)
        if self._apply(inside, wanted):
            at = self._stored(inside) if inside.entries else self._erase_table(inside)
            self.change({directory: Value(_LONG, struct.pack(f"{self.order}I", at)) if at else None})

    def without_thumbnail(self) -> None:
        """Ends the list of directories after the first, and erases the small picture of the second."""
        second = self._directory_or_none(self._number(self._first.following))
        if second is None:
            return
        place = [self._value(next((e for e in second.entries if e.tag == tag), None)) for tag in (0x0201, 0x0202)]
        for entry in second.entries:
            self._erase_value(entry)
        if all(value is not None and len(value.content) == 4 for value in place):
            at, size = (self._number(value.content) for value in place if value is not None)
            self._erase(at, at + size)
        self._erase_table(second)
        self._first.following = bytes(4)
        end = self._first.at + 2 + _ENTRY * len(self._first.entries)
        self._data[end : end + 4] = bytes(4)

    def _apply(self, directory: Directory, wanted: Wanted) -> bool:
        """Changes the entries; whether anything differs."""
        differs = False
        for tag, value in wanted.items():
            old = [entry for entry in directory.entries if entry.tag == tag]
            if value is None and not old:
                continue
            if value is not None and [self._value(entry) for entry in old] == [value]:
                continue
            differs = True
            directory.entries = [entry for entry in directory.entries if entry.tag != tag]
            shared = {entry.field for entry in directory.entries if entry.size > 4}
            room = [entry for entry in old if entry.field not in shared]
            if value is not None:
                directory.entries.append(self._placed(tag, value, room))
            else:
                for entry in room:
                    self._erase_value(entry)
        directory.entries.sort(key=lambda entry: entry.tag)
        return differs

    def _placed(self, tag: int, value: Value, old: Sequence[Entry]) -> Entry:
        content = value.content
        for entry in old:
            self._erase_value(entry)
        if len(content) <= 4:
            return Entry(tag, value.kind, value.count, content.ljust(4, b"\0"))
        for entry in old:
            at = self._number(entry.field)
            if entry.size >= max(5, len(content)) and self._free(at, at + len(content)):
                self._data[at : at + len(content)] = content
                return Entry(tag, value.kind, value.count, entry.field)
        return Entry(tag, value.kind, value.count, struct.pack(f"{self.order}I", self._appended(content)))

    def _stored(self, directory: Directory) -> int:
        """Writes the table over the old one if it fits, else at the end."""
        table = struct.pack(f"{self.order}H", len(directory.entries))
        for entry in directory.entries:
            table += struct.pack(f"{self.order}HHI", entry.tag, entry.kind, entry.count) + entry.field
        old, whole = self._table_size(directory.at), table + directory.following
        # In a table of as many entries, what follows them stays.
        inside = table if len(table) == old else whole
        if directory.at and len(inside) <= old and self._free(directory.at, directory.at + old):
            self._data[directory.at : directory.at + old] = inside.ljust(old, b"\0")
        else:
            self._erase_table(directory)
            directory.at = self._appended(whole)
        return directory.at

    def _appended(self, content: bytes) -> int:
        self._data += bytes(len(self._data) % 2)
        at = len(self._data)
        if at + len(content) >= 1 << 32:
            raise DamagedTiffError
        self._data += content
        return at

    def _erase_table(self, directory: Directory) -> int:
        if directory.at:
            self._erase(directory.at, directory.at + self._table_size(directory.at))
        return 0

    def _erase_value(self, entry: Entry) -> None:
        if entry.size > 4:
            at = self._number(entry.field)
            self._erase(at, at + entry.size)

    def _erase(self, start: int, end: int) -> None:
        if self._free(start, end):
            self._data[start:end] = bytes(end - start)

    def _free(self, start: int, end: int) -> bool:
        """Whether a range is inside the data, past its header, and not protected."""
        return 8 <= start <= end <= len(self._data) and all(end <= first or start >= last for first, last in self._protected)

    def _table_size(self, at: int) -> int:
        return _table_size(self._data, self.order, at)

    def _inside(self, tag: int) -> Directory | None:
        pointer = self._value(next((entry for entry in self._first.entries if entry.tag == tag), None))
        if pointer is None or len(pointer.content) != 4:
            return None
        at = self._number(pointer.content)
        found = None if at == self._first.at else self._directory_or_none(at)
        if found is not None:
            # None follows one that is inside, and some programs do not say so: other data may be there.
            found.following = bytes(4)
        return found

    def _directory_or_none(self, at: int) -> Directory | None:
        try:
            return self._directory(at)
        except DamagedTiffError:
            return None

    def _directory(self, at: int) -> Directory:
        return directory_at(self._data, self.order, at)

    def _value(self, entry: Entry | None) -> Value | None:
        return None if entry is None else value_of(self._data, self.order, entry)

    def _number(self, four: bytes | bytearray) -> int:
        return int(struct.unpack(f"{self.order}I", four)[0])


def directory_at(data: bytes | bytearray, order: str, at: int) -> Directory:
    """The directory that stands there. Raises `DamagedTiffError`."""
    size = _table_size(data, order, at)
    if at < 8 or not size or at + size > len(data):
        raise DamagedTiffError
    entries = []
    for start in range(at + 2, at + size, _ENTRY):
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, start)
        entries.append(Entry(tag, kind, count, bytes(data[start + 8 : start + _ENTRY])))
    return Directory(at, entries, bytes(data[at + size : at + size + 4]).ljust(4, b"\0"))


def value_of(data: bytes | bytearray, order: str, entry: Entry) -> Value | None:
    """The value of an entry; None if it is of an unknown type, or not inside the data."""
    if not entry.size:
        return None
    if entry.size <= 4:
        return Value(entry.kind, entry.field[: entry.size])
    (at,) = struct.unpack(f"{order}I", entry.field)
    content = bytes(data[at : at + entry.size])
    return Value(entry.kind, content) if len(content) == entry.size else None


def _table_size(data: bytes | bytearray, order: str, at: int) -> int:
    """Bytes without where the next one is, which some programs leave out; 0 for a place outside of the data."""
    if not 0 < at <= len(data) - 2:
        return 0
    (count,) = struct.unpack_from(f"{order}H", data, at)
    return 2 + _ENTRY * int(count)
