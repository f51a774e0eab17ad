"""Bytes from and to object storage, through presigned URLs, without holding a file in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from services.inference import metrics
from services.platform.backoff import retry_unavailable
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_http import ONLY_IF_ABSENT, Answer, ObjectHttp, ObjectHttpError
from services.platform.object_refusals import refusal_of
from services.platform.retry_after import asked_seconds

_CHUNK = 1 << 20
_BLOCK = 8 << 20
_REPLY_BYTES = 64 << 10
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class PutReply:
    """The storage's answer to a PUT."""

    etag: str | None
    """With quotes."""
    size: int
    """Bytes that were sent."""


class ObjectTransfer:
    """Reads and writes objects. Transport errors and HTTP 429 or 5xx are retried for `patience` seconds, then raise UNAVAILABLE."""

    def __init__(self, client: ObjectHttp, patience: float) -> None:
        self._client, self._patience = client, patience

    async def download(self, url: str, etag: str, size: int, target: Path, progress: Callable[[float], None]) -> None:
        """Store the object at `target`. Raises FILE_SIZE_MISMATCH if it has another ETag or size (bytes), FILE_NOT_FOUND if it is gone."""

        downloaded = metrics.TRANSFERRED.labels("download")

        async def once() -> None:
            with _reaching_storage():
                await fetch()

        async def fetch() -> None:
            async with self._client.request("GET", url, {"If-Match": etag}) as answer:
                await _require(answer, url, on_412=_changed)
                # Not every server supports If-Match.
                if answer.etag != etag:
                    raise _changed()
                received = 0
                pieces = bytearray()
                with target.open("wb") as file:
                    async for piece in answer.body:
                        received += len(piece)
                        if received > size:
                            raise _changed()
                        pieces += piece
                        if len(pieces) >= _CHUNK:
                            await asyncio.to_thread(file.write, pieces)
                            pieces = bytearray()
                        downloaded.inc(len(piece))
                        progress(received / max(1, size))
                    # Into the kernel's memory, which takes less time than the way to a thread.
                    file.write(pieces)
                if received != size:
                    raise _changed()

        with metrics.transfer("download"):
            await retry_unavailable(once, self._patience)

    async def read(self, url: str, etag: str, size: int) -> AsyncIterator[bytes]:
        """The object's bytes, in blocks of 8 MiB, each read again if the transfer fails. Raises what `download` raises."""
        for start in range(0, size, _BLOCK):
            yield await retry_unavailable(partial(self._block, url, etag, start, min(_BLOCK, size - start)), self._patience)

    async def _block(self, url: str, etag: str, start: int, length: int) -> bytes:
        headers = {"If-Match": etag, "Range": f"bytes={start}-{start + length - 1}"}
        with _reaching_storage():
            async with self._client.request("GET", url, headers) as answer:
                # Some servers (such as rclone) answer a range with 200 and Content-Range, so the header counts.
                if answer.status != HTTPStatus.PARTIAL_CONTENT:
                    await _require(answer, url, on_412=_changed)
                if answer.etag != etag or answer.headers.get("Content-Length") != str(length):
                    raise _changed()
                block = await answer.read(length)
                if len(block) > length:
                    raise _changed()
                return block

    async def upload(
        self,
        url: str,
        media_type: str | None,
        content: bytes | Path,
        progress: Callable[[float], None],
        *,
        only_if_absent: bool = False,
    ) -> PutReply:
        """PUT the content under the media type that the URL was signed for; None for a part, which has none.

        With `only_if_absent`, an object that an earlier attempt has stored stays, for storage that supports this; its ETag is not known
        then.
        """
        size = len(content) if isinstance(content, bytes) else (await asyncio.to_thread(content.stat)).st_size

        async def once() -> PutReply:
            headers = {"Content-Length": str(size)} | ({"Content-Type": media_type} if media_type is not None else {})
            headers |= ONLY_IF_ABSENT if only_if_absent else {}
            with _reaching_storage():
                async with self._client.request("PUT", url, headers, _chunks(content, size, progress)) as answer:
                    if only_if_absent and answer.status == HTTPStatus.PRECONDITION_FAILED:
                        # Nobody else writes there: the answer to an earlier attempt was lost.
                        return PutReply(None, size)
                    await _require(answer, url)
                    await answer.read(_REPLY_BYTES)
            metrics.TRANSFERRED.labels("upload").inc(size)
            return PutReply(answer.etag, size)

        with metrics.transfer("upload"):
            return await retry_unavailable(once, self._patience)


async def _chunks(content: bytes | Path, size: int, progress: Callable[[float], None]) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        for start in range(0, size, _CHUNK):
            yield content[start : start + _CHUNK]
            progress(min(size, start + _CHUNK) / size)
        return
    sent = 0
    with await asyncio.to_thread(content.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
            sent += len(chunk)
            progress(sent / size)


@contextmanager
def _reaching_storage() -> Iterator[None]:
    try:
        yield
    except ObjectHttpError as error:
        _logger.warning("object_transfer_failed", error=str(error))
        raise _away() from error


async def _require(answer: Answer, url: str, on_412: Callable[[], DarkroomError] | None = None) -> None:
    if answer.status == HTTPStatus.OK:
        return
    if answer.status == HTTPStatus.PRECONDITION_FAILED and on_412 is not None:
        raise on_412()
    if answer.status == HTTPStatus.NOT_FOUND:
        raise DarkroomError(ErrorReason.FILE_NOT_FOUND, "The file is no longer stored.")
    refusal = await refusal_of(answer)
    if refusal.passes:
        _logger.warning("object_storage_busy", status=refusal.status, code=refusal.code)
        raise _away(asked_seconds(answer.headers.get("Retry-After")))
    # The URL holds a signature, so only its path is logged.
    _logger.error("object_storage_refused", path=urlsplit(url).path, status=refusal.status, code=refusal.code)
    raise DarkroomError(ErrorReason.INTERNAL, "Object storage refused the transfer.")


def _away(seconds: int | None = None) -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Object storage cannot be reached. Try again later.", retry_after=seconds)


def _changed() -> DarkroomError:
    return DarkroomError(ErrorReason.FILE_SIZE_MISMATCH, "The file changed after it was accepted. Upload it again as a new file.")
