"""The changes in accounts, for those who watch all tasks of one.

The moment of a change is taken before its statement begins, so changes may become visible in another order than that of their moments.
A caller that asks for changes since a moment asks for some time more, and recognises repeated events by their numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.actions import action_text
from services.tasks.model import Task
from services.tasks.model.deletion import Deletion
from services.tasks.store.base import Store
from services.tasks.store.rows import task_of

RECENT = text("""
SELECT watched.account_id, recent.id, recent.last_sequence
FROM unnest(CAST(:account_ids AS bigint[])) AS watched (account_id) CROSS JOIN LATERAL (
  SELECT id, last_sequence FROM task
  WHERE task.account_id = watched.account_id AND update_time > :since
  ORDER BY update_time DESC
  LIMIT :limit
) AS recent
""")
"""The newest changes of each of some accounts: of an idle one, a look at an index."""

CHANGED = text("""
SELECT * FROM task
WHERE account_id = :account_id AND update_time > :since AND (CAST(:batch_id AS bigint) IS NULL OR batch_id = :batch_id)
ORDER BY update_time, id
LIMIT :limit
""")
"""The tasks of an account that have changed since a moment, in the order of their last changes."""

GET_SEVERAL = text("SELECT * FROM task WHERE id = ANY(CAST(:task_ids AS bigint[])) AND account_id = :account_id")
"""Some tasks of an account."""

_TASK, _BATCH = action_text(audit_pb2.AUDIT_ACTION_TASK_DELETED), action_text(audit_pb2.AUDIT_ACTION_BATCH_DELETED)
DELETED = text(f"""
SELECT account_id, action, resource_id FROM audit
WHERE account_id = ANY(CAST(:account_ids AS bigint[])) AND time > :since AND action IN ('{_TASK}', '{_BATCH}')
ORDER BY time, id
LIMIT :limit
""")  # noqa: S608 - put together from constants
"""The deletions in some accounts since a moment, which the audit log remembers."""


class ChangeStore(Store):
    """Reads changes."""

    async def recent(self, account_ids: Collection[int], since: datetime, *, limit: int) -> dict[int, dict[int, int]]:
        """By account and task, the number of the last event of the tasks that have changed since a moment; the newest `limit` of each
        account."""
        found: dict[int, dict[int, int]] = {account_id: {} for account_id in account_ids}
        for row in await self._run(RECENT, {"account_ids": list(account_ids), "since": since, "limit": limit}):
            found[row["account_id"]][row["id"]] = row["last_sequence"]
        return found

    async def changed_tasks(self, account_id: int, since: datetime, *, batch_id: int | None, limit: int) -> Sequence[Task]:
        """The first `limit` of the account's tasks, or those of one of its batches, that have changed since a moment, in the order of their
        last changes."""
        values = {"account_id": account_id, "since": since, "batch_id": batch_id, "limit": limit}
        return [task_of(row) for row in await self._run(CHANGED, values)]

    async def several(self, account_id: int, task_ids: Collection[int]) -> dict[int, Task]:
        """Those of some tasks that the account has."""
        rows = await self._run(GET_SEVERAL, {"account_id": account_id, "task_ids": list(task_ids)})
        return {row["id"]: task_of(row) for row in rows}

    async def deletions(self, account_ids: Collection[int], since: datetime, *, limit: int) -> dict[int, list[Deletion]]:
        """By account, the first `limit` deletions since a moment, in their order."""
        found: dict[int, list[Deletion]] = {account_id: [] for account_id in account_ids}
        for row in await self._run(DELETED, {"account_ids": list(account_ids), "since": since, "limit": limit}):
            number = row["resource_id"]
            found[row["account_id"]].append(Deletion(task_id=number) if row["action"] == _TASK else Deletion(batch_id=number))
        return found
