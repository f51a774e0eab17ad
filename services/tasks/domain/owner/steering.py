"""What an account does with tasks that it has: run one again, delete one."""

from __future__ import annotations

from services.common.errors import DarkroomError, ErrorReason
from services.common.idempotency import IdempotentCall
from services.tasks.domain.creation.task_creation import TaskCreation, TaskRequest
from services.tasks.domain.owner.account_tasks import AccountTasks, task_not_found
from services.tasks.files_client import FilesClient
from services.tasks.store.models import Task
from services.tasks.store.tasks import TaskStore
from services.tasks.surfaces.native.messages import operations_of


class Steering:
    """Every method sees the account's own tasks only: another's is as good as none."""

    def __init__(self, store: TaskStore, files: FilesClient, tasks: AccountTasks, creation: TaskCreation, max_open: int) -> None:
        self._store, self._files, self._tasks, self._creation, self._max_open = store, files, tasks, creation, max_open

    async def rerun(
        self, account_id: int, task_id: int, *, field: str = "task_id", trace_id: str, idempotency: IdempotentCall | None
    ) -> Task:
        """A new task with the inputs, operations, priority and webhook URL of another, whatever became of that.

        Raises TASK_NOT_FOUND and the errors of a creation; they blame `field` for a file that is gone or not accepted any more.
        """
        task = await self._tasks.get(account_id, task_id)
        return await self._creation.create(
            TaskRequest(
                account_id=account_id,
                operations=operations_of(task),
                input_file_ids=task.input_file_ids,
                input_fields=[field] * len(task.input_file_ids),
                auxiliary_field=lambda _position, _operation, _auxiliary: field,
                priority=task.priority,
                webhook_url=task.webhook_url or "",
                max_open=self._max_open,
                trace_id=trace_id,
                idempotency=idempotency,
            )
        )

    async def delete(self, account_id: int, task_id: int) -> None:
        """Delete a task that has ended, with its outputs. Raises TASK_NOT_FOUND, TASK_NOT_TERMINAL and UNAVAILABLE."""
        task = await self._tasks.get(account_id, task_id)
        if not task.state.terminal:
            raise DarkroomError(
                ErrorReason.TASK_NOT_TERMINAL,
                f"The task has not ended: {task.state.value}. Cancel it first.",
                metadata={"state": task.state.value},
            )
        # The files first: if this process dies in between, the task is still there and can be deleted again.
        await self._files.delete_outputs(account_id, task_id, task.output_file_ids)
        if not await self._store.delete(account_id, task_id):
            raise task_not_found()
