"""A small storage that breaks connections: what presigned URLs lead to, over plain HTTP/1.1."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Storage:
    """Holds objects by path. `cuts` are numbers of body bytes after which the next connections are broken off."""

    objects: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Status lines with headers that the next requests are answered with."""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Range of each request."""
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = {name.lower(): value for name, value in re.findall(r"^([\w-]+): (.*?)\r$", head, re.MULTILINE)}
        self.requests.append((method, path, headers.get("range", "")))
        cut = self.cuts.pop(0) if self.cuts else None
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            await reader.readexactly(int(headers.get("content-length", 0)))
            writer.write(f"HTTP/1.1 {refusal}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        elif method == "PUT":
            await self._put(path, int(headers["content-length"]), cut, reader, writer)
        else:
            self._get(path, headers, cut, writer)
        await writer.drain()
        writer.close()

    async def _put(self, path: str, size: int, cut: int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if cut is not None:
            await reader.readexactly(cut)
            writer.transport.abort()
            return
        body = await reader.readexactly(size)
        self.objects[path] = body
        etag = hashlib.md5(body).hexdigest()
        writer.write(f'HTTP/1.1 200 OK\r\netag: "{etag}"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'.encode())

    def _get(self, path: str, headers: dict[str, str], cut: int | None, writer: asyncio.StreamWriter) -> None:
        body = self.objects[path]
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        start = int(headers["range"].removeprefix("bytes=").removesuffix("-")) if headers.get("if-range") == etag else 0
        status = "206 Partial Content" if start else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\netag: {etag}\r\ncontent-length: {len(body) - start}\r\nconnection: close\r\n\r\n".encode())
        writer.write(body[start:] if cut is None else body[start : start + cut])


@asynccontextmanager
async def storage() -> AsyncIterator[Storage]:
    """A storage that listens."""
    store = Storage()
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0, limit=1 << 24)
    store.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield store
