"""Work on several frames at once, whose results keep their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar, cast

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


async def in_order(
    given: AsyncIterator[_Given], work: Callable[[_Given], Awaitable[_Made]], at_once: int, slots: asyncio.Semaphore | None = None
) -> AsyncGenerator[_Made, None]:
    """The results of `work` on each item, in the order of the items; it works on at most `at_once`, and keeps one more ready.

    `slots` bounds work that several of these share. Its end, also by an error of one item, cancels the work on the others, waits for that,
    and closes `given`. Raises what `given` and `work` raise.
    """
    slots = slots or asyncio.Semaphore(at_once)
    running: deque[asyncio.Task[_Made]] = deque()

    async def one(item: _Given) -> _Made:
        async with slots:
            return await work(item)

    async with _closed(given):
        try:
            async for item in given:
                running.append(asyncio.create_task(one(item)))
                if len(running) > at_once:
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _closed(given: AsyncIterator[Any]) -> aclosing[Any]:
    return aclosing(cast(Any, given))
