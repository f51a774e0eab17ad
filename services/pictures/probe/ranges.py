"""Random access to a stored file, through ranges, within a budget of bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from services.platform.errors import DarkroomError

#: `read(offset, length)` returns exactly `length` bytes; callers stay within the file.
ReadRange = Callable[[int, int], bytes]

_BLOCK = 64 << 10


class BudgetExhausted(Exception):
    """Reading on would fetch more bytes than allowed. Deliberately not an OSError: parsers swallow those."""


class RangeFile(io.RawIOBase):
    """A read-only, seekable file over `read`, which fetches each 64 KiB block at most once, and none that `head`, its beginning, holds.

    Raises BudgetExhausted when more than `budget` bytes would be fetched. `fault` keeps the first exception of reading,
    for callers that read the file through a parser which may swallow or wrap it.
    """

    def __init__(self, read: ReadRange, size: int, budget: int, head: bytes = b"") -> None:
        super().__init__()
        self._read = read
        self.size = size
        self._left = budget
        self._whole = head if len(head) == size else None
        known = 0 if self._whole is not None else len(head) - len(head) % _BLOCK
        self._blocks = {start // _BLOCK: head[start : start + _BLOCK] for start in range(0, known, _BLOCK)}
        self._position = 0
        self.fault: Exception | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The file position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the file position, which may lie beyond the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError("a seek to before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; less only at the end of the file."""
        data = self.at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer at the end of the file. The file position is unchanged."""
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        if self._whole is not None:
            return self._whole[offset:end]
        first, last = offset // _BLOCK, (end - 1) // _BLOCK
        self._fetch(first, last)
        if first == last:
            return self._blocks[first][offset - first * _BLOCK : end - first * _BLOCK]
        joined = b"".join(self._blocks[index] for index in range(first, last + 1))
        return joined[offset - first * _BLOCK : end - first * _BLOCK]

    def _fetch(self, first: int, last: int) -> None:
        """Fetch the missing blocks, adjacent ones in one request."""
        missing = [index for index in range(first, last + 1) if index not in self._blocks]
        while missing:
            run = 1
            while run < len(missing) and missing[run] == missing[0] + run:
                run += 1
            start = missing[0] * _BLOCK
            length = min(run * _BLOCK, self.size - start)
            try:
                if length > self._left:
                    raise BudgetExhausted
                data = self._read(start, length)
            except (BudgetExhausted, DarkroomError) as error:
                self.fault = self.fault or error
                raise
            self._left -= length
            for index in range(run):
                self._blocks[missing[index]] = data[index * _BLOCK : (index + 1) * _BLOCK]
            del missing[:run]


def file_ranges(path: Path) -> ReadRange:
    """Ranges of a local file."""

    def read(offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    return read
