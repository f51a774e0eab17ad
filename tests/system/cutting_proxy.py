"""An HTTP proxy between a client and the storage that breaks connections, and counts what passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_CHUNK = 16 * 1024


@dataclass
class CuttingProxy:
    """`cuts` are numbers of bytes, of either direction, after which the next connections are broken off."""

    url: str = ""
    cuts: list[int] = field(default_factory=list)
    connections: int = 0
    sent: int = 0
    received: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. The server understands a proxy's request line, so that bytes pass as they are."""
        self.connections += 1
        left = [self.cuts.pop(0)] if self.cuts else [1 << 60]
        head = await reader.readuntil(b"\r\n")
        target = urlsplit(head.split(b" ", 2)[1].decode())
        assert target.hostname
        upstream, server = await asyncio.open_connection(target.hostname, target.port)
        server.write(head)

        async def forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
            while (chunk := await source.read(_CHUNK)) and left[0] > 0:
                left[0] -= len(chunk)
                if up:
                    self.sent += len(chunk)
                else:
                    self.received += len(chunk)
                sink.write(chunk)
                await sink.drain()

        ways = [asyncio.ensure_future(forward(reader, server, up=True)), asyncio.ensure_future(forward(upstream, writer, up=False))]
        with contextlib.suppress(ConnectionError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.transport.abort()
        server.transport.abort()


@asynccontextmanager
async def cutting_proxy() -> AsyncIterator[CuttingProxy]:
    """A proxy that listens."""
    proxy = CuttingProxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield proxy
