"""An account's view of its tasks: look up, list, cancel."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from services.common.bus import Bus
from services.common.errors import DarkroomError, ErrorReason
from services.tasks.domain.clock import Clock
from services.tasks.domain.lifecycle.cancellations import tell_worker
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.owner.pages import before_id, page_token
from services.tasks.domain.state import TaskState
from services.tasks.store.models import Task
from services.tasks.store.tasks import TaskStore

_DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Part of a list."""

    tasks: list[Task]
    next_page_token: str
    """Empty at the end."""


class AccountTasks:
    """Every method sees the account's own tasks only: another's is as good as none."""

    def __init__(self, store: TaskStore, bus: Bus, notifications: Notifications, clock: Clock) -> None:
        self._store, self._bus, self._notifications, self._clock = store, bus, notifications, clock

    async def get(self, account_id: int, task_id: int) -> Task:
        """One task. Raises TASK_NOT_FOUND."""
        task = await self._store.get(account_id, task_id)
        if task is None:
            raise task_not_found()
        return task

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
        self._notifications.changed(task)
        await tell_worker(self._bus, task.id)
        return task


def task_not_found() -> DarkroomError:
    """The one error for a task that does not exist and for one of another account."""
    return DarkroomError(ErrorReason.TASK_NOT_FOUND, "No such task.")
