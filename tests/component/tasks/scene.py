"""Tasks in a state that a test needs, brought there by the real transitions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.acceptance.admission import admit_task
from services.tasks.model import Task, TaskEvent
from services.tasks.model.records import Completion, CreditTerms, LostAttempt, NewTask, NewTasks, Slot
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock

ACCOUNT = 7_001
LEASE = timedelta(seconds=30)
DEADLINE = timedelta(hours=1)
TIMEOUT = timedelta(hours=1)
PRICE = 6000
UNLIMITED = CreditTerms(unlimited=True, multiplier_permille=1000)
ENFORCED = CreditTerms(unlimited=False, multiplier_permille=1000)


class Scene:
    """A store with shortcuts."""

    def __init__(self, store: TaskStore, clock: MovableClock) -> None:
        self.store, self.clock = store, clock
        self.terms = UNLIMITED

    async def create(self, *, max_open: int = 1000, **new: Any) -> Task:
        """A QUEUED task."""
        return await self._moved(await self.try_create(max_open=max_open, **new))

    async def try_create(self, *, max_open: int = 1000, **new: Any) -> Task | None:
        """A QUEUED task, if it is admitted."""
        try:
            [task] = await self.try_or_raise(max_open=max_open, **new)
        except DarkroomError:
            return None
        return task

    async def try_or_raise(self, *, max_open: int = 1000, call: IdempotentCall | None = None, **new: Any) -> list[Task]:
        """A QUEUED task; raises what refuses it."""
        tasks = await self.new(max_open=max_open, **new)
        return await self.store.create(tasks, partial(admit_task, tasks.tasks), terms=self.terms, now=self.clock(), call=call)

    async def new(
        self,
        *,
        account_id: int = ACCOUNT,
        lane: str = "system",
        priority: int = 0,
        price: int = PRICE,
        expected_outputs: int = 1,
        max_attempts: int = 5,
        webhook_url: str | None = None,
        max_open: int = 1000,
        max_pooled: int | None = None,
        surface: str = "",
        deadline_to_start: bool = False,
        inputs: Sequence[int] = (1, 2),
        destination: str = "",
    ) -> NewTasks:
        """What a task is created with."""
        task = NewTask(
            id=await self.store.next_id(),
            lane=lane,
            operations=[],
            input_file_ids=list(inputs),
            list_price_millicredits=price,
            expected_outputs=expected_outputs,
            destination=destination,
        )
        return NewTasks(
            account_id=account_id,
            tasks=[task],
            max_open=max_open,
            max_pooled=max_pooled,
            priority=priority,
            trace_id="trace",
            max_attempts=max_attempts,
            deadline=self.clock() + DEADLINE,
            deadline_to_start=deadline_to_start,
            webhook_url=webhook_url,
            surface=surface,
        )

    async def take(self, slots: int = 1000, lane: str = "system", *, max_running: int = 1000) -> list[Task]:
        """Start the lane's next tasks, in the order of their turns."""
        await self.store.make_due(lane, now=self.clock())
        free = [Slot(uuid.uuid4(), "worker") for _ in range(slots)]
        taken = await self.store.take(lane, free, max_running=max_running, lease_until=self.clock() + LEASE, now=self.clock())
        return list(taken.tasks)

    async def start(self, task: Task) -> Task | None:
        """Start a task, with all others of its lane whose turn it is; None if it cannot be started."""
        return next((taken for taken in await self.take(lane=task.lane) if taken.id == task.id), None)

    async def complete(
        self, task: Task, attempt: int = 1, outputs: tuple[int, ...] = (11,), *, copies: int = 0, unchanged: int = 0
    ) -> Task | None:
        done = Completion(task.id, attempt, outputs, copies, notices=[b""], unchanged=unchanged)
        [ended] = await self.store.complete([done], now=self.clock())
        return ended

    async def fail(
        self,
        task: Task,
        attempt: int = 1,
        *,
        reason: ErrorReason = ErrorReason.UNAVAILABLE,
        attempts_allowed: int = 5,
        run_at: datetime | None = None,
        lease_ended_by: datetime | None = None,
    ) -> Task | None:
        return await self.store.fail(
            task.id,
            attempt,
            reason=reason,
            message="It did not work.",
            attempts_allowed=attempts_allowed,
            run_at=run_at or self.clock(),
            now=self.clock(),
            lease_ended_by=lease_ended_by,
        )

    async def hand_back(self, task: Task, attempt: int = 1) -> Task | None:
        return await self.store.hand_back(task.id, attempt, reason=ErrorReason.UNAVAILABLE, message="Shut down.", now=self.clock())

    async def cancel(self, task: Task) -> Task | None:
        return await self.store.cancel(task.account_id, task.id, reason=ErrorReason.CANCELLED, message="Cancelled.", now=self.clock())

    async def expire(self, task: Task, *, early: timedelta = timedelta()) -> Task | None:
        """Look at the task when its deadline has come, or `early`."""
        assert task.deadline is not None
        return await self.store.expire(task.id, reason=ErrorReason.DEADLINE_EXCEEDED, message="Late.", now=task.deadline - early)

    async def progress(self, task: Task, progress: float, message: str = "", attempt: int = 1) -> Task | None:
        return await self.store.progress(
            task.id,
            attempt,
            progress=progress,
            message=message,
            step=0.01,
            lease_until=self.clock() + LEASE,
            timeout=TIMEOUT,
            now=self.clock(),
        )

    async def renew(self, task: Task, attempt: int = 1, *, timeout: timedelta = TIMEOUT) -> bool:
        return await self.store.renew(task.id, attempt, lease_until=self.clock() + LEASE, timeout=timeout)

    async def lost(self, timeout: timedelta = TIMEOUT) -> list[LostAttempt]:
        return await self.store.lost_attempts(timeout=timeout, limit=10, now=self.clock())

    async def running(self, **new: int) -> Task:
        """A RUNNING task, in its first attempt."""
        started = await self.start(await self.create(**new))
        assert started is not None
        return started

    async def in_state(self, state: TaskState) -> Task:
        """A task in any state."""
        task = await self.create()
        if state is TaskState.QUEUED:
            return task
        if state is TaskState.CANCELLED:
            return await self._moved(await self.cancel(task))
        started = await self._moved(await self.start(task))
        if state is TaskState.RUNNING:
            return started
        ended = await self.complete(task) if state is TaskState.SUCCEEDED else await self.fail(task, attempts_allowed=1)
        return await self._moved(ended)

    async def now(self, task: Task) -> Task:
        """The task as it is stored."""
        return await self._moved(await self.store.get(task.account_id, task.id))

    async def events(self, task: Task) -> list[TaskEvent]:
        """All its events."""
        return list(await self.store.events_after(task.id, 0, limit=1000))

    async def _moved(self, task: Task | None) -> Task:
        assert task is not None
        return task
