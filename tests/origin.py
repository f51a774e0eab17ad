"""A web server on loopback from which files are fetched, well-behaved or not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What is sent, as it is; or what sends it."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]


class Origin:
    """Answers each path with what `pages` hold; a path of theirs may be changed at any time."""

    def __init__(self, pages: Mapping[str, Answer] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Answer] = dict(pages or {})
        self.requests: list[Asked] = []
        self._tls = tls
        self._answering: set[asyncio.Task[None] | None] = set()

    async def __aenter__(self) -> Origin:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for answering in self._answering:
            if answering is not None:
                answering.cancel()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The URL of a path."""
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._answering.add(asyncio.current_task())
        try:
            line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            path = line.split(" ")[1]
            self.requests.append(Asked(path, {name.lower(): value for name, _, value in (header.partition(": ") for header in rest)}))
            answer = self.pages.get(path.partition("?")[0], response(b"", "404 Not Found"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._answering.discard(asyncio.current_task())
            with suppress(ConnectionError):
                writer.close()


def response(body: bytes, status: str = "200 OK", length: int | None = None, **headers: str) -> bytes:
    """A whole answer. `length` is what it claims to be; headers have _ for -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    """An answer that leads on."""
    return response(b"", status, Location=to)
