"""A small HTTP/1.1 load generator: keep-alive connections that send one request after another."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """The result of a run of load: replies per second, and the time of each in seconds."""

    per_second: float
    latencies: list[float]


async def get_repeatedly(url: str, headers: dict[str, str], connections: int, seconds: float) -> Load:
    """GET a URL on loopback over several connections for a bounded time. Raises if a reply is not 200."""
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("load is only ever put on this machine's loopback")
    lines = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while (sent := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode(errors="replace"))
            await _skip_body(reader, head.lower())
            latencies.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return Load(len(latencies) / seconds, latencies)


async def _skip_body(reader: asyncio.StreamReader, head: bytes) -> None:
    _, found, rest = head.partition(b"content-length:")
    if found:
        await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()
