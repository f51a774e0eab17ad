"""Batching of concurrent calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.common.errors import DarkroomError, ErrorReason

# Calls in a batch after which the next keeps its full distance.
_MANY = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batched(Generic[Item, Result]):
    """Collects the items of concurrent calls while one batch is running, then runs them as the next batch.

    A lone call runs at once and by itself. Under load, batches grow with the time that one takes, up to `largest` items. The more calls a
    batch had, the later the next one begins, up to `spacing` seconds after it: many short calls then make few batches, and few calls hardly
    wait. `run` gets the items in the order of the calls and returns their results in the same order.

    `run` must do all or nothing. When it raises UNAVAILABLE, every call of the batch does. After any other error each item is run by
    itself, so that only the call at fault fails. Cancelling a call does not withdraw its item.

    An item that is run by itself has the context of its call, so log lines and traces belong to that call. A batch belongs to no call.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Result]]], largest: int, spacing: float = 0.0) -> None:
        self._run, self._largest, self._spacing = run, largest, spacing
        self._next_at = 0.0
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The result for one item."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        call = _Call(item, future, copy_context())
        self._waiting.append(call)
        if self._running is None:
            self._running = asyncio.create_task(self._run_all(), context=Context())
        return await future

    async def _run_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                if self._next_at > (now := loop.time()):
                    await asyncio.sleep(self._next_at - now)
                calls = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]
                self._next_at = loop.time() + self._spacing * min(1.0, (len(calls) - 1) / _MANY)
                await self._run_some(calls)
        finally:
            self._running = None

    async def _run_some(self, calls: Sequence[_Call[Item, Result]]) -> None:
        context = calls[0].context if len(calls) == 1 else Context()
        try:
            results = await asyncio.create_task(self._run([call.item for call in calls]), context=context)
        except Exception as error:  # noqa: BLE001 - handed on to the callers
            if len(calls) > 1 and not _unavailable(error):
                for call in calls:
                    await self._run_some([call])
                return
            for call in calls:
                if not call.future.done():
                    call.future.set_exception(error)
            return
        for call, result in zip(calls, results, strict=True):
            if not call.future.done():
                call.future.set_result(result)


@dataclass(frozen=True, slots=True)
class _Call(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]
    context: Context


def _unavailable(error: Exception) -> bool:
    return isinstance(error, DarkroomError) and error.reason is ErrorReason.UNAVAILABLE
