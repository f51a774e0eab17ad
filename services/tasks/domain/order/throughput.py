"""How fast a lane's workers take tasks. Every replica measures for itself, from the database, so that all of them see the whole lane."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime, timedelta

from services.platform.clock import Clock
from services.tasks.model.records import Flow
from services.tasks.store.order import OrderStore

# An observation this old counts 1/e of a current one: many times the duration of one task, yet short enough to follow workers coming and
# going.
_HORIZON = timedelta(minutes=2)


class RateMeter:
    """Tasks per second, measured while tasks waited for workers: a lane without demand says nothing about its workers' capacity.

    The ratio of two exponentially decaying sums, of tasks and of seconds: correct from the first interval on, and not distorted by tasks
    that last longer than an interval.
    """

    def __init__(self) -> None:
        self._tasks = self._seconds = 0.0
        self._last: tuple[Flow, datetime] | None = None

    def observe(self, flow: Flow, now: datetime) -> None:
        """Record the lane's counts at a moment."""
        if self._last is not None:
            before, then = self._last
            seconds = (now - then).total_seconds()
            if before.waiting and flow.waiting and seconds > 0:
                kept = math.exp(-seconds / _HORIZON.total_seconds())
                self._tasks = self._tasks * kept + flow.departed - before.departed
                self._seconds = self._seconds * kept + seconds
        self._last = (flow, now)

    @property
    def is_measuring(self) -> bool:
        """Whether tasks waited when it looked last."""
        return self._last is not None and self._last[0].waiting

    @property
    def rate(self) -> float | None:
        """Tasks per second; None until one has been taken while others waited."""
        return self._tasks / self._seconds if self._tasks > 0 else None


class Throughput:
    """A meter for each lane."""

    def __init__(self, store: OrderStore, lanes: Collection[str], clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._meters = {lane: RateMeter() for lane in lanes}

    async def step(self) -> bool:
        """Look at all lanes once."""
        for lane, flow in (await self._store.flows(self._meters)).items():
            self._meters[lane].observe(flow, self._clock())
        return False

    @property
    def is_measuring(self) -> bool:
        """Whether there is a lane to look at again: between two looks, only those at which tasks waited count."""
        return any(meter.is_measuring for meter in self._meters.values())

    def rate(self, lane: str) -> float | None:
        """How many tasks of a lane are taken per second. None while unknown."""
        return self._meters[lane].rate if lane in self._meters else None

    def wait(self, lane: str, position: int) -> timedelta | None:
        """How long until a task with `position` others before it begins. None while unknown."""
        rate = self.rate(lane)
        # A rate that has decayed to almost nothing gives an absurdly long time, which is as good as unknown.
        if rate is None or (seconds := (position + 1) / rate) > timedelta(days=365).total_seconds():
            return None
        return timedelta(seconds=seconds)
