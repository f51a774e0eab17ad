"""Unary calls of gRPC over HTTP/1.1, for the edge on the same machine: over gRPC's own transport a call takes several times the processor
time.

Envoy carries calls of gRPC over either version of HTTP. The message, in its frame, is the body; the status is in the trailers of the reply,
or in its headers when there is no message.
"""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import quote

import grpc
import httptools

from services.platform.log import get_logger
from services.platform.rpc.local import LocalContext, LocalListener

_UNIX = "unix:"
_FRAME = struct.Struct("!BI")
# Connections that wait to be accepted: more than an edge opens. On a Unix socket, the kernel refuses the next at once.
_BACKLOG = 4096
# Characters that gRPC does not change in a message: printable ASCII without the percent sign.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
_ONE_LINE = bytes.maketrans(b"\r\n\0", b"   ")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n"
_logger = get_logger()


@asynccontextmanager
async def serving(address: str, listener: LocalListener) -> AsyncIterator[None]:
    """Serve the methods of a listener at `address` (`unix:/path`) until the block ends; then accept no more connections, and close each
    when its call has ended."""
    connections: set[_Connection] = set()
    server = await asyncio.get_running_loop().create_unix_server(
        lambda: _Connection(listener, connections), address.removeprefix(_UNIX), backlog=_BACKLOG
    )
    try:
        yield
    finally:
        server.close()
        for connection in tuple(connections):
            connection.end()


class _Connection(asyncio.Protocol):
    """Serves one call after the other. Anything other than a call ends it, and so does its end the call."""

    def __init__(self, listener: LocalListener, connections: set[_Connection]) -> None:
        self._listener, self._connections = listener, connections
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._metadata, self._body = b"", list[tuple[str, str | bytes]](), bytearray()
        self._call: asyncio.Task[bytes] | None = None
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._call is not None:
            self._call.cancel()

    def end(self) -> None:
        """Close the connection when its call has ended."""
        self._ending = True
        if self._call is None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            _logger.warning("call_unreadable", problem=repr(problem.__context__ or problem))
            self._transport.abort()

    def on_message_begin(self) -> None:
        if self._call is not None:
            raise ValueError("a call before the end of the last")
        self._path, self._metadata, self._body = b"", [], bytearray()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._metadata.append((name.decode("latin-1").lower(), _text(value)))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        compressed, size = _FRAME.unpack_from(self._body)
        if size != len(self._body) - _FRAME.size:
            raise ValueError("not one message")
        context, message = LocalContext(self._metadata), bytes(self._body[_FRAME.size :])
        if compressed:
            try:
                message = _decompressed(message, self._metadata, self._listener.largest)
            except zlib.error:
                context.code, context.details = grpc.StatusCode.UNIMPLEMENTED, "The message is compressed by neither gzip nor deflate."
                self._transport.write(_HEAD + _error(context))
                return
        self._call = self._listener.start(self._path.decode("latin-1"), message, context)
        self._call.add_done_callback(lambda call: self._answer(call, context))

    def _answer(self, call: asyncio.Task[bytes], context: LocalContext) -> None:
        self._call = None
        if call.cancelled():
            context.code, context.details = grpc.StatusCode.UNAVAILABLE, "The service is ending."
        elif (error := call.exception()) is not None and not isinstance(error, grpc.aio.AbortError):
            _logger.error("call_failed", exc_info=error)
            context.code, context.details = grpc.StatusCode.UNKNOWN, "Unexpected error"
        if self._transport.is_closing():
            return
        last = b"connection: close\r\n" if self._ending else b""
        self._transport.write(_HEAD + last + (_reply(call.result(), context) if context.code is grpc.StatusCode.OK else _error(context)))
        if self._ending:
            self._transport.close()


def _decompressed(message: bytes, metadata: Iterable[tuple[str, str | bytes]], largest: int) -> bytes:
    """A message as it was before its client compressed it, up to a byte more than a listener takes. Raises zlib.error."""
    if dict(metadata).get("grpc-encoding") not in ("gzip", "deflate"):
        raise zlib.error
    # The header is that of gzip, or of zlib, which "deflate" stands for.
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(message, largest + 1)


def _reply(message: bytes, context: LocalContext) -> bytes:
    return b"%btransfer-encoding: chunked\r\n\r\n%x\r\n%b%b\r\n0\r\ngrpc-status: 0\r\n%b\r\n" % (
        _fields(context.initial_metadata),
        _FRAME.size + len(message),
        _FRAME.pack(0, len(message)),
        message,
        _fields(context.trailing_metadata),
    )


def _error(context: LocalContext) -> bytes:
    return b"%bgrpc-status: %d\r\ngrpc-message: %b\r\n%bcontent-length: 0\r\n\r\n" % (
        _fields(context.initial_metadata),
        context.code.value[0],
        quote(context.details, safe=_PLAIN).encode(),
        _fields(context.trailing_metadata),
    )


def _fields(metadata: Iterable[tuple[str, str | bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % (name.encode(), _value(value)) for name, value in metadata])


def _value(value: str | bytes) -> bytes:
    return base64.b64encode(value).rstrip(b"=") if isinstance(value, bytes) else value.encode().translate(_ONE_LINE)


def _text(value: bytes) -> str:
    # As gRPC does with metadata.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
