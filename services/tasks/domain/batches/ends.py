"""The ends of tasks in this process, for those who wait here for a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from services.tasks.model import Task
from services.tasks.model.records import OutgoingEvent


class Ends:
    """How many tasks of a batch have ended here since the counting began."""

    def __init__(self) -> None:
        self.count = 0
        self._awaited, self._reached = 0, asyncio.Event()

    def reaching(self, count: int) -> asyncio.Event:
        """Set once there have been so many."""
        self._awaited, self._reached = count, asyncio.Event()
        self._look()
        return self._reached

    def add(self) -> None:
        """Count one more."""
        self.count += 1
        self._look()

    def _look(self) -> None:
        if self.count >= self._awaited:
            self._reached.set()


class BatchEnds:
    """Counts for as many batches as are waited for."""

    def __init__(self) -> None:
        self._counting: dict[int, set[Ends]] = {}

    def ended(self, _: OutgoingEvent, task: Task) -> None:
        """Take note of a task's new event."""
        if task.batch_id is not None and task.state.terminal:
            for ends in self._counting.get(task.batch_id, ()):
                ends.add()

    @contextmanager
    def of(self, batch_id: int) -> Iterator[Ends]:
        """Count the ends of a batch's tasks inside the block."""
        ends = Ends()
        self._counting.setdefault(batch_id, set()).add(ends)
        try:
            yield ends
        finally:
            self._counting[batch_id].discard(ends)
            if not self._counting[batch_id]:
                del self._counting[batch_id]
