"""Unary calls over HTTP/1.1, byte for byte as the edge makes them."""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from services.platform.rpc import http1
from services.platform.rpc.local import LocalContext, LocalListener

Serve = Callable[[bytes, LocalContext], Awaitable[bytes]]
CALL = b"POST /a.Service/Method HTTP/1.1\r\nhost: a\r\nx-name: G\xc3\xb6\r\ntransfer-encoding: chunked\r\n\r\n"


async def echo(request: bytes, context: LocalContext) -> bytes:
    await context.send_initial_metadata((("x-first", "1"),))
    context.set_trailing_metadata((("x-last-bin", b"\0"),))
    return request + dict(context.invocation_metadata())["x-name"].encode()  # type: ignore[union-attr]


@dataclass
class Scene:
    """A listener with one method, which serves as the test says."""

    path: str
    serve: Serve = echo
    listener: LocalListener = field(default_factory=lambda: LocalListener("here"))
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self) -> None:
        async def call(request: bytes, context: LocalContext) -> bytes:
            return await self.serve(request, context)

        handler = grpc.unary_unary_rpc_method_handler(call, bytes, bytes)
        self.listener.open({"/a.Service/Method": handler}.get, 100)
        await self.stack.enter_async_context(http1.serving(f"unix:{self.path}", self.listener))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(f"{tmp_path}/calls.sock")
    async with made.stack, asyncio.timeout(30):
        await made.open()
        yield made


def sent(message: bytes, encoding: str = "") -> bytes:
    """A call with this message, in two chunks. With an encoding, the message is said to be compressed."""
    call = CALL.replace(b"x-name", b"grpc-encoding: %b\r\nx-name" % encoding.encode()) if encoding else CALL
    return call + b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (struct.pack("!BI", bool(encoding), len(message)), len(message), message)


async def test_a_connection_serves_one_call_after_the_other(scene: Scene) -> None:
    reader, writer = await scene.connect()
    for message in (b"a", b"bc"):
        writer.write(sent(message))
        reply = await reader.readuntil(b"x-last-bin: AA\r\n\r\n")
        head, body = reply.split(b"\r\n\r\n", 1)
        assert head == b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\nx-first: 1\r\ntransfer-encoding: chunked"
        framed = struct.pack("!BI", 0, len(message) + 3) + message + b"G\xc3\xb6"
        assert body == b"%x\r\n%b\r\n0\r\ngrpc-status: 0\r\nx-last-bin: AA\r\n\r\n" % (len(framed), framed)


async def test_the_headers_of_a_reply_without_a_message_have_its_status(scene: Scene) -> None:
    async def refuse(_request: bytes, context: LocalContext) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no ä\n", (("x-why", "s\r\no"),))

    scene.serve = refuse
    reader, writer = await scene.connect()
    writer.write(sent(b"a"))
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    assert {"grpc-status: 5", "grpc-message: no %C3%A4%0A", "x-why: s  o", "content-length: 0"} < set(lines)


@pytest.mark.parametrize(("path", "message", "status"), [("Other", b"a", 12), ("Method", b"a" * 101, 8)])
async def test_other_methods_and_larger_messages_are_refused_as_by_a_server_of_grpc(
    scene: Scene, path: str, message: bytes, status: int
) -> None:
    reader, writer = await scene.connect()
    writer.write(sent(message).replace(b"Method", path.encode()))
    assert b"\r\ngrpc-status: %d\r\n" % status in await reader.readuntil(b"\r\n\r\n")


async def test_a_defect_is_told_to_nobody(scene: Scene) -> None:
    async def fail(_request: bytes, _context: LocalContext) -> bytes:
        raise RuntimeError("/secret/path")

    scene.serve = fail
    reader, writer = await scene.connect()
    writer.write(sent(b"a"))
    reply = await reader.readuntil(b"\r\n\r\n")
    assert b"\r\ngrpc-status: 2\r\n" in reply
    assert b"secret" not in reply


@pytest.mark.parametrize(
    ("message", "encoding", "answer"),
    [
        (gzip.compress(b"abc"), "gzip", b"abcG"),
        (zlib.compress(b"abc"), "deflate", b"abcG"),
        (gzip.compress(bytes(100_000_000)), "gzip", b"grpc-status: 8"),
        (b"abc", "gzip", b"grpc-status: 12"),
        (b"abc", "br", b"grpc-status: 12"),
    ],
    ids=["gzip", "deflate", "larger than allowed", "not compressed", "unknown"],
)
async def test_a_compressed_message_is_decompressed(scene: Scene, message: bytes, encoding: str, answer: bytes) -> None:
    reader, writer = await scene.connect()
    for _ in range(2):
        writer.write(sent(message, encoding))
        assert answer in await reader.readuntil(answer)


@pytest.mark.parametrize(
    "unreadable",
    [
        b"nonsense\r\n\r\n",
        CALL + b"0\r\n\r\n",
        sent(b"a") + sent(b"b"),
        CALL + b"6\r\n\0\0\0\0\2a\r\n0\r\n\r\n",
    ],
    ids=["not HTTP", "no message", "two at once", "cut off"],
)
async def test_anything_but_a_call_ends_the_connection(scene: Scene, unreadable: bytes) -> None:
    async def wait(request: bytes, _context: LocalContext) -> bytes:
        await asyncio.Event().wait()
        return request

    scene.serve = wait
    reader, writer = await scene.connect()
    writer.write(unreadable)
    with suppress(ConnectionResetError):
        assert not await reader.read()


async def test_a_call_ends_with_its_connection(scene: Scene) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(request: bytes, _context: LocalContext) -> bytes:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set()
            raise
        return request

    scene.serve = wait
    _, writer = await scene.connect()
    writer.write(sent(b"a"))
    await begun.wait()
    writer.close()
    await ended.wait()


async def test_a_call_in_flight_is_answered_when_the_service_ends_and_its_connection_is_the_last_to_close(scene: Scene) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request: bytes, _context: LocalContext) -> bytes:
        begun.set()
        await go_on.wait()
        return request

    scene.serve = wait
    (idle, _), (reader, writer) = await scene.connect(), await scene.connect()
    writer.write(sent(b"a"))
    await begun.wait()
    await scene.stack.aclose()
    assert not await idle.read()
    closing = asyncio.create_task(scene.listener.close(30))
    go_on.set()
    assert b"\r\nconnection: close\r\n" in await reader.read()
    await closing


async def test_a_call_that_takes_longer_than_a_service_has_to_end_is_unavailable(scene: Scene) -> None:
    async def wait(request: bytes, _context: LocalContext) -> bytes:
        await asyncio.Event().wait()
        return request

    scene.serve = wait
    reader, writer = await scene.connect()
    writer.write(sent(b"a"))
    reading = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    while not scene.listener._calls:
        await asyncio.sleep(0)
    await scene.listener.close(0)
    assert b"\r\ngrpc-status: 14\r\n" in await reading
