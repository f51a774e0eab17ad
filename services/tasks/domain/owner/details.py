"""What is told about one task beyond its row: its place in the queue and its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.tasks.domain.order.throughput import Throughput
from services.tasks.domain.state import TaskState
from services.tasks.store.models import Task, TaskAttempt
from services.tasks.store.tasks import TaskStore


@dataclass(frozen=True, slots=True)
class Details:
    """See `darkroom.tasks.v1.Task`, whose fields have these names."""

    queue_position: int | None
    estimated_wait: timedelta | None
    attempts: Sequence[TaskAttempt]


class TaskDetails:
    """Finds the details of a task."""

    def __init__(self, store: TaskStore, throughput: Throughput) -> None:
        self._store, self._throughput = store, throughput

    async def of(self, task: Task) -> Details:
        """As they are now, which may be a moment later than the row was read."""
        waits = task.state in (TaskState.QUEUED, TaskState.DISPATCHED)
        position = await self._store.place(task.id) if waits else None
        return Details(
            queue_position=position,
            estimated_wait=self._throughput.wait(task.lane, position) if position is not None else None,
            attempts=await self._store.attempts(task.id) if task.attempt else [],
        )
