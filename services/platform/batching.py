"""Batching of concurrent calls."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.platform.errors import DarkroomError, ErrorReason

# Calls in a batch after which the next may wait for the whole spacing.
_MANY = 5
# How much less each batch counts than the one after it.
_FADING = 0.9
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects the items of concurrent calls while one batch is running, then runs them as the next batch.

    A lone call runs at once and by itself. Under load, batches grow with the time that one takes, up to `largest` items, and callers who
    call again when they have their answers come together: a batch waits for as many calls as the ones before it had, and as came while
    the last one ran, but begins `spacing` seconds after that at the latest, sooner the fewer calls are expected. Many short calls then make
    few batches, and few calls hardly wait. `run` gets the items in the order of the calls and returns their results in the same order.

    `run` must do all or nothing. When it raises UNAVAILABLE, every call of the batch does. After any other error each item is run by
    itself, so that only the call at fault fails. Cancelling a call does not withdraw its item.

    An item that is run by itself has the context of its call, so log lines and traces belong to that call. A batch belongs to no call.
    """

    def __init__(self, run: Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Result]]], largest: int, spacing: float = 0.0) -> None:
        self._run, self._largest, self._spacing = run, largest, spacing
        self._expected = 0.0
        self._latest = -math.inf
        self._enough = asyncio.Event()
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        call = _Call(item, future, copy_context())
        self._waiting.append(call)
        if len(self._waiting) >= self._expected:
            self._enough.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run_all(), context=Context())
        return await future

    async def _run_all(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                calls = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]
                self._expect(len(calls))
                await self._run_some(calls)
                self._expect_also(len(calls) + len(self._waiting))
        finally:
            self._running = None

    async def _gather(self) -> None:
        """Wait until as many calls wait as are expected, or it is time."""
        if len(self._waiting) >= self._expected or asyncio.get_running_loop().time() >= self._latest:
            return
        self._enough.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._latest):
                await self._enough.wait()

    def _expect(self, count: int) -> None:
        """Expect the next batch to be like this one, or like those before it if they were just before."""
        now = asyncio.get_running_loop().time()
        before = self._expected * _FADING if now < self._latest + self._spacing else 0.0
        self._expected = max(float(count), before)
        self._latest = now + self._pause()

    def _expect_also(self, count: int) -> None:
        """Expect those who have their answers to call again, and to be joined by those who wait already."""
        latest = self._latest - self._pause()
        self._expected = max(self._expected, float(min(count, self._largest)))
        self._latest = latest + self._pause()

    def _pause(self) -> float:
        """Seconds from a batch to the next one at the latest."""
        return self._spacing * min(1.0, (self._expected - 1) / (_MANY - 1))

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
