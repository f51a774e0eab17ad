"""Calling the model server from a thread that works for a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import wait
from typing import TypeVar

_Result = TypeVar("_Result")
_POLL_SECONDS = 0.2


def result_of(awaitable: Awaitable[_Result], loop: asyncio.AbstractEventLoop, check: Callable[[], None]) -> _Result:
    """Await something in `loop` and return its result, or raise; for other threads than the loop's, since it blocks the caller.

    `check` is called while waiting, and if it raises, the awaitable is cancelled. The awaitable must not need a thread of a pool whose
    threads may all be waiting here.
    """

    async def run() -> _Result:
        return await awaitable

    future = asyncio.run_coroutine_threadsafe(run(), loop)
    try:
        while not future.done():
            check()
            wait([future], _POLL_SECONDS)
    except BaseException:
        future.cancel()
        raise
    return future.result()
