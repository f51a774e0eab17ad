"""A small HTTP/1.1 client: keep-alive connections that send one request after another, at a small part of a usual client's cost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """The result of a run of load: replies per second, and the time of each in seconds."""

    per_second: float
    latencies: list[float]


class RefusedCallError(Exception):
    """A reply with another status than 2xx; the message is the reply."""


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Mapping[str, str]) -> None:
        self._reader, self._writer = reader, writer
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def request(self, verb: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """Send a request and return the body of the reply. Raises Refused."""
        head = await self.send(verb, path, body, headers)
        content = await self._body(head)
        if not head.startswith(b"HTTP/1.1 2"):
            raise RefusedCallError((head + content).decode(errors="replace"))
        return content

    async def call(self, verb: str, path: str, message: object = None, **headers: str) -> Any:
        """Call an API that speaks JSON. Returns `data` of the reply. A message that is bytes is sent as it is."""
        body = b"" if message is None else message if isinstance(message, bytes) else json.dumps(message).encode()
        named = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return json.loads(await self.request(verb, path, body, named))["data"]

    async def send(self, verb: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """Send a request. Returns the head of the reply as soon as it has arrived."""
        own = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._writer.write(f"{verb} {path} HTTP/1.1\r\n{self._headers}{own}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return await self._reader.readuntil(b"\r\n\r\n")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks of a chunked body as they arrive."""
        while size := int(await self._reader.readline(), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()

    async def _body(self, head: bytes) -> bytes:
        _, found, rest = head.lower().partition(b"content-length:")
        if found:
            return await self._reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        if b"transfer-encoding: chunked" in head.lower():
            return b"".join([chunk async for chunk in self.chunks()])
        return b""


@asynccontextmanager
async def open_connection(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Connection]:
    """A connection that sends these headers with each request."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("load is only ever put on this machine's loopback")
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Connection(reader, writer, {"Host": parts.netloc, **(headers or {})})
    finally:
        writer.close()


_BOUNDARY = "-benchmark-"
FORM = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
"""The header of a form."""


def form(*parts: tuple[str, str, bytes]) -> bytes:
    """The body of a form, of the name, the file name (empty: it is no file) and the content of each part."""
    body = b""
    for name, file, content in parts:
        named = f'name="{name}"; filename="{file}"' if file else f'name="{name}"'
        body += f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + content + b"\r\n"
    return body + f"--{_BOUNDARY}--\r\n".encode()


def content_of(body: bytes, name: str) -> bytes:
    """The content of the part of such a form that has this name."""
    begin = body.index(b"\r\n\r\n", body.index(f'name="{name}"'.encode())) + 4
    return body[begin : body.index(f"\r\n--{_BOUNDARY}".encode(), begin)]


Call = Callable[[Connection], Awaitable[object]]
"""What a caller does once, over its own connection."""


async def time_call(call: Call, connection: Connection) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    await call(connection)
    return time.perf_counter() - begun


async def call_until(callers: Sequence[Connection], call: Call, end: float) -> list[float]:
    """Seconds of each call that these callers begin before `end` (of `time.perf_counter`), each one after the other."""

    async def caller(connection: Connection) -> list[float]:
        times = []
        while time.perf_counter() < end:
            times.append(await time_call(call, connection))
        return times

    return list(chain.from_iterable(await asyncio.gather(*map(caller, callers))))


async def get_repeatedly(url: str, headers: dict[str, str], connections: int, seconds: float) -> Load:
    """GET a URL on loopback over several connections for a bounded time. Raises Refused."""
    path = urlsplit(url).path
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def connection() -> None:
        async with open_connection(url, headers) as server:
            while (sent := time.perf_counter()) < end:
                await server.request("GET", path)
                latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*(connection() for _ in range(connections)))
    return Load(len(latencies) / seconds, latencies)
