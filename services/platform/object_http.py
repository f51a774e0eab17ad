"""Requests to presigned URLs of object storage.

The client is aiohttp's, which takes a quarter of the processor time that httpx takes for a request. Content in memory
goes without aiohttp, too, where nothing is encrypted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from services.platform.plain_http import SCHEME, PlainHttp

_CONNECT_SECONDS = 5.0
_OWN_HEADERS = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")
ONLY_IF_ABSENT = {"If-None-Match": "*"}
"""Headers of a PUT that keeps what is there already: storage that knows them answers 412 then."""
_AS_STORED = {"Accept-Encoding": "identity"}


class ObjectHttpError(Exception):
    """The storage could not be reached, stopped in the middle, or took too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The storage's answer; its body is read while the request's block runs."""

    status: int
    headers: Mapping[str, str]
    """By names in any case."""
    body: AsyncIterator[bytes]
    """As it is stored, whatever encoding the object claims, in pieces of any size."""

    @property
    def etag(self) -> str | None:
        """With quotes."""
        return self.headers.get("ETag")

    async def read(self, most: int) -> bytes:
        """The body, or as many pieces of a longer one as exceed `most` bytes."""
        received = bytearray()
        async for piece in self.body:
            received += piece
            if len(received) > most:
                break
        return bytes(received)


class ObjectHttp:
    """Keeps its connections. It follows no redirects, and waits `idle_seconds` at most while nothing moves."""

    def __init__(self, session: aiohttp.ClientSession, idle_seconds: float) -> None:
        self._session, self._idle = session, idle_seconds
        self._plain = PlainHttp()

    @asynccontextmanager
    async def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | AsyncIterator[bytes] | None = None
    ) -> AsyncIterator[Answer]:
        """One request. A `content` in pieces needs a Content-Length among the headers.

        Raises ObjectHttpError, also from within the block.
        """
        if isinstance(content, bytes) and url.startswith(SCHEME):
            yield await self._plainly(method, url, {**_AS_STORED, **(headers or {})}, content)
            return
        try:
            async with asyncio.timeout(self._idle) as patience:
                if content is not None and not isinstance(content, bytes):
                    content = self._moving(content, patience)
                async with self._session.request(
                    method, URL(url, encoded=True), headers=headers, data=content, allow_redirects=False
                ) as response:
                    # From here on each read has its own time.
                    patience.reschedule(None)
                    yield Answer(response.status, response.headers, response.content.iter_any())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ObjectHttpError(repr(error)) from error

    def close(self) -> None:
        """Close the connections that are not aiohttp's."""
        self._plain.close()

    async def _plainly(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._idle):
                reply = await self._plain.request(method, url, headers, content)
        except (OSError, ValueError) as error:
            raise ObjectHttpError(repr(error)) from error
        return Answer(reply.status, reply.headers, _whole(reply.body))

    async def _moving(self, content: AsyncIterator[bytes], patience: asyncio.Timeout) -> AsyncIterator[bytes]:
        async for piece in content:
            patience.reschedule(asyncio.get_running_loop().time() + self._idle)
            yield piece


@asynccontextmanager
async def object_http(authorities: ssl.SSLContext | bool = True, idle_seconds: float = 60.0) -> AsyncIterator[ObjectHttp]:
    """A client with its connections, closed when the block ends. `authorities` may sign the storage's certificate. No proxy from the
    environment is used."""
    connector = aiohttp.TCPConnector(limit=0, ssl=authorities)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=idle_seconds)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=_AS_STORED, skip_auto_headers=_OWN_HEADERS, auto_decompress=False
    ) as session:
        http = ObjectHttp(session, idle_seconds)
        try:
            yield http
        finally:
            http.close()


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
