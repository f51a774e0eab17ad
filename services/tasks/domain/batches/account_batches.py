"""An account's view of its batches: look up, wait, list, cancel, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.platform.bus import Bus
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.revocations import Revocations, Watcher
from services.tasks.domain.lifecycle.notifications import Notifications, tell_worker
from services.tasks.domain.owner.account_tasks import TaskPage
from services.tasks.domain.pages import Listing, before_id, page_token
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.deletion import Deletion
from services.tasks.model.records import BatchNow, OutgoingEvent
from services.tasks.model.state import TaskState
from services.tasks.store.batches import BatchStore


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

    def on_event(self, _: OutgoingEvent, task: Task) -> None:
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


_DEFAULT_PAGE = 20
_DEFAULT_TASKS = 100
# For ends in other replicas: reading one row by its key is cheaper than receiving every event of 500 tasks.
_LOOK_SECONDS = 0.25
_DELETIONS = 16


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Part of a list."""

    batches: list[BatchNow]
    next_page_token: str
    """Empty at the end."""


class AccountBatches:
    """Every method sees only the account's own batches; those of other accounts do not exist for it. Setting `stopping` ends waits."""

    def __init__(
        self,
        store: BatchStore,
        files: FilesClient,
        bus: Bus,
        notifications: Notifications,
        revocations: Revocations,
        clock: Clock,
        stopping: asyncio.Event,
    ) -> None:
        self._store, self._files, self._bus, self._notifications = store, files, bus, notifications
        self._ends = BatchEnds()
        notifications.on_event(self._ends.on_event)
        self._revocations, self._clock, self._stopping = revocations, clock, stopping

    async def get(self, account_id: int, batch_id: int) -> BatchNow:
        """One batch. Raises BATCH_NOT_FOUND."""
        batch = await self._store.get(account_id, batch_id)
        if batch is None:
            raise batch_not_found()
        return batch

    async def wait(self, identity: Identity, batch_id: int, seconds: int) -> BatchNow:
        """The batch once all its tasks have ended, or its state after `seconds`. The wait also ends when this process stops. Raises
        BATCH_NOT_FOUND, and what `Watcher.check` does when the key is revoked or refreshed meanwhile."""
        until = asyncio.get_running_loop().time() + seconds
        async with self._revocations.watching(identity) as watcher:
            with self._ends.of(batch_id) as ends:
                while True:
                    # One that is counted although the row has it already only leads to another look.
                    before = ends.count
                    batch = await self.get(identity.account_id, batch_id)
                    left = until - asyncio.get_running_loop().time()
                    if batch.batch.end_time is not None or left <= 0 or self._stopping.is_set():
                        return batch
                    all_ended = ends.reaching(before + max(1, batch.batch.open))
                    await _first_of(watcher, self._stopping, all_ended, seconds=min(_LOOK_SECONDS, left))
                    watcher.check()

    async def page(self, account_id: int, *, size: int, token: str) -> BatchPage:
        """`size` batches (0: 20), newest first. Raises FIELD_INVALID for a token it did not make."""
        size = size or _DEFAULT_PAGE
        batches = await self._store.page(account_id, before_id=before_id(token, Listing.BATCHES), limit=size + 1)
        more = len(batches) > size
        return BatchPage(batches[:size], page_token(batches[size - 1].batch.id, Listing.BATCHES) if more else "")

    async def tasks(self, account_id: int, batch_id: int, *, states: Collection[TaskState], size: int, token: str) -> TaskPage:
        """`size` tasks (0: 100) of a batch, in the order of its items. Raises BATCH_NOT_FOUND, and FIELD_INVALID for a token it did not
        make."""
        await self.get(account_id, batch_id)
        size = size or _DEFAULT_TASKS
        after = before_id(token, Listing.BATCH_TASKS) if token else -1
        tasks = await self._store.tasks(account_id, batch_id, states=states, after_index=after, limit=size + 1)
        more = len(tasks) > size
        return TaskPage(tasks[:size], page_token(tasks[size - 1].batch_index or 0, Listing.BATCH_TASKS) if more else "")

    async def cancel(self, account_id: int, batch_id: int) -> BatchNow:
        """End every task that has not ended: the rows at once, the workers at their next step. Raises BATCH_NOT_FOUND and
        TASK_ALREADY_TERMINAL."""
        await self.get(account_id, batch_id)
        cancelled = await self._store.cancel(
            account_id, batch_id, reason=ErrorReason.CANCELLED, message="Cancelled by its owner, with its batch.", now=self._clock()
        )
        if not cancelled:
            raise DarkroomError(ErrorReason.TASK_ALREADY_TERMINAL, "Every task of the batch has already ended.")
        for task in cancelled:
            self._notifications.notify_transition(task)
            if task.attempt > 0:
                await tell_worker(self._bus, task.id)
        return await self.get(account_id, batch_id)

    async def delete(self, account_id: int, batch_id: int) -> None:
        """Delete an ended batch with its tasks and their outputs. Raises BATCH_NOT_FOUND, TASK_NOT_TERMINAL and UNAVAILABLE."""
        batch = await self.get(account_id, batch_id)
        if batch.batch.end_time is None:
            raise DarkroomError(ErrorReason.TASK_NOT_TERMINAL, f"{batch.batch.open} tasks of the batch have not ended. Cancel it first.")
        # Files first: if this process dies in between, the batch still exists and can be deleted again.
        slots = asyncio.Semaphore(_DELETIONS)

        async def delete_outputs(task: Task) -> None:
            async with slots:
                await self._files.delete_outputs(account_id, task.id, task.output_file_ids)

        tasks = await self._store.tasks(account_id, batch_id, limit=batch.batch.task_count)
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(delete_outputs(task))
        if not await self._store.delete(account_id, batch_id):
            raise batch_not_found()
        self._notifications.notify_deletion(account_id, Deletion(batch_id=batch_id))


def batch_not_found() -> DarkroomError:
    """The same error for a batch that does not exist and for one of another account."""
    return DarkroomError(ErrorReason.BATCH_NOT_FOUND, "No such batch.")


async def _first_of(*events: asyncio.Event | Watcher, seconds: float) -> None:
    """Wait for one of the events, up to the given time."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
