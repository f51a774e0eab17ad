"""Batches in the tasks database. How the end of a task changes its batch is part of the task's transitions, in `parts.py`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.log import actor_values, audit_sql
from services.platform.errors import ErrorReason
from services.tasks.model import Task
from services.tasks.model.records import BatchNow
from services.tasks.model.state import TaskState
from services.tasks.store.base import Store
from services.tasks.store.parts import end_anywhere
from services.tasks.store.rows import Row, batch_of, refusal_of, task_of

_NOW = """
SELECT batch.*, coalesce(now.queued, 0) AS queued, coalesce(now.running, 0) AS running,
  coalesce(now.progress, 0) AS progress, first.operations AS first_operations, first.input_names[1] AS first_input_name
FROM batch LEFT JOIN LATERAL (
  SELECT
    count(*) FILTER (WHERE state = 'QUEUED') AS queued,
    count(*) FILTER (WHERE state = 'RUNNING') AS running,
    sum(task.progress) AS progress
  FROM task WHERE task.batch_id = batch.id AND task.end_time IS NULL
) AS now ON batch.end_time IS NULL
LEFT JOIN LATERAL (
  SELECT operations, input_names FROM task WHERE task.batch_id = batch.id ORDER BY batch_index LIMIT 1
) AS first ON true
"""

GET = text(_NOW + "WHERE batch.id = :id AND batch.account_id = :account_id")
"""One batch of the account. Open tasks, at most 500, are counted by the query; ended ones have counters."""

LIST = text(_NOW + "WHERE batch.account_id = :account_id AND batch.id < :before_id ORDER BY batch.id DESC LIMIT :limit")
"""A page of the account's batches, newest first."""

TASKS = text("""
SELECT * FROM task
WHERE batch_id = :batch_id AND account_id = :account_id AND batch_index > :after_index
  AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
ORDER BY batch_index
LIMIT :limit
""")
"""Tasks of a batch, in the order of its items."""

DELETE = text(f"""
WITH gone AS (
  DELETE FROM batch WHERE id = :id AND account_id = :account_id AND end_time IS NOT NULL RETURNING id, account_id
),{audit_sql("gone", audit_pb2.AUDIT_ACTION_BATCH_DELETED)}
SELECT id FROM gone
""")  # noqa: S608 - put together from constants
"""Delete an ended batch with its tasks, their events and attempts."""

CANCEL_BATCH = end_anywhere(
    "CANCELLED",
    audit_sql("(SELECT DISTINCT account_id, batch_id FROM moved) AS of_batch", audit_pb2.AUDIT_ACTION_BATCH_CANCELLED, resource="batch_id"),
    guard="batch_id = :batch_id AND account_id = :account_id AND end_time IS NULL",
)
"""End every open task of a batch of the account."""


class BatchStore(Store):
    """Reads and guarded changes of whole batches."""

    async def get(self, account_id: int, batch_id: int) -> BatchNow | None:
        rows = await self._run(GET, {"id": batch_id, "account_id": account_id})
        return _batch(rows[0]) if rows else None

    async def page(self, account_id: int, *, before_id: int, limit: int) -> list[BatchNow]:
        """The account's newest batches below `before_id`."""
        rows = await self._run(LIST, {"account_id": account_id, "before_id": before_id, "limit": limit})
        return [_batch(row) for row in rows]

    async def tasks(
        self, account_id: int, batch_id: int, *, states: Collection[TaskState] = (), after_index: int = -1, limit: int
    ) -> list[Task]:
        """The batch's tasks after an item, in the order of the items; of any state if none is given."""
        values = {
            "account_id": account_id,
            "batch_id": batch_id,
            "states": [state.value for state in states] or None,
            "after_index": after_index,
            "limit": limit,
        }
        return [task_of(row) for row in await self._run(TASKS, values)]

    async def cancel(self, account_id: int, batch_id: int, *, reason: ErrorReason, message: str, now: datetime) -> list[Task]:
        """End every open task of the batch as CANCELLED. Returns the tasks that it ended."""
        values = {"batch_id": batch_id, "account_id": account_id, "error_reason": reason.value, "error_message": message, "now": now}
        return [task_of(row) for row in await self._run(CANCEL_BATCH, values | actor_values())]

    async def delete(self, account_id: int, batch_id: int) -> bool:
        """Delete an ended batch with its tasks; False if the account has no such batch."""
        return bool(await self._run(DELETE, {"id": batch_id, "account_id": account_id, **actor_values()}))


def _batch(row: Row) -> BatchNow:
    refusals = [refusal_of(refused) for refused in row["refused"]]
    return BatchNow(
        batch_of(row),
        row["queued"],
        row["running"],
        row["progress"],
        refusals,
        row["first_operations"] or (),
        row["first_input_name"] or "",
    )
