"""Boxes of ISO base media files (ISO 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass


class DamagedBoxError(Exception):
    """A box cannot be followed."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box is."""

    kind: bytes
    start: int
    inside: int
    """Where its content begins."""
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in a range, in order."""
    at = start
    while at < end:
        if at + 8 > end:
            raise DamagedBoxError
        size, kind = struct.unpack_from(">I4s", data, at)
        inside = at + 8
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            inside = at + 16
        stop = end if size == 0 else at + size
        if not inside <= stop <= end:
            raise DamagedBoxError
        yield Box(kind, at, inside, stop)
        at = stop


def box(kind: bytes, content: bytes) -> bytes:
    """A box, written."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


class Reader:
    """Numbers out of a range, one after the other. Raises `DamagedBoxError` past its end."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self.at, self._end = data, at, end

    def number(self, size: int) -> int:
        """A number of this many bytes, from 0."""
        return int.from_bytes(self.read(size), "big")

    def read(self, size: int) -> bytes:
        """The next bytes."""
        start, self.at = self.at, self.at + size
        if self.at > self._end:
            raise DamagedBoxError
        return self._data[start : self.at]

    def text(self) -> bytes:
        """Up to the next zero, or the end."""
        stop = self._data.find(b"\0", self.at, self._end)
        start, self.at = self.at, self._end if stop < 0 else stop + 1
        return self._data[start : self._end if stop < 0 else stop]
