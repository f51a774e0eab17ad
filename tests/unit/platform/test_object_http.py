"""The client of object storage, against servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.platform.object_http import ObjectHttp, ObjectHttpError, object_http

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, idle_seconds: float = 30) -> AsyncIterator[tuple[ObjectHttp, str]]:
    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        object_http(idle_seconds=idle_seconds) as http,
    ):
        yield http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/key?signature=a%2Fb%3D"


async def asked(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_bodies_come_as_they_are_stored_over_one_connection() -> None:
    stored, connections, requests = gzip.compress(b"content"), 0, list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            requests.append(await asked(reader))
            head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(stored)}\r\nContent-Encoding: gzip\r\nETag: "e"\r\n\r\n'
            writer.write(head.encode() + stored)
        writer.close()

    async with serving(serve) as (http, url):
        for _ in range(2):
            async with http.request("GET", url) as answer:
                assert (answer.status, answer.etag, await answer.read(1000)) == (200, '"e"', stored)
    assert connections == 1
    # The signature is of the URL as it is.
    assert requests[0].startswith(b"GET /key?signature=a%2Fb%3D HTTP/1.1\r\n")
    assert b"identity" in requests[0]


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_a_storage_that_stops_is_given_up(begins: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(begins)
        await reader.read()
        writer.close()

    async with serving(serve, idle_seconds=0.1) as (http, url):
        with pytest.raises(ObjectHttpError):
            async with http.request("GET", url) as answer:
                await answer.read(9)


async def test_a_storage_that_takes_nothing_is_given_up() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        await until_given_up.wait()
        writer.close()

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 20)

    until_given_up = asyncio.Event()
    async with serving(serve, idle_seconds=0.1) as (http, url):
        with pytest.raises(ObjectHttpError):
            async with http.request("PUT", url, {"Content-Length": str(1 << 40)}, pieces()):
                pass
        until_given_up.set()
