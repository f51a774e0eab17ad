"""A small HTTP/2 client: very many server streams of gRPC over few connections, at a small part of a usual client's cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from hpack import Encoder

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _AWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_FRAME_HEAD, _MESSAGE_HEAD = 9, 5
# What a stream, and all of a connection, may send without being told to go on: more than they ever do here.
_STREAM_BYTES, _CONNECTION_BYTES = 1 << 20, 1 << 30
_INITIAL_WINDOW = 4


class Streams(asyncio.Protocol):
    """The streams of one connection to a server on loopback."""

    def __init__(self, authority: str, received: Callable[[bytes], None]) -> None:
        """`received` is called with each message as it arrives."""
        self._authority, self._received = authority, received
        self._transport: asyncio.Transport | None = None
        self._encoder, self._next = Encoder(), 1
        self._unread = b""
        self._partial: dict[int, bytes] = {}
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once every stream has ended. Raises ConnectionError if one or the connection broke."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say how much may come."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        window = _INITIAL_WINDOW.to_bytes(2) + _STREAM_BYTES.to_bytes(4)
        transport.write(_PREFACE + _frame(_SETTINGS, 0, 0, window) + _frame(_WINDOW, 0, 0, _CONNECTION_BYTES.to_bytes(4)))

    def open(self, path: str, metadata: Sequence[tuple[str, str]], message: bytes) -> None:
        """Call a method that answers with a stream."""
        assert self._transport is not None
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", self._authority)]
        block = self._encoder.encode([*head, ("content-type", "application/grpc"), ("te", "trailers"), *metadata])
        body = b"\0" + len(message).to_bytes(4) + message
        self._partial[self._next] = b""
        self._transport.write(_frame(_HEADERS, _END_HEADERS, self._next, block) + _frame(_DATA, _END_STREAM, self._next, body))
        self._next += 2

    def data_received(self, data: bytes) -> None:
        """Take whole frames apart."""
        unread, start = self._unread + data, 0
        while (begin := start + _FRAME_HEAD) <= len(unread):
            end = begin + int.from_bytes(unread[start : start + 3])
            if end > len(unread):
                break
            self._take(unread[start + 3], unread[start + 4], int.from_bytes(unread[start + 5 : begin]), unread[begin:end])
            start = end
        self._unread = unread[start:]

    def connection_lost(self, error: Exception | None) -> None:
        """No stream goes on."""
        self._fail(f"the connection was lost: {error}")

    def close(self) -> None:
        """Close the connection."""
        assert self._transport is not None
        self._transport.close()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        assert self._transport is not None
        if kind == _DATA:
            self._read(stream, payload)
        elif kind in (_SETTINGS, _PING) and not flags & _ACK:
            self._transport.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind in (_RESET, _AWAY):
            self._fail(f"the server ended a stream or the connection: frame {kind}, {payload!r}")
        if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            del self._partial[stream]
            if not self._partial and not self.ended.done():
                self.ended.set_result(None)

    def _read(self, stream: int, payload: bytes) -> None:
        partial = self._partial[stream] + payload
        while len(partial) >= _MESSAGE_HEAD and len(partial) >= (end := _MESSAGE_HEAD + int.from_bytes(partial[1:_MESSAGE_HEAD])):
            self._received(partial[_MESSAGE_HEAD:end])
            partial = partial[end:]
        self._partial[stream] = partial

    def _fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(why))


@asynccontextmanager
async def streams(url: str, received: Callable[[bytes], None]) -> AsyncIterator[Streams]:
    """A connection for as long as the block runs."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("load is only ever put on this machine's loopback")
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Streams(parts.netloc, received), parts.hostname, parts.port or 80)
    try:
        yield made
    finally:
        made.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload
