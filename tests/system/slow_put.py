"""PUTs to upload URLs whose bytes come when a test says so."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class SlowPut:
    """A PUT that has begun."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self) -> tuple[int, str]:
        """The status, and the reason of a refusal."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = re.search(r"content-length: (\d+)", head)
            body = await self.reader.readexactly(int(length[1]) if length else 0)
        return int(head.split()[1]), json.loads(body)["error"]["reason"] if body.startswith(b"{") else ""


@asynccontextmanager
async def begun(url: str, size: int, content: bytes = b"") -> AsyncIterator[SlowPut]:
    """A PUT of `size` bytes that has begun with `content`; its connection is closed at the end of the block."""
    where = httpx.URL(url)
    reader, writer = await asyncio.open_connection(where.host, where.port)
    put = SlowPut(reader, writer)
    try:
        await put.send(f"PUT {where.raw_path.decode()} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n".encode() + content)
        yield put
    finally:
        writer.close()
