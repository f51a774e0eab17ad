"""Bytes from and to object storage, through presigned URLs, without holding a file in memory."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import httpx

from services.common.backoff import retry_unavailable
from services.common.errors import DarkroomError, ErrorReason
from services.common.log import get_logger
from services.common.retry_after import asked_seconds
from services.inference import metrics

_CHUNK = 1 << 20
_BLOCK = 8 << 20
_REPLY_BYTES = 64 << 10
_logger = get_logger()


@asynccontextmanager
async def http_client(authorities: ssl.SSLContext | bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """A client for object storage: no proxy from the environment, no redirects, a limit on idle time rather than on the total.

    An object's `Content-Encoding` is whatever its uploader said, so bodies are read as they are stored and never decoded.
    """
    timeout = httpx.Timeout(connect=5, read=60, write=60, pool=60)
    headers = {"Accept-Encoding": "identity"}
    async with httpx.AsyncClient(timeout=timeout, headers=headers, verify=authorities, trust_env=False, follow_redirects=False) as client:
        yield client


class ObjectTransfer:
    """Reads and writes objects. Transport errors and HTTP 429 or 5xx are retried for `patience` seconds, then raise UNAVAILABLE."""

    def __init__(self, client: httpx.AsyncClient, patience: float) -> None:
        self._client, self._patience = client, patience

    async def download(self, url: str, etag: str, size: int, target: Path, progress: Callable[[float], None]) -> None:
        """Store the object at `target`. Raises FILE_SIZE_MISMATCH if it has another ETag or size (bytes), FILE_NOT_FOUND if it is gone."""

        downloaded = metrics.TRANSFERRED.labels("download")

        async def once() -> None:
            with _reaching_storage():
                await fetch()

        async def fetch() -> None:
            async with self._client.stream("GET", url, headers={"If-Match": etag}) as response:
                _require(response, on_412=_changed)
                # Not every server supports If-Match.
                if response.headers.get("etag") != etag:
                    raise _changed()
                received = 0
                with await asyncio.to_thread(target.open, "wb") as file:
                    async for chunk in response.aiter_raw(_CHUNK):
                        received += len(chunk)
                        if received > size:
                            raise _changed()
                        await asyncio.to_thread(file.write, chunk)
                        downloaded.inc(len(chunk))
                        progress(received / max(1, size))
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
            async with self._client.stream("GET", url, headers=headers) as response:
                # Some servers (such as rclone) answer a range with 200 and Content-Range, so the header counts.
                if response.status_code != httpx.codes.PARTIAL_CONTENT:
                    _require(response, on_412=_changed)
                if response.headers.get("etag") != etag or response.headers.get("content-length") != str(length):
                    raise _changed()
                block = bytearray()
                async for chunk in response.aiter_raw():
                    block += chunk
                    if len(block) > length:
                        raise _changed()
                return bytes(block)

    async def upload(self, url: str, media_type: str | None, content: bytes | Path, progress: Callable[[float], None]) -> None:
        """PUT the content under the media type that the URL was signed for; None for a part, which has none."""
        size = len(content) if isinstance(content, bytes) else (await asyncio.to_thread(content.stat)).st_size

        async def once() -> None:
            headers = {"Content-Length": str(size)} | ({"Content-Type": media_type} if media_type is not None else {})
            with _reaching_storage():
                async with self._client.stream("PUT", url, headers=headers, content=_chunks(content, size, progress)) as response:
                    await _finish(response)
                    _require(response)
            metrics.TRANSFERRED.labels("upload").inc(size)

        with metrics.transfer("upload"):
            await retry_unavailable(once, self._patience)


async def _finish(response: httpx.Response) -> None:
    """Read a short body to its end, so that the connection can be used again. A long one is left."""
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        if received > _REPLY_BYTES:
            return


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
    except httpx.TransportError as error:
        _logger.warning("object_transfer_failed", error=repr(error))
        raise _away() from error


def _require(response: httpx.Response, on_412: Callable[[], DarkroomError] | None = None) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status == httpx.codes.PRECONDITION_FAILED and on_412 is not None:
        raise on_412()
    if status == httpx.codes.NOT_FOUND:
        raise DarkroomError(ErrorReason.FILE_NOT_FOUND, "The file is no longer stored.")
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        _logger.warning("object_storage_busy", status=status)
        raise _away(asked_seconds(response.headers.get("retry-after")))
    # The URL holds a signature, so only its path is logged.
    _logger.error("object_storage_refused", method=response.request.method, path=response.request.url.path, status=status)
    raise DarkroomError(ErrorReason.INTERNAL, "Object storage refused the transfer.")


def _away(seconds: int | None = None) -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Object storage cannot be reached. Try again later.", retry_after=seconds)


def _changed() -> DarkroomError:
    return DarkroomError(ErrorReason.FILE_SIZE_MISMATCH, "The file changed after it was accepted. Upload it again as a new file.")
