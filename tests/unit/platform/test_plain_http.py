"""The client for content in memory, against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.platform.object_http import ObjectHttp, ObjectHttpError, object_http

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_OK = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n'
_CONTENT = bytes(range(256)) * 4000


class Server:
    """Answers each request of a connection with the next of its replies; without one left, it closes the connection."""

    def __init__(self, *connections: list[bytes]) -> None:
        self._connections = list(connections)
        self.requests: list[bytes] = []
        self.opened = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        for reply in self._connections.pop(0):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            writer.write(reply)
        writer.close()


@asynccontextmanager
async def asking(serve: Serve, idle_seconds: float = 30) -> AsyncIterator[Callable[[bytes], Awaitable[tuple[int, str | None, bytes]]]]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, object_http(idle_seconds=idle_seconds) as http:
        yield put_of(http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/key?signature=a%2Fb%3D")


def put_of(
    http: ObjectHttp, url: str, headers: dict[str, str] | None = None
) -> Callable[[bytes], Awaitable[tuple[int, str | None, bytes]]]:
    async def put(content: bytes) -> tuple[int, str | None, bytes]:
        async with http.request("PUT", url, headers, content) as answer:
            return answer.status, answer.etag, await answer.read(1 << 20)

    return put


async def test_requests_share_a_connection_and_arrive_as_they_are() -> None:
    server = Server([_OK, b"HTTP/1.1 412 No\r\netag: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n0\r\n\r\n", _OK])
    async with asking(server) as put:
        assert await put(_CONTENT) == (200, '"e"', b"")
        assert await put(b"") == (412, "x", b"why")
        assert await put(b"small") == (200, '"e"', b"")
    assert server.opened == 1
    head, _, content = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /key?signature=a%2Fb%3D HTTP/1.1\r\nHost: 127.0.0.1:") and content == _CONTENT


async def test_calls_at_the_same_time_have_connections_of_their_own() -> None:
    server = Server([_OK], [_OK])
    async with asking(server) as put:
        assert await asyncio.gather(put(b"a"), put(b"b")) == [(200, '"e"', b"")] * 2
    assert server.opened == 2


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    server = Server([_OK], [_OK, _OK])
    async with asking(server) as put:
        for _ in range(3):
            assert await put(b"a") == (200, '"e"', b"")
    assert server.opened == 2


@pytest.mark.parametrize("last", [b"Connection: close\r\nContent-Length: 3\r\n\r\n", b"\r\n"], ids=["announced", "the end of the reply"])
async def test_a_connection_that_ends_with_a_reply_is_not_used_again(last: bytes) -> None:
    server = Server([b"HTTP/1.1 403 No\r\n" + last + b"why"], [_OK])
    async with asking(server) as put:
        assert await put(b"a") == (403, None, b"why")
        assert await put(b"a") == (200, '"e"', b"")


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"220 a mail server\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + bytes(2_000_000),
    ],
    ids=["none", "half", "another protocol", "too long"],
)
async def test_what_is_no_reply_is_an_error(reply: bytes) -> None:
    async with asking(Server([reply])) as put:
        with pytest.raises(ObjectHttpError):
            await put(b"a")


async def test_a_reply_may_come_before_the_content_is_read() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await given_up.wait()
        writer.close()

    given_up = asyncio.Event()
    async with asking(refuse) as put:
        assert await put(bytes(32 << 20)) == (403, None, b"")
        given_up.set()


async def test_a_storage_that_says_nothing_is_given_up() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with asking(wait, idle_seconds=0.1) as put:
        with pytest.raises(ObjectHttpError):
            await put(b"a")


async def test_no_header_holds_a_line_break() -> None:
    async with object_http() as http:
        with pytest.raises(ObjectHttpError):
            await put_of(http, "http://127.0.0.1:1/key", {"Content-Type": "a\r\nHost: b"})(b"a")
