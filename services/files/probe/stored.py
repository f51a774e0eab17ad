"""Ranges of stored objects, for a child that is not trusted."""

from __future__ import annotations

import re

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import Answer, ObjectHttp, ObjectHttpError

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


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
