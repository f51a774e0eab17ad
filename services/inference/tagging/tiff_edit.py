"""TIFF structures, which Exif data and TIFF files are, changed in place.

Other data stay at their place, because makers' notes and pictures are found by their places. New data go where the old were
or, if that is too small, to the end; what is removed is overwritten with zeros, unless another value is there, too.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from services.inference.tagging.tiff_structure import (
    EXIF_DIRECTORY,
    GPS_DIRECTORY,
    INTEROPERABILITY_DIRECTORY,
    LONG,
    SMALL_PICTURE,
    SUBFILE_TYPE,
    DamagedTiffError,
    Directory,
    Entry,
    Range,
    Ranges,
    Value,
    directory_at,
    led_to,
    place_of,
    samples_of,
    table_size,
    value_of,
    values_of,
)

EMPTY = b"II*\0\x08\0\0\0" + bytes(6)
"""A structure with one directory, which is empty."""
_INSIDE = (EXIF_DIRECTORY, GPS_DIRECTORY)
_STRIPS = 0x0111
_REDUCED = 1
"""Bit of the subfile's type: a smaller copy of another picture in the file."""

Wanted = Mapping[int, Value | None]
"""Values by tag; None removes."""


class Tiff:
    """A structure that is changed. Raises `DamagedTiffError` if its start makes no sense."""

    def __init__(self, data: bytes, *, has_pages: bool = False) -> None:
        """`has_pages` says that its directories are pages of a TIFF file: a second one of Exif data is the small picture's."""
        order = {b"II": "<", b"MM": ">"}.get(data[:2])
        if order is None or len(data) < 8 or struct.unpack_from(f"{order}H", data, 2)[0] != 42:
            raise DamagedTiffError
        self.order = order
        self._data = bytearray(data)
        self._has_pages = has_pages
        self._first = self._directory(self._number(data[4:8]))
        self._further = Ranges(led_to(self._data, order, self._first))

    @property
    def content(self) -> bytes:
        """The current structure."""
        return bytes(self._data)

    def value(self, tag: int, directory: int = 0) -> Value | None:
        """A value of the first directory, or of one inside it."""
        found = self._found(directory)
        return next((self._value(entry) for entry in found.entries if entry.tag == tag), None) if found else None

    def tags(self, directory: int = 0) -> list[int]:
        """The tags of all its entries, of those, too, that cannot be read."""
        found = self._found(directory)
        return [entry.tag for entry in found.entries] if found else []

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
            self.change({directory: Value(LONG, struct.pack(f"{self.order}I", at)) if at else None})

    def without_thumbnail(self) -> None:
        """Takes the directory of the small picture off the list, and erases it. A second page is none."""
        second = self._directory_or_none(self._number(self._first.following))
        if second is None or (self._has_pages and not self._is_small(second)):
            return
        self._first.following = second.following if self._has_pages else bytes(4)
        self._further = Ranges(led_to(self._data, self.order, self._first))
        others = self._others(None)
        for start, end in (*values_of(self._data, self.order, second), *samples_of(self._data, self.order, second)):
            self._erase(start, end, others)
        self._erase(second.at, second.at + self._table_size(second.at), others)
        self._data[slice(*self._next_pointer())] = self._first.following

    def _is_small(self, page: Directory) -> bool:
        kind = next((self._value(entry) for entry in page.entries if entry.tag == SUBFILE_TYPE), None)
        tags = {entry.tag for entry in page.entries}
        return bool(kind and kind.numbers(self.order)[:1] == (_REDUCED,)) or (SMALL_PICTURE in tags and _STRIPS not in tags)

    def _apply(self, directory: Directory, wanted: Wanted) -> bool:
        """Changes the entries; whether anything differs."""
        has: dict[int, list[Value | None]] = {}
        for entry in directory.entries:
            if entry.tag in wanted:
                has.setdefault(entry.tag, []).append(self._value(entry))
        changed = {tag: value for tag, value in wanted.items() if has.get(tag, []) != ([] if value is None else [value])}
        if not changed:
            return False
        gone: dict[int, list[Entry]] = {}
        for entry in directory.entries:
            if entry.tag in changed:
                gone.setdefault(entry.tag, []).append(entry)
        directory.entries = [entry for entry in directory.entries if entry.tag not in changed]
        others = self._others(directory).with_more((directory.at, directory.at + self._table_size(directory.at)))
        for entry in (entry for entries in gone.values() for entry in entries):
            self._erase_value(entry, others)
        others = others.with_more(self._next_pointer())
        for tag, value in changed.items():
            if value is not None:
                directory.entries.append(entry := self._placed(tag, value, gone.get(tag, ()), others))
                others = others.with_more(place_of(self.order, entry))
        directory.entries.sort(key=lambda entry: entry.tag)
        return True

    def _placed(self, tag: int, value: Value, old: Sequence[Entry], others: Ranges) -> Entry:
        content = value.content
        if len(content) <= 4:
            return Entry(tag, value.kind, value.count, content.ljust(4, b"\0"))
        for start, end in (place_of(self.order, entry) for entry in old):
            if end - start >= len(content) and self._inside_data(start, end) and others.free(start, start + len(content)):
                self._data[start : start + len(content)] = content
                return Entry(tag, value.kind, value.count, struct.pack(f"{self.order}I", start))
        return Entry(tag, value.kind, value.count, struct.pack(f"{self.order}I", self._appended(content)))

    def _stored(self, directory: Directory) -> int:
        """Writes the table over the old one if it fits, else at the end."""
        table = struct.pack(f"{self.order}H", len(directory.entries))
        for entry in directory.entries:
            table += struct.pack(f"{self.order}HHI", entry.tag, entry.kind, entry.count) + entry.field
        old, whole = self._table_size(directory.at), table + directory.following
        # In a table of as many entries, what follows them stays.
        inside = table if len(table) == old else whole
        if directory.at and len(inside) <= old and self._others(directory).free(directory.at, directory.at + old):
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
            self._erase(directory.at, directory.at + self._table_size(directory.at), self._others(directory))
        return 0

    def _erase_value(self, entry: Entry, others: Ranges) -> None:
        inside = self._pointed_to(entry) if entry.tag == INTEROPERABILITY_DIRECTORY else None
        if inside is not None:
            for start, end in (*values_of(self._data, self.order, inside), (inside.at, inside.at + self._table_size(inside.at))):
                self._erase(start, end, others)
        self._erase(*place_of(self.order, entry), others)

    def _erase(self, start: int, end: int, others: Ranges) -> None:
        if self._inside_data(start, end):
            for first, last in others.between(start, end):
                self._data[first:last] = bytes(last - first)

    def _others(self, changed: Directory | None) -> Ranges:
        """All that something else needs than the table and the former values of a directory."""
        found: list[Range] = [(0, 8)]
        known = [self._first, *(inside for tag in _INSIDE if (inside := self._inside(tag)) is not None)]
        if changed is not None:
            known = [changed, *(each for each in known if each.at != changed.at)]
        links = [entry for each in known for entry in each.entries if entry.tag == INTEROPERABILITY_DIRECTORY]
        known += [inside for entry in links if (inside := self._pointed_to(entry)) is not None]
        for each in known:
            found += values_of(self._data, self.order, each)
            if each is not changed:
                found.append((each.at, each.at + self._table_size(each.at)))
        if self._directory_or_none(self._number(self._first.following)) is not None:
            found.append(self._next_pointer())
        return Ranges(found, self._further)

    def _next_pointer(self) -> Range:
        end = self._first.at + self._table_size(self._first.at)
        return end, end + 4

    def _inside_data(self, start: int, end: int) -> bool:
        """Whether a range is inside the data, and past its header."""
        return 8 <= start <= end <= len(self._data)

    def _table_size(self, at: int) -> int:
        return table_size(self._data, self.order, at)

    def _found(self, directory: int) -> Directory | None:
        return self._inside(directory) if directory else self._first

    def _inside(self, tag: int) -> Directory | None:
        entry = next((entry for entry in self._first.entries if entry.tag == tag), None)
        found = None if entry is None else self._pointed_to(entry)
        if found is not None:
            # None follows one that is inside, and some programs do not say so: other data may be there.
            found.following = bytes(4)
        return found

    def _pointed_to(self, entry: Entry) -> Directory | None:
        value = self._value(entry)
        if value is None or len(value.content) != 4:
            return None
        at = self._number(value.content)
        return None if at == self._first.at else self._directory_or_none(at)

    def _directory_or_none(self, at: int) -> Directory | None:
        try:
            return self._directory(at)
        except DamagedTiffError:
            return None

    def _directory(self, at: int) -> Directory:
        return directory_at(self._data, self.order, at)

    def _value(self, entry: Entry) -> Value | None:
        return value_of(self._data, self.order, entry)

    def _number(self, four: bytes | bytearray) -> int:
        return int(struct.unpack(f"{self.order}I", four)[0])
