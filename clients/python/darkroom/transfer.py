"""Transfers to and from presigned URLs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import cache, cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from darkroom.backoff import Backoff, Retries
from darkroom.content import Content
from darkroom.failures import ConnectionFailed, DarkroomFailure, InvalidRequest, NotFound, StorageError

if TYPE_CHECKING:
    # Imported where it is used: many programs transfer nothing, and it takes as long to load as the rest of the client.
    import httpx

Progress = Callable[[int], None]
"""Called with the number of bytes just transferred; negative when a transfer starts over."""
OnPart = Callable[[int, str], None]

_CHUNK = 256 * 1024
_PARALLEL_PARTS = 4
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


def nothing(moved: int) -> None:
    """Ignores progress."""


@cache
def _authorities() -> ssl.SSLContext:
    import httpx

    # Reading them takes longer than most calls, so they are read when they are needed, and once.
    return httpx.create_ssl_context()


class Transfers:
    """Uploads and downloads over one HTTP connection pool. Failed transfers are retried according to the backoff."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        import httpx

        headers = {"Accept-Encoding": "identity"}
        return httpx.AsyncClient(timeout=httpx.Timeout(60, connect=10), headers=headers, verify=_authorities(), follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        if "_http" in self.__dict__:
            await self._http.aclose()

    async def put(self, url: str, content: Content, offset: int, size: int, progress: Progress) -> str:
        """PUT `size` bytes from `offset` on. Returns the ETag."""

        async def send() -> httpx.Response:
            sent = 0

            async def body() -> AsyncIterator[bytes]:
                nonlocal sent
                while sent < size:
                    where = offset + sent, min(_CHUNK, size - sent)
                    # A small file takes less time than the way to a thread.
                    chunk = content.read(*where) if size <= _CHUNK else await asyncio.to_thread(content.read, *where)
                    if not chunk:
                        raise InvalidRequest("FILE_SIZE_MISMATCH", f"{content.name} shrank during the upload.")
                    yield chunk
                    sent += len(chunk)
                    progress(len(chunk))

            try:
                response = await self._http.put(url, content=body(), headers={"Content-Length": str(size)})
            except BaseException:
                progress(-sent)
                raise
            if not response.is_success:
                progress(-sent)
            return response

        return str((await self._repeated(send)).headers.get("etag", ""))

    async def put_parts(
        self, urls: Sequence[str], part_size: int, content: Content, arrived: Mapping[int, str], progress: Progress, on_part: OnPart
    ) -> None:
        """PUT the parts that are not in `arrived` (ETags by number, from 1), several at a time. `on_part` gets the ETag of each."""
        slots = asyncio.Semaphore(_PARALLEL_PARTS)

        async def part(number: int, url: str) -> None:
            async with slots:
                offset = (number - 1) * part_size
                on_part(number, await self.put(url, content, offset, min(part_size, content.size_bytes - offset), progress))

        work = [asyncio.ensure_future(part(number, url)) for number, url in enumerate(urls, start=1) if number not in arrived]
        try:
            await asyncio.gather(*work)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def get(self, url: str, target: Path, progress: Progress) -> None:
        """GET into a file. A broken transfer resumes where it stopped, if the stored object is still the same."""
        received, tag = 0, ""

        async def receive() -> httpx.Response:
            nonlocal received, tag
            headers = {"Range": f"bytes={received}-", "If-Range": tag} if received and tag else {}
            async with self._http.stream("GET", url, headers=headers) as response:
                if not response.is_success:
                    return response
                if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                    progress(-received)
                    received, tag = 0, response.headers.get("etag", "")
                with target.open("r+b" if received else "wb") as file:
                    file.seek(received)
                    pieces = bytearray()
                    try:
                        # Without a chunk size: bytes of an unfinished chunk would be lost when the connection breaks.
                        async for piece in response.aiter_raw():
                            pieces += piece
                            received += len(piece)
                            progress(len(piece))
                            if len(pieces) >= _CHUNK:
                                full, pieces = pieces, bytearray()
                                await asyncio.to_thread(file.write, full)
                    finally:
                        # Into the kernel's memory, which takes less time than the way to a thread.
                        file.write(pieces)
                return response

        try:
            await self._repeated(receive, moved=lambda: received)
        except BaseException:
            progress(-received)
            raise

    async def read(self, url: str) -> bytes:
        """GET into memory."""
        content = b""

        async def receive() -> httpx.Response:
            nonlocal content
            async with self._http.stream("GET", url) as response:
                content = b"".join([chunk async for chunk in response.aiter_raw()])
                return response

        await self._repeated(receive)
        return content

    async def _repeated(self, send: Callable[[], Awaitable[httpx.Response]], moved: Callable[[], int] = lambda: 0) -> httpx.Response:
        """Send until it succeeds or is refused for good. As long as more is `moved` each time, failures do not add up."""
        import httpx

        retries, before = Retries(self._backoff), 0
        while True:
            failure: DarkroomFailure
            cause: httpx.TransportError | None = None
            try:
                response = await send()
            except httpx.TransportError as error:
                failure, cause = ConnectionFailed(f"The transfer failed: {error or type(error).__name__}"), error
            else:
                if response.is_success:
                    return response
                failure = _refusal(response)
                if not (response.is_server_error or response.status_code in _BUSY):
                    raise failure
            if moved() != before:
                retries.reset()
                before = moved()
            await retries.wait(failure, cause)


def _refusal(response: httpx.Response) -> DarkroomFailure:
    status = response.status_code
    if status in (400, 401, 403):
        return StorageError("URL_EXPIRED", f"The storage refused the URL (HTTP {status}); it may have expired.")
    if status == HTTPStatus.NOT_FOUND and response.request.method == "PUT":
        return NotFound("UPLOAD_NOT_FOUND", "The upload has ended: its file was completed, deleted or given up meanwhile.")
    if status == HTTPStatus.NOT_FOUND:
        return NotFound("FILE_NOT_FOUND", "The file's content is missing from the storage.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return InvalidRequest("FILE_TOO_LARGE", "The file is larger than the server accepts.")
    failure = StorageError("STORAGE", f"The storage answered HTTP {status}.")
    advice = response.headers.get("retry-after", "")
    failure.retry_after = float(advice) if advice.isdecimal() else None
    return failure
