"""Random access to a stored file, through ranges, within a budget of bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

from services.common.errors import DarkroomError, ErrorReason
from services.common.object_http import Answer, ObjectHttp, ObjectHttpError

#: `read(offset, length)` returns exactly `length` bytes; callers stay within the file.
ReadRange = Callable[[int, int], bytes]

_BLOCK = 64 << 10
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


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
        known = len(head) if len(head) == size else len(head) - len(head) % _BLOCK
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


class StoredRanges:
    """Ranges of an object behind a presigned URL, for a reader that is not trusted: no more than `budget` bytes in all.

    Some servers, such as rclone, answer a range with status 200 and Content-Range, so only the header is checked. Raises UNAVAILABLE if
    the storage does not answer, FILE_SIZE_MISMATCH if the object is not the one with this size and ETag, and MEDIA_LIMIT_EXCEEDED for a
    range outside of the object or the budget.
    """

    def __init__(self, client: ObjectHttp, url: str, size: int, etag: str | None, budget: int) -> None:
        self._client, self._url, self._size, self._etag, self._left = client, url, size, etag, budget

    async def __call__(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on."""
        self._left -= length
        if offset < 0 or length < 1 or offset + length > self._size or self._left < 0:
            raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, "The file's structure takes too many bytes to read.")
        try:
            async with self._client.request("GET", self._url, {"Range": f"bytes={offset}-{offset + length - 1}"}) as answer:
                return await self._body(answer, offset, length)
        except ObjectHttpError as error:
            raise _unavailable() from error

    async def _body(self, answer: Answer, offset: int, length: int) -> bytes:
        if answer.status in (404, 412, 416):
            raise _changed()
        if answer.status not in (200, 206):
            raise _unavailable()
        if self._etag is not None and (answer.etag or "").strip('"') != self._etag.strip('"'):
            raise _changed()
        span = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if span is not None:
            if span[3] not in (str(self._size), "*"):
                raise _changed()
            if (int(span[1]), int(span[2])) != (offset, offset + length - 1):
                raise _unavailable()
        elif (offset, length) != (0, self._size):
            raise _unavailable()
        data = await answer.read(length)
        if len(data) > length:
            raise _changed()
        if len(data) != length:
            raise _unavailable()
        return data


def _unavailable() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "The file could not be read from storage. Try again later.")


def _changed() -> DarkroomError:
    return DarkroomError(ErrorReason.FILE_SIZE_MISMATCH, "The file changed or vanished while it was examined.")
