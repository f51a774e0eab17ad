"""The life of a service's process: one event loop, ended by SIGTERM or SIGINT, closing in reverse order."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from services.platform.freed_memory import OF_MESSAGES, give_freed_memory_back, keep_freed_memory

_CANCEL_AGAIN_SECONDS = 5.0
_STARTED_SECONDS = 10.0
"""After so long a process has opened what it needs."""


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main(stop)` in an event loop; `stop` is set by SIGTERM or SIGINT."""

    keep_freed_memory(OF_MESSAGES)
    # Each call that waits has a connection of the edge's to itself.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    async def supervise() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        # Freed memory of the start would stay with the process for good.
        loop.call_later(_STARTED_SECONDS, give_freed_memory_back)
        await main(stop)

    uvloop.run(supervise())


@asynccontextmanager
async def background(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines alongside the block and cancel them when it ends. One that ends with an error ends the block with it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in coroutines]
        try:
            yield
        finally:
            await end(*tasks)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended.

    One that has not ended after five seconds is cancelled again: Python 3.11's `wait_for`, which nats-py uses, ignores a cancellation that
    arrives together with what it waits for.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_SECONDS)
