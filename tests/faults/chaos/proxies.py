"""TCP proxies between parts, whose connections a test drops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Passes on connections to a port of loopback or to a Unix socket, in a thread of its own, at a port that stays the same when they are
    dropped."""

    def __init__(self, target: int | str) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{target}", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def drop(self) -> int:
        """Reset every connection that is open now, on both sides; how many there were."""
        return asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result()

    def close(self) -> None:
        """Pass on nothing any more."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.drop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _drop(self) -> int:
        dropped = list(self._writers)
        for writer in dropped:
            writer.transport.abort()
        return len(dropped) // 2

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if isinstance(self._target, str):
                onward, target = await asyncio.open_unix_connection(self._target)
            else:
                onward, target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # The part is down, and its client sees a connection that is.
            writer.transport.abort()
            return
        both = {writer, target}
        self._writers |= both
        try:
            await asyncio.gather(_pump(reader, target), _pump(onward, writer))
        finally:
            self._writers -= both
            for end in both:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except (ConnectionError, OSError):
        # A pipe has two ends: what one has lost, the other must not wait for.
        writer.transport.abort()


@contextmanager
def proxy_to(target: int | str) -> Iterator[Proxy]:
    """A proxy until the block ends."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
