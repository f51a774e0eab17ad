"""Wakes loops that have work which nothing in this process has woken them for: what other replicas have left, and what time brings."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from datetime import timedelta

from services.platform.clock import Clock
from services.platform.loop import Loop
from services.tasks.model.records import DueWork
from services.tasks.store.due import DueStore

IDLE_SECONDS = 60.0
"""Interval at which a loop that nothing wakes looks by itself."""
_EARLY = 0.9
"""The share of its interval after which a loop is woken again: looks are not exactly an interval apart."""
_QUIET_SECONDS = 10.0
_QUIET_TIMES = 4
"""By how much it looks less often once nothing has happened for that long."""


class DueWorkFinder:
    """Looks with one statement for all loops of the service, so that an idle one makes few, whatever the number of its loops and lanes.

    While nothing happens, neither here nor, as far as a look can tell, elsewhere, it looks a quarter as often: what happens in this
    process wakes its loops by itself, and other replicas announce what they leave.
    """

    def __init__(self, store: DueStore, lanes: Collection[str], events_age: timedelta, clock: Clock) -> None:
        """`events_age`: as in `Relay`."""
        self._store, self._lanes, self._events_age, self._clock = store, lanes, events_age, clock
        self._told: list[tuple[float, Callable[[DueWork], None]]] = []
        self._at: list[float] = []
        self._busy_at = math.inf
        self._loop: Loop | None = None

    def note_event(self) -> None:
        """Something has happened to a task."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._loop is not None and now - self._busy_at > _QUIET_SECONDS:
            loop.call_later(self._often, self._loop.wake)
        self._busy_at = now

    def on_look(self, interval: float, tell: Callable[[DueWork], None]) -> None:
        """Call `tell` with what a look finds, at most once in `interval` seconds."""
        self._told.append((interval, tell))
        self._at.append(-math.inf)

    def loop(self) -> Loop:
        """The loop that looks, as often as the most frequent of `on_look` wants."""
        self._loop = Loop("due_work", self._interval, self.step)
        return self._loop

    @property
    def _often(self) -> float:
        return min(interval for interval, _ in self._told)

    def _interval(self) -> float:
        is_quiet = asyncio.get_running_loop().time() - self._busy_at > _QUIET_SECONDS
        return self._often * _QUIET_TIMES if is_quiet else self._often

    async def step(self) -> bool:
        """Look once; there is never more to do at once."""
        at = asyncio.get_running_loop().time()
        now = self._clock()
        due = await self._store.read(self._lanes, events_until=now - self._events_age, now=now)
        if due.has_any or self._busy_at > at:
            self._busy_at = at
        for number, (interval, tell) in enumerate(self._told):
            if at - self._at[number] >= interval * _EARLY:
                self._at[number] = at
                tell(due)
        return False
