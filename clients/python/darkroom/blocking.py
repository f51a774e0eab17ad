"""The asynchronous client for programs without asyncio: an event loop in its own thread, and calls into it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from darkroom.backoff import Backoff
from darkroom.client import AsyncClient
from darkroom.connection import Server

Result = TypeVar("Result")
Core = TypeVar("Core")


class LoopThread:
    """An event loop that runs in its own thread. Any number of other threads may call it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="darkroom", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine and return what it returns. Ctrl-C cancels it."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("A callback must not call the client that called it.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncIterator[Result]) -> Generator[Result, None, None]:
        """The items of an asynchronous iterator, each fetched on demand."""
        done = object()

        async def following() -> Result | object:
            return await anext(items, done)

        try:
            while (item := self.run(following())) is not done:
                yield item  # type: ignore[misc]  # all but `done` are results
        finally:
            if not self._loop.is_closed():
                self.run(_close(items))

    def stop(self) -> None:
        """Stop the loop and its thread. Safe to call twice."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _close(items: AsyncIterator[object]) -> None:
    close: Callable[[], Awaitable[None]] | None = getattr(items, "aclose", None)
    if close is not None:
        await close()


class BlockingPart(Generic[Core]):
    """Base of classes whose methods call the methods of the same name of `core` in the loop."""

    def __init__(self, thread: LoopThread, core: Core) -> None:
        self._thread, self._core = thread, core


class BlockingClient(BlockingPart[AsyncClient]):
    """The blocking client's own actions: open and close the connections."""

    def __init__(self, url: str | None = None, api_key: str | None = None, *, backoff: Backoff | None = None) -> None:
        """Without arguments, finds the server as `Server.find` describes."""
        server = Server.find(url, api_key)
        thread = LoopThread()

        async def connect() -> AsyncClient:
            return AsyncClient(server.url, server.api_key, backoff=backoff)

        try:
            super().__init__(thread, thread.run(connect()))
        except BaseException:
            thread.stop()
            raise

    @property
    def server(self) -> Server:
        """The server and key in use."""
        return self._core.server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._thread.run(self._core.close())
        self._thread.stop()
