"""The SQL of an account's own order in a lane: by priority, then age. Every statement but MARKS reads a bounded part of one index.

A place in the order is a pair of priority and id; so is a place between two tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from services.tasks.model import Task
from services.tasks.store.base import Store

_QUEUE = "lane = :lane AND account_id = :account_id AND state = 'QUEUED' AND run_at IS NULL"
NEAR = 1_000
"""How many tasks at the head of a queue are counted for a place."""
_FIRST_ID, _LAST_ID = 0, 2**63 - 1


class Mark(NamedTuple):
    """A place in an account's order."""

    priority: int
    id: int


START = Mark(2**31 - 1, _FIRST_ID)
"""Before every task."""

BETWEEN = text(f"""
SELECT count(*) AS tasks FROM (
  (SELECT 1 FROM task WHERE {_QUEUE} AND priority = :from_priority AND id >= :from_id AND id < :from_until LIMIT :depth)
  UNION ALL
  (SELECT 1 FROM task WHERE {_QUEUE} AND priority < :from_priority AND priority > :to_priority LIMIT :depth)
  UNION ALL
  (SELECT 1 FROM task WHERE {_QUEUE} AND priority = :to_priority AND id < :to_until LIMIT :depth)
) AS tasks
""")  # noqa: S608 - put together from constants
"""How many of an account's waiting tasks are at or after one place and before another: those of the one's priority, those in between, and
those of the other's, up to `:depth` of each."""

POSITION = text(f"""
SELECT count(*) AS waiting FROM (
  SELECT priority, id FROM task WHERE {_QUEUE} AND priority >= :priority ORDER BY priority DESC, id LIMIT {NEAR}
) AS head
WHERE priority > :priority OR id < :id
""")  # noqa: S608 - put together from constants
"""How many of an account's tasks in a lane go before one of them, of the first `NEAR` that wait.

The order and the limit leave the planner one index, whatever it believes about how many tasks wait."""

FIRST = text(f"""
SELECT priority, id FROM task WHERE {_QUEUE} AND priority <= :priority AND (priority < :priority OR id >= :id)
ORDER BY priority DESC, id LIMIT 1
""")  # noqa: S608 - put together from constants
"""The first waiting task at or after a place before which hardly any of its priority wait."""

BY_INDEX = text("""
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('plan_cache_mode', 'force_custom_plan', true)
""")
"""For the rest of the transaction: BETWEEN reads a part of an index, planned for its places. The planner, which expects the tasks of an
account to be spread over the table, may else think that it finds enough of them by reading the table from its beginning."""

MARKS = text(f"""
SELECT priority, id FROM (
  SELECT priority, id, row_number() OVER (ORDER BY priority DESC, id) AS number FROM task WHERE {_QUEUE}
) AS numbered
WHERE number % :spacing = 1
""")  # noqa: S608 - put together from constants
"""Every so manieth of an account's waiting tasks, from the first on. Reads all of them: some tenths of a second for a million."""


class AccountOrderStore(Store):
    """Counts in the order of one account in one lane."""

    async def ahead(self, task: Task) -> int:
        """How many of the account's waiting tasks go before one of them, exact if below `NEAR`."""
        values = {"lane": task.lane, "account_id": task.account_id, "id": task.id, "priority": task.priority}
        [row] = await self._run(POSITION, values)
        return int(row["waiting"])

    async def between(self, lane: str, account_id: int, places: Sequence[tuple[Mark, Mark]], *, depth: int) -> list[int]:
        """How many waiting tasks are at or after one place and before another, for each pair; exact if below `depth`."""
        async with self._database.transaction() as transaction:
            await transaction.fetch(BY_INDEX, {})
            return [
                int((await transaction.fetch(BETWEEN, _between(lane, account_id, start, end, depth)))[0]["tasks"]) for start, end in places
            ]

    async def first(self, lane: str, account_id: int, start: Mark) -> Mark | None:
        """The first waiting task at or after a place."""
        values = {"lane": lane, "account_id": account_id, "priority": start.priority, "id": start.id}
        rows = await self._run(FIRST, values)
        return Mark(rows[0]["priority"], rows[0]["id"]) if rows else None

    async def marks(self, lane: str, account_id: int, *, spacing: int) -> list[Mark]:
        """Every so manieth waiting task, from the first on."""
        rows = await self._run(MARKS, {"lane": lane, "account_id": account_id, "spacing": spacing})
        return [Mark(row["priority"], row["id"]) for row in rows]


def _between(lane: str, account_id: int, start: Mark, end: Mark, depth: int) -> dict[str, Any]:
    same = start.priority == end.priority
    return {
        "lane": lane,
        "account_id": account_id,
        "from_priority": start.priority,
        "from_id": start.id,
        "from_until": end.id if same else _LAST_ID,
        "to_priority": end.priority,
        "to_until": _FIRST_ID if same else end.id,
        "depth": depth,
    }
