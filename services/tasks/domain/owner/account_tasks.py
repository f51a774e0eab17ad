"""An account's view of its tasks: look up, list, cancel, run again, delete."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from services.platform.bus import Bus
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.later import later_inputs_of
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.lifecycle.notifications import Notifications, tell_worker
from services.tasks.domain.order.account_order import AccountOrder
from services.tasks.domain.order.throughput import Throughput
from services.tasks.domain.order.waiting import Waiting, WaitingFor
from services.tasks.domain.pages import FIRST_PAGE, before_id, page_token
from services.tasks.domain.plan import operations_of
from services.tasks.files_client import FilesClient
from services.tasks.model import Task, TaskAttempt, TaskEvent
from services.tasks.model.deletion import Deletion
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore

_DEFAULT_PAGE = 100
_TIMELINE_CHANGES, _TIMELINE_PROGRESS = 500, 100


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Part of a list."""

    tasks: list[Task]
    next_page_token: str
    """Empty at the end."""


@dataclass(frozen=True, slots=True)
class TaskStretch:
    """Part of a list, on one side of a task."""

    tasks: list[Task]
    more: bool
    """Whether the list goes on in that direction."""


@dataclass(frozen=True, slots=True)
class Details:
    """The account's view of one task besides the task itself. It is read slightly later."""

    queue_position: int | None
    estimated_wait: timedelta | None
    waiting_for: WaitingFor | None
    attempts: Sequence[TaskAttempt]


