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


class DueWorkFinder:
    """Looks with one statement for all loops of the service, so that an idle one makes few, whatever the number of its loops and lanes."""

    def __init__(self, store: DueStore, lanes: Collection[str], events_age: timedelta, clock: Clock) -> None:
        """`events_age`: as in `Relay`."""
        self._store, self._lanes, self._events_age, self._clock = store, lanes, events_age, clock
        self._told: list[tuple[float, Callable[[DueWork], None]]] = []
        self._at: list[float] = []

    def on_look(self, interval: float, tell: Callable[[DueWork], None]) -> None:
        """Call `tell` with what a look finds, at most once in `interval` seconds."""
        self._told.append((interval, tell))
        self._at.append(-math.inf)

    def loop(self) -> Loop:
        """The loop that looks, as often as the most frequent of `on_look` wants."""
        return Loop("due_work", min(interval for interval, _ in self._told), self.step)

    async def step(self) -> bool:
        """Look once; there is never more to do at once."""
        now = self._clock()
        due = await self._store.read(self._lanes, events_until=now - self._events_age, now=now)
        at = asyncio.get_running_loop().time()
        for number, (interval, tell) in enumerate(self._told):
            if at - self._at[number] >= interval * _EARLY:
                self._at[number] = at
                tell(due)
        return False
