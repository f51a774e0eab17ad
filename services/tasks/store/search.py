"""How an account's tasks are searched: newest first, in stretches of its own tasks, however many other accounts have.

No index knows names or operations: a search reads what the account has, up to `limit` rows with matches or a bounded number of tasks,
whichever comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from services.tasks.model import Task
from services.tasks.model.state import TaskState
from services.tasks.store.base import Store
from services.tasks.store.rows import task_of

_MATCHES = """
  (CAST(:states AS text[]) IS NULL OR state = ANY(:states))
  AND (CAST(:attempted AS boolean) IS NULL OR (attempt > 0) = :attempted)
  AND (CAST(:created_after AS timestamptz) IS NULL OR create_time >= :created_after)
  AND (CAST(:created_before AS timestamptz) IS NULL OR create_time < :created_before)
  AND (CAST(:tag AS bytea) IS NULL OR EXISTS (
    SELECT FROM unnest(operations) AS one (content) WHERE substring(content FROM 1 FOR octet_length(:tag)) = :tag
  ))
  AND (CAST(:name AS text) IS NULL OR EXISTS (
    SELECT FROM unnest(input_names) AS one (name) WHERE position(lower(:name) IN lower(one.name)) > 0
  ))
"""

# The planner does not move conditions into a subquery with a limit, and PostgreSQL stops reading as soon as it has enough rows.
FIND = text(f"""
SELECT * FROM (
  SELECT * FROM task
  WHERE account_id = :account_id AND id < :before_id AND id >= :from_id
  ORDER BY id DESC
  LIMIT :stretch
) AS looked_at
WHERE {_MATCHES}
ORDER BY id DESC
LIMIT :limit
""")  # noqa: S608 - put together from constants
"""The newest matches in a stretch of the account's tasks."""

FIND_IN_BATCH = text(f"""
SELECT * FROM task
WHERE batch_id = :batch_id AND account_id = :account_id AND id < :before_id AND {_MATCHES}
ORDER BY id DESC
LIMIT :limit
""")  # noqa: S608 - put together from constants
"""The newest matches in a batch, which has at most 500 tasks."""

LAST_OF_STRETCH = text("""
SELECT id FROM task
WHERE account_id = :account_id AND id < :before_id AND id >= :from_id
ORDER BY id DESC
LIMIT 1 OFFSET :stretch - 1
""")
"""The last task of a stretch that is full."""

_FIRST_ID = datetime(2025, 1, 1, tzinfo=UTC)
# Between the moment in an id and the time of creation, inputs are fetched; and they are of different clocks.
_ID_SLACK = 24 * 3600 * 1000 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks of an account are asked for; None means any."""

    account_id: int
    states: frozenset[TaskState] | None = None
    has_attempts: bool | None = None
    """Only tasks that have been attempted, or only those that have not."""
    tag: bytes | None = None
    """The prefix of one of its stored operations."""
    name: str | None = None
    """A part of the name of an input, in upper or lower case."""
    batch_id: int | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The matches in a stretch."""

    tasks: Sequence[Task]
    looked_until: int | None
    """The tasks below this id have not been looked at; None: all have."""


class SearchStore(Store):
    """Searches."""

    async def find(self, wanted: TaskFilter, *, before_id: int, stretch: int, limit: int) -> SearchPage:
        """The newest `limit` matches among the next `stretch` tasks below `before_id`."""
        values = {
            "account_id": wanted.account_id,
            "states": [state.value for state in wanted.states] if wanted.states is not None else None,
            "attempted": wanted.has_attempts,
            "tag": wanted.tag,
            "name": wanted.name,
            "created_after": wanted.created_after,
            "created_before": wanted.created_before,
            "limit": limit,
        }
        if wanted.batch_id is not None:
            rows = await self._run(FIND_IN_BATCH, {**values, "batch_id": wanted.batch_id, "before_id": before_id})
            tasks = [task_of(row) for row in rows]
            return SearchPage(tasks, tasks[-1].id if len(tasks) == limit else None)
        bounds = {
            "account_id": wanted.account_id,
            "before_id": min(before_id, _id_at(wanted.created_before) + _ID_SLACK) if wanted.created_before is not None else before_id,
            "from_id": _id_at(wanted.created_after) - _ID_SLACK if wanted.created_after is not None else 0,
            "stretch": stretch,
        }
        tasks = [task_of(row) for row in await self._run(FIND, {**values, **bounds})]
        if len(tasks) == limit:
            return SearchPage(tasks, tasks[-1].id)
        last = await self._run(LAST_OF_STRETCH, bounds)
        return SearchPage(tasks, last[0]["id"] if last else None)


def _id_at(moment: datetime) -> int:
    """The smallest id of a moment, as `next_id()` makes them."""
    return (moment - _FIRST_ID) // timedelta(milliseconds=1) * 1000