class AccountTasks:
    """Every method sees only the account's own tasks; those of other accounts do not exist for it."""

    def __init__(
        self,
        store: TaskStore,
        throughput: Throughput,
        waiting: Waiting,
        acceptance: Acceptance,
        files: FilesClient,
        bus: Bus,
        notifications: Notifications,
        clock: Clock,
    ) -> None:
        self._store, self._throughput, self._acceptance, self._files = store, throughput, acceptance, files
        self._waiting, self._bus, self._notifications, self._clock = waiting, bus, notifications, clock
        self._order = AccountOrder(store)

    async def get(self, account_id: int, task_id: int) -> Task:
        """One task. Raises TASK_NOT_FOUND."""
        return await find_task(self._store, account_id, task_id)

    async def details(self, task: Task) -> Details:
        """The task's place in the queue and its attempts."""
        waits = task.state is TaskState.QUEUED
        position = await self._order.place(task) if waits else None
        waiting_for = self.waiting_for(task)
        moves = position is not None and waiting_for is None
        return Details(
            queue_position=position,
            estimated_wait=self._throughput.wait(task.lane, position) if moves and position is not None else None,
            waiting_for=waiting_for,
            attempts=await self._store.attempts(task.id) if task.attempt else [],
        )

    def waiting_for(self, task: Task) -> WaitingFor | None:
        """The reason that a task waits, apart from its turn; None if it does not wait, or waits for its turn alone."""
        return self._waiting.of(task)

    async def waiting(self, account_id: int, lane: str) -> int:
        """How many of the account's tasks wait for a worker of a lane."""
        return await self._store.waiting(account_id, lane)

    async def queue_position(self, task: Task) -> int:
        """How many of the account's own tasks go before a task in its lane: 0 if it is next, runs or has ended.

        One statement that reads a bounded part of an index, however many wait; a place beyond the first thousand may be as old as
        `AccountOrder` says.
        """
        return await self._order.position(task)

    async def page(
        self, account_id: int, *, states: Collection[TaskState], attempted: bool | None = None, size: int, token: str
    ) -> TaskPage:
        """`size` tasks (0: 100), newest first, of any state if none is given. Raises FIELD_INVALID for a token it did not make.

        `attempted`: only tasks that have been attempted, or only those that have not.
        """
        size = size or _DEFAULT_PAGE
        tasks = await self._store.page(account_id, states=states, attempted=attempted, before_id=before_id(token), limit=size + 1)
        more = len(tasks) > size
        return TaskPage(tasks[:size], page_token(tasks[size - 1].id) if more else "")

    async def older(
        self, account_id: int, *, states: Collection[TaskState], attempted: bool | None = None, than: int | None, size: int
    ) -> TaskStretch:
        """The `size` tasks that follow the task `than` in the list, or the first ones; newest first, selected as by `page`. The task itself
        need not exist."""
        below = FIRST_PAGE if than is None else than
        tasks = await self._store.page(account_id, states=states, attempted=attempted, before_id=below, limit=size + 1)
        return TaskStretch(tasks[:size], len(tasks) > size)

    async def newer(
        self, account_id: int, *, states: Collection[TaskState], attempted: bool | None = None, than: int, size: int
    ) -> TaskStretch:
        """The `size` tasks that precede the task `than` in the list, as `older`."""
        tasks = await self._store.newer(account_id, states=states, attempted=attempted, after_id=than, limit=size + 1)
        return TaskStretch(tasks[size - 1 :: -1], len(tasks) > size)

    async def events(self, task: Task, *, after: int = 0, limit: int) -> Sequence[TaskEvent]:
        """The task's first `limit` events after a number. Some time after its end only the last event is left."""
        return await self._store.events_after(task.id, after, limit=limit)

    async def timeline(self, task: Task) -> Sequence[TaskEvent]:
        """The history of the task, in order: its newest 500 changes of state or attempt, and at most 100 events of progress, evenly
        chosen. Some time after its end only the last event is left."""
        return await self._store.timeline(task.id, changes=_TIMELINE_CHANGES, progress=_TIMELINE_PROGRESS)

    async def cancel(self, account_id: int, task_id: int) -> Task:
        """End a task: the row at once, its worker at its next step. Raises TASK_NOT_FOUND and TASK_ALREADY_TERMINAL."""
        task = await self._store.cancel(
            account_id, task_id, reason=ErrorReason.CANCELLED, message="Cancelled by its owner.", now=self._clock()
        )
        if task is None:
            ended = await self.get(account_id, task_id)
            raise DarkroomError(
                ErrorReason.TASK_ALREADY_TERMINAL,
                f"The task has already ended: {ended.state.value}.",
                metadata={"state": ended.state.value},
            )
        self._notifications.notify_transition(task)
        await tell_worker(self._bus, task.id)
        return task

    async def run_again(
        self,
        account_id: int,
        task_id: int,
        *,
        field: str = "task_id",
        max_pooled: int | None = None,
        trace_id: str,
        idempotency: IdempotentCall | None,
    ) -> Task:
        """A new task with the inputs, operations, priority, destination and webhook URL of another, however that one ended, and with what
        the API that created that one keeps of its request. Inputs that were not fetched are fetched by the worker.

        Raises TASK_NOT_FOUND and the errors of a creation; they blame `field` for a file that is gone or no longer accepted, and for a
        destination.
        """
        task = await self.get(account_id, task_id)
        return await self._acceptance.create(
            TaskRequest(
                account_id=account_id,
                operations=operations_of(task),
                input_file_ids=task.input_file_ids,
                input_fields=[field] * len(task.input_file_ids),
                later_inputs=[replace(later, field=field) for later in later_inputs_of(task)],
                auxiliary_field=lambda _position, _operation, _auxiliary: field,
                priority=task.priority,
                webhook_url=task.webhook_url or "",
                max_pooled=max_pooled,
                trace_id=trace_id,
                idempotency=idempotency,
                surface=task.surface,
                client_request=task.client_request,
                destination=task.destination,
                destination_field=field,
            )
        )

    async def delete(self, account_id: int, task_id: int) -> None:
        """Delete a task that has ended, with its outputs. Raises TASK_NOT_FOUND, TASK_NOT_TERMINAL and UNAVAILABLE."""
        task = await self.get(account_id, task_id)
        if not task.state.terminal:
            raise DarkroomError(
                ErrorReason.TASK_NOT_TERMINAL,
                f"The task has not ended: {task.state.value}. Cancel it first.",
                metadata={"state": task.state.value},
            )
        # Files first: if this process dies in between, the task still exists and can be deleted again.
        await self._files.delete_outputs(account_id, task_id, task.output_file_ids)
        if not await self._store.delete(account_id, task_id):
            raise task_not_found()
        self._notifications.notify_deletion(account_id, Deletion(task_id=task_id))


def task_not_found() -> DarkroomError:
    """The same error for a task that does not exist and for one of another account."""
    return DarkroomError(ErrorReason.TASK_NOT_FOUND, "No such task.")


async def find_task(store: TaskStore, account_id: int, task_id: int) -> Task:
    """A task of the account. Raises TASK_NOT_FOUND."""
    task = await store.get(account_id, task_id)
    if task is None:
        raise task_not_found()
    return task
