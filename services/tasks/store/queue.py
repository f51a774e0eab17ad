"""The SQL of the gauges. Each statement uses only small indexes: its cost depends on what waits, never on what has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text

from services.tasks.store.base import Store

# Beyond this, an exact number is of no use, and counting would be expensive.
COUNTED = 100_000

OPEN = text(f"""
SELECT lane, 'queued' AS state, sum(queued) AS tasks FROM lane_account WHERE waiting GROUP BY lane
UNION ALL
SELECT lane, 'delayed', count(*) FROM (
  SELECT lane FROM task WHERE state = 'QUEUED' AND run_at IS NOT NULL LIMIT {COUNTED}
) AS retries GROUP BY lane
UNION ALL
SELECT lane, 'running', count(*) FROM task WHERE state = 'RUNNING' GROUP BY lane
""")  # noqa: S608 - put together from constants
"""Open tasks by lane and state. `delayed` tasks wait for their retry; at most 100,000 of those are counted."""


def _oldest(those: str) -> TextClause:
    """By lane, when the oldest task waiting for its turn was created, of some of the waiting accounts: one probe for each of them and each
    priority, however deep their queues are (a loose index scan, https://wiki.postgresql.org/wiki/Loose_indexscan; ids, and so each queue's
    order, grow with time)."""
    return text(f"""
WITH RECURSIVE head AS (
  SELECT waiting.lane, waiting.account_id, first.priority, first.create_time
  FROM {those} CROSS JOIN LATERAL (
    SELECT priority, create_time FROM task
    WHERE state = 'QUEUED' AND run_at IS NULL AND lane = waiting.lane AND account_id = waiting.account_id
    ORDER BY priority DESC, id LIMIT 1
  ) AS first
  WHERE waiting.waiting
  UNION ALL
  SELECT head.lane, head.account_id, next.priority, next.create_time
  FROM head CROSS JOIN LATERAL (
    SELECT priority, create_time FROM task
    WHERE state = 'QUEUED' AND run_at IS NULL AND lane = head.lane AND account_id = head.account_id AND priority < head.priority
    ORDER BY priority DESC, id LIMIT 1
  ) AS next
)
SELECT lane, min(create_time) AS create_time FROM head GROUP BY lane
""")  # noqa: S608 - put together from constants


OLDEST = _oldest("lane_account AS waiting")
OLDEST_TO_START = _oldest(
    "lane_account AS waiting JOIN account_policy AS policy ON policy.account_id = waiting.account_id "
    "AND policy.running < coalesce(policy.max_running, :max_running)"
)
"""Without those that their accounts' limits hold."""

WORK = text("""
WITH running AS (
  SELECT lane, account_id, count(*) AS tasks FROM task WHERE state = 'RUNNING' GROUP BY lane, account_id
),
waiting AS (
  SELECT lane, account_id, queued AS tasks FROM lane_account WHERE waiting
)
SELECT lane, sum(greatest(
  running.tasks, least(coalesce(running.tasks, 0) + coalesce(waiting.tasks, 0), coalesce(policy.max_running, :max_running))
)) AS tasks
FROM running FULL JOIN waiting USING (lane, account_id) LEFT JOIN account_policy AS policy USING (account_id)
GROUP BY lane
""")
"""By lane, how many of the tasks that run or wait for their turn the accounts' limits let run at one time."""

UNRELAYED = text("""
SELECT min(time) AS time FROM (SELECT time FROM event_outbox ORDER BY id LIMIT 1000) AS first
""")
"""When the oldest unpublished event happened. Rows are in the order of their ids, except those that were under way at once."""

WEBHOOKS = text("""
WITH RECURSIVE lane (id) AS (
  (SELECT lane FROM webhook_delivery WHERE next_at IS NOT NULL ORDER BY lane LIMIT 1)
  UNION ALL
  SELECT (SELECT lane FROM webhook_delivery WHERE next_at IS NOT NULL AND lane > before.id ORDER BY lane LIMIT 1)
  FROM lane AS before WHERE before.id IS NOT NULL
)
SELECT count(*) AS lanes, min(head.next_at) AS next_at
FROM lane CROSS JOIN LATERAL (
  SELECT next_at FROM webhook_delivery WHERE webhook_delivery.lane = lane.id AND next_at IS NOT NULL ORDER BY next_at LIMIT 1
) AS head
WHERE lane.id IS NOT NULL
""")
"""How many receivers have deliveries waiting, and when the first delivery was or is due: one probe per receiver."""


BUSY = text("""
SELECT attempt.worker, task.lane, count(*) AS tasks
FROM task JOIN task_attempt AS attempt ON attempt.task_id = task.id AND attempt.attempt = task.attempt
WHERE task.state = 'RUNNING'
GROUP BY attempt.worker, task.lane
""")
"""How many tasks each worker runs, by lane."""


@dataclass(frozen=True, slots=True)
class WorkReading:
    """The possible work of workers, by lane."""

    tasks: Mapping[str, int]
    oldest: Mapping[str, datetime]
    """For lanes where a task waits that no limit holds."""


@dataclass(frozen=True, slots=True)
class QueueReading:
    """The state of the queue."""

    open_tasks: Mapping[tuple[str, str], int]
    """By lane and state."""
    oldest: Mapping[str, datetime]
    """By lane, for lanes where a task waits."""
    oldest_unrelayed: datetime | None
    webhook_due: datetime | None
    receivers: int


class QueueStore(Store):
    """Reads what the gauges show, and what workers do."""

    async def busy(self) -> Mapping[tuple[str, str], int]:
        """How many tasks run, by worker and lane."""
        return {(row["worker"], row["lane"]): int(row["tasks"]) for row in await self._database.fetch(BUSY)}

    async def oldest(self) -> Mapping[str, datetime]:
        """When the oldest task that waits for its turn was created, by lane."""
        return {row["lane"]: row["create_time"] for row in await self._database.fetch(OLDEST)}

    async def oldest_to_start(self, max_running: int) -> Mapping[str, datetime]:
        """The same without those that their accounts' limits hold; `max_running` is that of accounts without one of their own."""
        rows = await self._database.fetch(OLDEST_TO_START, {"max_running": max_running})
        return {row["lane"]: row["create_time"] for row in rows}

    async def work(self, max_running: int) -> WorkReading:
        """The possible work of workers; `max_running` as above."""
        rows = await self._database.fetch(WORK, {"max_running": max_running})
        return WorkReading({row["lane"]: int(row["tasks"]) for row in rows}, await self.oldest_to_start(max_running))

    async def read(self) -> QueueReading:
        """All of it, with four statements."""
        open_tasks = {(row["lane"], row["state"]): int(row["tasks"]) for row in await self._database.fetch(OPEN)}
        oldest = await self.oldest()
        [unrelayed] = await self._database.fetch(UNRELAYED)
        [webhooks] = await self._database.fetch(WEBHOOKS)
        return QueueReading(open_tasks, oldest, unrelayed["time"], webhooks["next_at"], webhooks["lanes"])
