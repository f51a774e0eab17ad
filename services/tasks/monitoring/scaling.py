"""How much work lanes have, for scaling the number of workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.store.queue import QueueStore, WorkReading

_READ_SECONDS = 1.0
"""How old a reading may be: several scalers ask at about the same time, each for several metrics."""


@dataclass(frozen=True, slots=True)
class Work:
    """The work of some lanes."""

    tasks: int
    """Tasks that wait for their turn or run. One that runs counts, or its worker would be taken away when it was the last to wait; one that
    waits for its retry does not until then. An account's tasks count only up to its limit: more workers do not help the others."""
    oldest_seconds: float
    """For how long the oldest of those that wait, and that no limit holds, has waited; 0 if none does."""


class Scaling:
    """Reads the work of lanes. Readings are shared by those who ask within a second."""

    def __init__(self, store: QueueStore, lanes: Sequence[str], max_running: int, clock: Clock) -> None:
        """`max_running`: tasks of an account that may run at once, unless it has a limit of its own."""
        self._store, self._lanes, self._max_running, self._clock = store, lanes, max_running, clock
        self._reading: WorkReading | None = None
        self._read_at = 0.0
        self._one_reads = asyncio.Lock()

    async def work(self, lanes: Collection[str]) -> Work:
        """The work of the lanes together. Raises FIELD_INVALID for one that does not exist, and UNAVAILABLE."""
        unknown = sorted(set(lanes) - set(self._lanes))
        if unknown or not lanes:
            problem = f"there is no lane {', '.join(unknown)}" if unknown else "names no lane"
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"lanes: {problem}", field="lanes", allowed=list(self._lanes))
        reading, now = await self._read(), self._clock()
        oldest = min((reading.oldest[lane] for lane in lanes if lane in reading.oldest), default=now)
        tasks = sum(reading.tasks.get(lane, 0) for lane in set(lanes))
        return Work(tasks, max(0.0, (now - oldest).total_seconds()))

    async def _read(self) -> WorkReading:
        async with self._one_reads:
            if self._reading is None or time.monotonic() - self._read_at >= _READ_SECONDS:
                self._reading = await self._store.work(self._max_running)
                self._read_at = time.monotonic()
            return self._reading
