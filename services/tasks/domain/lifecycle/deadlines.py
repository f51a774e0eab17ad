"""Ends tasks whose deadline has passed, and attempts whose lease has. Any number of replicas may do so at once."""

from __future__ import annotations

from services.platform.bus import Bus
from services.platform.clock import Clock
from services.platform.errors import ErrorReason
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.notifications import Notifications, tell_worker
from services.tasks.store.tasks import TaskStore


class Reaper:
    """Ends attempts whose lease has expired."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def step(self) -> bool:
        """One round; True if there may be more to do at once."""
        return await self._attempts.reap(limit=_BATCH) == _BATCH


_BATCH = 100


class Deadlines:
    """Fails overdue tasks, whether queued, offered or running."""

    def __init__(self, store: TaskStore, bus: Bus, notifications: Notifications, clock: Clock) -> None:
        self._store, self._bus, self._notifications, self._clock = store, bus, notifications, clock

    async def step(self) -> bool:
        """End one batch; True if there may be more to do at once."""
        now = self._clock()
        overdue = await self._store.overdue(limit=_BATCH, now=now)
        for late in overdue:
            message = f"The task had not {'begun' if late.to_start else 'finished'} by its deadline."
            task = await self._store.expire(late.task_id, reason=ErrorReason.DEADLINE_EXCEEDED, message=message, now=now)
            if task is not None:
                self._notifications.notify_transition(task)
                await tell_worker(self._bus, task.id)
        return len(overdue) == _BATCH
