"""TIFF structures (TIFF 6.0), which Exif data and TIFF files are: directories of entries, and what of the data belongs to them."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
"""Bytes of one value, by type; 129 is text in UTF-8 (Exif 3.0)."""
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY = 0x8769, 0x8825, 0xA005
SUBFILE_TYPE, SMALL_PICTURE = 0x00FE, 0x0201
ENTRY = 12
"""Bytes of an entry."""
LONG = 4
_COPIES = 0x014A
"""Tag of directories of smaller copies."""
_SAMPLES = ((0x0111, 0x0117), (0x0144, 0x0145), (SMALL_PICTURE, 0x0202))
"""Tags of where strips, tiles or a small picture are, and of their sizes."""
_MOST_DIRECTORIES = 10_000

Range = tuple[int, int]


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

    def numbers(self, order: str) -> tuple[int, ...]:
        """Its whole numbers of 16 or 32 bits; empty for other types."""
        form = {3: "H", LONG: "I", 13: "I"}.get(self.kind)
        return struct.unpack(f"{order}{self.count}{form}", self.content) if form else ()


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


class Ranges:
    """Parts of the data that others need."""

    def __init__(self, ranges: Iterable[Range], besides: Ranges | None = None) -> None:
        """These, and those `besides`, which are not sorted again."""
        self._besides = besides
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            elif start < end:
                self._starts.append(start)
                self._ends.append(end)

    def between(self, start: int, end: int) -> Iterator[Range]:
        """The parts of a range that nobody needs, in order."""
        for number in range(bisect_left(self._ends, start), len(self._starts)):
            if self._starts[number] >= end:
                break
            if start < self._starts[number]:
                yield from self._unneeded_besides(start, self._starts[number])
            start = max(start, self._ends[number])
        if start < end:
            yield from self._unneeded_besides(start, end)

    def free(self, start: int, end: int) -> bool:
        """Whether nobody needs any of it."""
        return list(self.between(start, end)) == [(start, end)]

    def with_more(self, *more: Range) -> Ranges:
        """These and more."""
        return Ranges((*zip(self._starts, self._ends, strict=True), *more), self._besides)

    def _unneeded_besides(self, start: int, end: int) -> Iterator[Range]:
        return iter([(start, end)]) if self._besides is None else self._besides.between(start, end)


def table_size(data: bytes | bytearray, order: str, at: int) -> int:
    """Bytes without where the next one is, which some programs leave out; 0 for a place outside of the data."""
    if not 0 < at <= len(data) - 2:
        return 0
    (count,) = struct.unpack_from(f"{order}H", data, at)
    return 2 + ENTRY * int(count)


def directory_at(data: bytes | bytearray, order: str, at: int) -> Directory:
    """The directory that stands there. Raises `DamagedTiffError`."""
    size = table_size(data, order, at)
    if at < 8 or not size or at + size > len(data):
        raise DamagedTiffError
    entries = []
    for start in range(at + 2, at + size, ENTRY):
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, start)
        entries.append(Entry(tag, kind, count, bytes(data[start + 8 : start + ENTRY])))
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


def place_of(order: str, entry: Entry) -> Range:
    """Where its value is; an empty range if that is in the table."""
    if entry.size <= 4:
        return 0, 0
    (at,) = struct.unpack(f"{order}I", entry.field)
    return at, at + entry.size


def values_of(data: bytes | bytearray, order: str, directory: Directory) -> Iterator[Range]:
    """Where its values are that are not in the table."""
    return (place for entry in directory.entries if (place := place_of(order, entry))[1] <= len(data))


def samples_of(data: bytes | bytearray, order: str, directory: Directory) -> Iterator[Range]:
    """Where the samples are to which it leads."""
    wanted = {tag for pair in _SAMPLES for tag in pair}
    values = {entry.tag: value_of(data, order, entry) for entry in directory.entries if entry.tag in wanted}
    for places, sizes in _SAMPLES:
        starts, lengths = values.get(places), values.get(sizes)
        if starts is not None and lengths is not None:
            numbers = zip(starts.numbers(order), lengths.numbers(order), strict=False)
            yield from ((start, start + length) for start, length in numbers)


def led_to(data: bytes | bytearray, order: str, first: Directory) -> Iterator[Range]:
    """The samples of all directories, and the tables and values of those after the first one and of smaller copies."""
    yield from samples_of(data, order, first)
    waiting, seen = _next_ones(data, order, first, ()), {first.at}
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        try:
            directory = directory_at(data, order, at)
        except DamagedTiffError:
            continue
        yield at, at + table_size(data, order, at) + 4
        yield from values_of(data, order, directory)
        yield from samples_of(data, order, directory)
        waiting += _next_ones(data, order, directory, (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY))


def _next_ones(data: bytes | bytearray, order: str, directory: Directory, inside: Iterable[int]) -> list[int]:
    values = (value_of(data, order, entry) for entry in directory.entries if entry.tag in (_COPIES, *inside))
    places = [place for value in values if value is not None for place in value.numbers(order)]
    return [*places, *struct.unpack(f"{order}I", directory.following)]
