"""The lifecycle of a task while workers process it, and the ends that time brings: a lease that expires, a deadline that passes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.platform.bus import Bus
from services.platform.clock import Clock
from services.platform.errors import ErrorReason
from services.platform.joining import is_process_of
from services.tasks.domain.lifecycle.notifications import Notifications, tell_worker
from services.tasks.domain.lifecycle.retry import RetryPolicy
from services.tasks.model import Task
from services.tasks.model.records import Completion, Standing
from services.tasks.store.tasks import TaskStore


@dataclass(frozen=True, slots=True)
class AttemptRules:
    """The settings that govern attempts."""

    lease: timedelta
    heartbeat_interval: timedelta
    timeout: timedelta
    """How long an attempt may take in total."""
    progress_step: float
    retry: RetryPolicy


class Attempts:
    """Takes the reports of workers. A report about an attempt that is no longer current changes nothing."""

    def __init__(self, store: TaskStore, notifications: Notifications, rules: AttemptRules, clock: Clock) -> None:
        self._store, self._notifications, self._clock = store, notifications, clock
        self.rules = rules

    @property
    def first_lease(self) -> timedelta:
        """How long the lease of a new attempt lasts."""
        return min(self.rules.lease, self.rules.timeout)

    async def renew_leases(self, run_ids: Sequence[UUID]) -> Sequence[Task]:
        """The tasks that are RUNNING by these runs, each with a new lease."""
        return await self._store.renew_leases(run_ids, lease_until=self._clock() + self.rules.lease, timeout=self.rules.timeout)

    def is_last(self, task: Task) -> bool:
        """Whether the current attempt is the last one even if it fails for a temporary reason."""
        allowed = min(task.max_attempts, self.rules.retry.attempts_allowed(ErrorReason.UNAVAILABLE))
        return task.attempt - task.handed_back >= allowed

    async def held_by(self, joined: str, attempts: Collection[tuple[int, int]]) -> Collection[tuple[int, int]]:
        """Those of the attempts, by task and number, that a joined worker was given, by its full name. It may report about no others."""
        holders = await self._store.holders(attempts)
        return {one for one, name in holders.items() if is_process_of(joined, name)}

    async def heartbeat(self, task_id: int, attempt: int, progress: float, message: str) -> bool:
        """Renew the lease and record progress. False: the attempt must stop."""
        now = self._clock()
        lease_until = now + self.rules.lease
        task = await self._store.progress(
            task_id,
            attempt,
            progress=progress,
            message=message,
            step=self.rules.progress_step,
            lease_until=lease_until,
            timeout=self.rules.timeout,
            now=now,
        )
        if task is None:
            return await self._store.renew(task_id, attempt, lease_until=lease_until, timeout=self.rules.timeout)
        self._notifications.notify_event(task)
        return True

    async def complete(self, done: Sequence[Completion]) -> list[bool]:
        """End tasks as SUCCEEDED, all together or none. Returns whether each succeeded with this attempt, now or earlier."""
        tasks = await self._store.complete(done, now=self._clock())
        self._notifications.notify_transitions(task for task in tasks if task is not None)
        return [
            task is not None or await self._store.has_succeeded(one.task_id, one.attempt) for one, task in zip(done, tasks, strict=True)
        ]

    async def fail(
        self,
        task_id: int,
        attempt: int,
        reason: ErrorReason,
        message: str,
        not_before: timedelta = timedelta(),
        operation_bytes: Sequence[int] = (),
    ) -> bool:
        """End the attempt as failed: the task is QUEUED again if the failure may be temporary and attempts are left, else FAILED. The pause
        before the next attempt is at least `not_before`. `operation_bytes` is as in `Task`."""
        allowed = self.rules.retry.attempts_allowed(reason, passing=not_before > timedelta())
        return await self._fail(task_id, attempt, reason, message, allowed, not_before=not_before, operation_bytes=operation_bytes)

    async def hand_back(
        self, task_id: int, attempt: int, reason: ErrorReason, message: str, *, leased_until: datetime | None = None
    ) -> bool:
        """End the attempt because its worker is stopping: the task is QUEUED again at once, and the attempt counts towards no limit. With
        `leased_until`, only if that is still the end of its lease."""
        task = await self._store.hand_back(task_id, attempt, reason=reason, message=message, now=self._clock(), leased_until=leased_until)
        if task is None:
            return False
        self._notifications.notify_transition(task)
        return True

    async def reap(self, *, limit: int) -> int:
        """End up to `limit` attempts whose lease has expired, as `fail` does; those that have reported meanwhile continue. Returns the
        number of expired leases found."""
        now = self._clock()
        ended = await self._store.lost_attempts(timeout=self.rules.timeout, limit=limit, now=now)
        for one in ended:
            if one.timed_out:
                await self._time_out(one.task_id, one.attempt, now)
            else:
                await self._lose(one.task_id, one.attempt, now)
        return len(ended)

    async def standings(self, task_ids: Sequence[int]) -> Sequence[Standing]:
        """The state of tasks of any account; those that do not exist are left out."""
        return await self._store.lookup(task_ids)

    async def _time_out(self, task_id: int, attempt: int, now: datetime) -> None:
        reason = ErrorReason.UNAVAILABLE
        message = f"The attempt exceeded the limit of {self.rules.timeout.total_seconds():g} seconds."
        await self._fail(task_id, attempt, reason, message, self.rules.retry.attempts_allowed(reason), lease_ended_by=now)

    async def _lose(self, task_id: int, attempt: int, now: datetime) -> None:
        reason, message = ErrorReason.WORKER_LOST, "The worker running the task was lost."
        allowed = self.rules.retry.attempts_allowed(reason)
        lost = 1 + await self._store.lost_before(task_id, attempt)
        if lost >= self.rules.retry.max_lost_workers:
            # This task may be what kills the workers, and it must not reach the next one.
            allowed = 0
            message = f"{lost} workers running the task were lost, so it is not retried."
        await self._fail(task_id, attempt, reason, message, allowed, lease_ended_by=now)

    async def _fail(
        self,
        task_id: int,
        attempt: int,
        reason: ErrorReason,
        message: str,
        attempts_allowed: int,
        *,
        lease_ended_by: datetime | None = None,
        not_before: timedelta = timedelta(),
        operation_bytes: Sequence[int] = (),
    ) -> bool:
        now = self._clock()
        task = await self._store.fail(
            task_id,
            attempt,
            reason=reason,
            message=message,
            attempts_allowed=attempts_allowed,
            run_at=now + max(self.rules.retry.pause(attempt), not_before),
            now=now,
            lease_ended_by=lease_ended_by,
            operation_bytes=operation_bytes,
        )
        if task is None:
            return False
        self._notifications.notify_transition(task)
        return True


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
