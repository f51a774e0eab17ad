"""Tasks in the tasks database, as their owner reads and ends them. `now` comes from the caller."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.log import actor_values, audit_sql
from services.platform.errors import ErrorReason
from services.tasks.model import Task, TaskAttempt
from services.tasks.model.records import Overdue
from services.tasks.model.state import TaskState
from services.tasks.store.account_order import AccountOrderStore
from services.tasks.store.attempts import AttemptStore
from services.tasks.store.creation import CreationStore
from services.tasks.store.events import EventStore
from services.tasks.store.order import OrderStore
from services.tasks.store.parts import end_anywhere
from services.tasks.store.rows import attempt_of, first, task_of

CANCEL = end_anywhere("CANCELLED", audit_sql("moved", audit_pb2.AUDIT_ACTION_TASK_CANCELLED), guard="id = :id AND account_id = :account_id")
"""End a task of the account that has not ended."""

IS_LATE = "deadline <= :now AND (attempt = 0 OR deadline_to_start IS NOT TRUE)"
EXPIRE = end_anywhere("FAILED", guard=f"id = :id AND {IS_LATE}")
"""End a task that has not ended by its deadline, or not begun if the deadline is for that, wherever it is."""

OVERDUE = text(f"""
SELECT id, deadline_to_start IS TRUE AS to_start FROM task WHERE {IS_LATE} AND end_time IS NULL ORDER BY deadline LIMIT :limit
""")  # noqa: S608 - put together from constants
"""Tasks whose deadline has come; EXPIRE decides on each."""

DELETE = text(f"""
WITH gone AS (
  DELETE FROM task WHERE id = :id AND account_id = :account_id AND state IN ('SUCCEEDED', 'FAILED', 'CANCELLED') RETURNING id, account_id
),{audit_sql("gone", audit_pb2.AUDIT_ACTION_TASK_DELETED)}
SELECT id FROM gone
""")  # noqa: S608 - put together from constants
"""Delete an ended task of the account with its events and attempts."""

GET = text("SELECT * FROM task WHERE id = :id AND account_id = :account_id")
"""One task of the account."""

LIST = text("""
SELECT * FROM task
WHERE account_id = :account_id AND id < :before_id AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
  AND (CAST(:attempted AS boolean) IS NULL OR (attempt > 0) = :attempted)
ORDER BY id DESC
LIMIT :limit
""")
"""A page of the account's tasks, newest first, from a position that new tasks do not move."""

NEWER = text("""
SELECT * FROM task
WHERE account_id = :account_id AND id > :after_id AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
  AND (CAST(:attempted AS boolean) IS NULL OR (attempt > 0) = :attempted)
ORDER BY id
LIMIT :limit
""")
"""The page of the account's tasks that precedes a position in LIST, oldest first."""

ATTEMPTS = text("SELECT * FROM task_attempt WHERE task_id = :task_id ORDER BY attempt")
"""The history of a task's attempts."""


class TaskStore(CreationStore, AttemptStore, OrderStore, AccountOrderStore, EventStore):
    """Everything about tasks. A method that makes a transition returns the task after it, or None when its guard did not hold."""

    async def cancel(self, account_id: int, task_id: int, *, reason: ErrorReason, message: str, now: datetime) -> Task | None:
        """End the task as CANCELLED."""
        values = {"id": task_id, "account_id": account_id, "error_reason": reason.value, "error_message": message, "now": now}
        return await self._transition(CANCEL, values | actor_values())

    async def overdue(self, *, limit: int, now: datetime) -> list[Overdue]:
        """Up to `limit` tasks that have not ended, or not begun, by their deadline."""
        return [Overdue(row["id"], row["to_start"]) for row in await self._run(OVERDUE, {"limit": limit, "now": now})]

    async def expire(self, task_id: int, *, reason: ErrorReason, message: str, now: datetime) -> Task | None:
        """End an overdue task as FAILED."""
        values = {"id": task_id, "error_reason": reason.value, "error_message": message, "now": now}
        return await self._transition(EXPIRE, values)

    async def delete(self, account_id: int, task_id: int) -> bool:
        """Delete an ended task; False if the account has no such task."""
        return bool(await self._run(DELETE, {"id": task_id, "account_id": account_id, **actor_values()}))

    async def get(self, account_id: int, task_id: int) -> Task | None:
        return first(task_of, await self._run(GET, {"id": task_id, "account_id": account_id}))

    async def page(
        self, account_id: int, *, states: Collection[TaskState], attempted: bool | None = None, before_id: int, limit: int
    ) -> list[Task]:
        """The account's newest tasks below `before_id`; of any state if none is given; `attempted` selects those with or without an
        attempt."""
        values = {
            "account_id": account_id,
            "states": [state.value for state in states] or None,
            "attempted": attempted,
            "before_id": before_id,
            "limit": limit,
        }
        return [task_of(row) for row in await self._run(LIST, values)]

    async def newer(
        self, account_id: int, *, states: Collection[TaskState], attempted: bool | None = None, after_id: int, limit: int
    ) -> list[Task]:
        """The account's oldest tasks above `after_id`, oldest first; otherwise as `page`."""
        values = {
            "account_id": account_id,
            "states": [state.value for state in states] or None,
            "attempted": attempted,
            "after_id": after_id,
            "limit": limit,
        }
        return [task_of(row) for row in await self._run(NEWER, values)]

    async def attempts(self, task_id: int) -> Sequence[TaskAttempt]:
        """The history of a task's attempts, in order."""
        return [attempt_of(row) for row in await self._run(ATTEMPTS, {"task_id": task_id})]
