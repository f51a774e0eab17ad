"""How expired rows are found and removed: one batch per statement, with `:before` as the moment by which a row must have ended.

Any number of sweepers may run at once: each skips what another has locked. They first read an index by the time of the end, so that a
sweep's cost depends on what it removes, not on what there is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import TextClause, text

from services.tasks.store.base import Store

TASKS = text("""
WITH expired AS (
  SELECT id FROM task WHERE end_time <= :before ORDER BY end_time LIMIT :limit FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM task USING expired WHERE task.id = expired.id RETURNING task.id
)
SELECT count(*) FROM removed
""")
"""Delete tasks and, through a trigger and foreign keys, their events, attempts and deliveries. The ledger stays."""

EVENTS = text("""
WITH position AS (
  SELECT end_time, task_id FROM event_retention LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
  SELECT past.* FROM position CROSS JOIN LATERAL (
    SELECT id, end_time, last_sequence FROM task
    WHERE (end_time, id) > (position.end_time, position.task_id) AND end_time <= :before
    ORDER BY end_time, id
    LIMIT :limit
    FOR KEY SHARE SKIP LOCKED
  ) AS past
), trimmed AS (
  DELETE FROM task_event USING ended
  WHERE task_event.task_id = ended.id AND task_event.sequence < ended.last_sequence
    AND task_event.time < coalesce((SELECT time FROM event_outbox ORDER BY id LIMIT 1), 'infinity')
), moved AS (
  UPDATE event_retention SET (end_time, task_id) = (SELECT end_time, id FROM ended ORDER BY end_time DESC, id DESC LIMIT 1)
  WHERE EXISTS (SELECT FROM ended)
)
SELECT count(*) FROM ended
""")
"""Delete the published events of ended tasks, except the last one of each, which shows watchers the end.

The one row of `event_retention` (LIMIT 1 informs the planner) is the position in the order of ends up to which this is done, so that no
task
needs a mark. Tasks are locked as TASKS locks them, or the two could deadlock on each other's events. A task that is skipped for that reason
keeps its events until it expires."""

DELIVERIES = text("""
WITH expired AS (
  SELECT id FROM webhook_delivery WHERE end_time <= :before ORDER BY end_time LIMIT :limit FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM webhook_delivery USING expired WHERE webhook_delivery.id = expired.id RETURNING webhook_delivery.id
)
SELECT count(*) FROM removed
""")
"""Delete deliveries that were made or given up."""

BATCHES = text("""
WITH expired AS (
  SELECT id FROM batch
  WHERE end_time <= :before AND NOT EXISTS (SELECT FROM task WHERE task.batch_id = batch.id)
  ORDER BY end_time
  LIMIT :limit
  FOR UPDATE SKIP LOCKED
), removed AS (
  DELETE FROM batch USING expired WHERE batch.id = expired.id RETURNING batch.id
)
SELECT count(*) FROM removed
""")
"""Delete batches whose tasks are deleted."""


class RetentionStore(Store):
    """Runs the statements. Each method handles up to `limit` rows that had ended by `before`, and returns how many."""

    async def remove_tasks(self, before: datetime, limit: int) -> int:
        """Remove tasks and what belongs to them."""
        return await self._apply(TASKS, before, limit)

    async def remove_events(self, before: datetime, limit: int) -> int:
        """Remove the events of tasks, except the last one of each; returns how many tasks it has handled."""
        return await self._apply(EVENTS, before, limit)

    async def remove_deliveries(self, before: datetime, limit: int) -> int:
        return await self._apply(DELIVERIES, before, limit)

    async def remove_batches(self, before: datetime, limit: int) -> int:
        """Remove batches whose tasks are gone."""
        return await self._apply(BATCHES, before, limit)

    async def _apply(self, statement: TextClause, before: datetime, limit: int) -> int:
        [row] = await self._run(statement, {"before": before, "limit": limit})
        return int(row[0])
