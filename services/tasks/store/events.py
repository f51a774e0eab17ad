"""Events in the tasks database: what watchers read, and the outbox of events to publish."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import text

from services.tasks.model import TaskEvent
from services.tasks.model.records import OutgoingEvent
from services.tasks.store.base import Store
from services.tasks.store.rows import event_of, outgoing_of

EVENTS_AFTER = text("SELECT * FROM task_event WHERE task_id = :task_id AND sequence > :sequence ORDER BY sequence LIMIT :limit")
"""A task's events from a number on."""

LAST_SEQUENCES = text("SELECT id, last_sequence FROM task WHERE id = ANY(CAST(:task_ids AS bigint[]))")
"""The numbers of the last events of some tasks."""

TAKE_EVENTS = text("""
WITH due AS (
  SELECT task_id, sequence FROM task_event
  WHERE relay_at <= :now
  ORDER BY relay_at, task_id, sequence
  LIMIT :limit
  FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
  UPDATE task_event SET relay_at = :retry_at
  FROM due
  WHERE task_event.task_id = due.task_id AND task_event.sequence = due.sequence
  RETURNING task_event.*
)
SELECT
  taken.*, task.account_id, task.trace_id, CASE taken.state WHEN 'SUCCEEDED' THEN task.output_file_ids ELSE '{}' END AS output_file_ids
FROM taken JOIN task ON task.id = taken.task_id
ORDER BY taken.task_id, taken.sequence
""")
"""Take unpublished events for a while; other relays skip them. No lock is held while they are published."""

EVENTS_RELAYED = text("""
UPDATE task_event SET relay_at = NULL
FROM unnest(CAST(:task_ids AS bigint[]), CAST(:sequences AS bigint[])) AS sent (task_id, sequence)
WHERE task_event.task_id = sent.task_id AND task_event.sequence = sent.sequence
""")
"""Mark events as published."""


class EventStore(Store):
    """Reads events and marks them as published."""

    async def events_after(self, task_id: int, sequence: int, *, limit: int) -> Sequence[TaskEvent]:
        """A task's first `limit` events after a number."""
        rows = await self._run(EVENTS_AFTER, {"task_id": task_id, "sequence": sequence, "limit": limit})
        return [event_of(row) for row in rows]

    async def last_sequences(self, task_ids: Collection[int]) -> dict[int, int]:
        """The number of the last event of each of the tasks that exist."""
        rows = await self._run(LAST_SEQUENCES, {"task_ids": list(task_ids)})
        return {row["id"]: row["last_sequence"] for row in rows}

    async def take_events(self, *, limit: int, retry_at: datetime, now: datetime) -> Sequence[OutgoingEvent]:
        """Up to `limit` unpublished events, by task and number; other calls skip them until `retry_at`."""
        rows = await self._run(TAKE_EVENTS, {"limit": limit, "retry_at": retry_at, "now": now})
        return [outgoing_of(row) for row in rows]

    async def events_relayed(self, events: Iterable[TaskEvent]) -> None:
        """Record that the events are published."""
        keys = [(event.task_id, event.sequence) for event in events]
        values = {"task_ids": [task_id for task_id, _ in keys], "sequences": [sequence for _, sequence in keys]}
        await self._run(EVENTS_RELAYED, values)
