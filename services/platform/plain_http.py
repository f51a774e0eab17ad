"""Requests over HTTP/1.1, unencrypted, whose content is in memory: aiohttp takes three to six times the processor time for one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools
from multidict import CIMultiDict

SCHEME = "http://"
_CONNECT_SECONDS = 5.0
_KEPT_SECONDS = 15.0
"""Longest time that a connection is used again after, as the server, or what is in between, may forget it."""
_LONGEST_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


class PlainHttp:
    """Keeps its connections."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[_Connection]] = {}

    async def request(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Reply:
        """The reply to a request that may be repeated. Raises OSError, and ValueError for what is no reply."""
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        fields = {"Host": parts.netloc.removesuffix(":80"), **headers, "Content-Length": str(len(content))}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a header")
        head = "\r\n".join([*lines, "", ""]).encode()
        place = parts.hostname or "", parts.port or 80
        kept = self._kept.setdefault(place, [])
        while kept:
            connection = kept.pop()
            if connection.is_usable():
                try:
                    return await self._exchange(connection, head, content, kept)
                except OSError:
                    if connection.has_answered:
                        raise
                    # It was closed meanwhile.
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, connection = await loop.create_connection(_Connection, *place)
        return await self._exchange(connection, head, content, kept)

    async def _exchange(self, connection: _Connection, head: bytes, content: bytes, kept: list[_Connection]) -> Reply:
        reply = await connection.exchange(head, content)
        if connection.is_usable():
            kept.append(connection)
        return reply

    def close(self) -> None:
        """Close all connections that are kept."""
        for kept in self._kept.values():
            while kept:
                kept.pop().end()


class _Connection(asyncio.Protocol):
    """One exchange after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reply: asyncio.Future[Reply] | None = None
        self._open, self._used_at = False, 0.0
        self._begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        if self._ends_with_connection and exc is None:
            self.on_message_complete()
        self._fail(exc or ConnectionResetError("the server closed the connection"))

    def is_usable(self) -> bool:
        """Whether another request may be sent. If not, it is closed."""
        if self._open and self._loop.time() - self._used_at < _KEPT_SECONDS:
            return True
        self.end()
        return False

    def end(self) -> None:
        """Close it at once."""
        self._open = False
        self._transport.abort()

    async def exchange(self, head: bytes, content: bytes) -> Reply:
        """Send a request, and return its reply. Cancelling it closes the connection."""
        self._begin()
        self._reply = self._loop.create_future()
        try:
            self._transport.writelines([head, content])
            reply = await self._reply
        except BaseException:
            self.end()
            raise
        finally:
            self._reply = None
        self._used_at = self._loop.time()
        if not self._stays or self._transport.get_write_buffer_size():
            self.end()
        return reply

    def data_received(self, data: bytes) -> None:
        self.has_answered = True
        if self._reply is None or self._reply.done():
            self.end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ValueError(repr(error)))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        known = ("Content-Length", "Transfer-Encoding")
        self._ends_with_connection = not any(name in self._headers for name in known)

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > _LONGEST_BODY:
            self._fail(ValueError(f"a reply of more than {_LONGEST_BODY} bytes"))

    def on_message_complete(self) -> None:
        self._stays = self._parser.should_keep_alive()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(self._parser.get_status_code(), self._headers, bytes(self._body)))

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._body = CIMultiDict[str](), bytearray()
        self.has_answered = self._ends_with_connection = self._stays = False

    def _fail(self, error: Exception) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
