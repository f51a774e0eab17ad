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

TIMELINE = text("""
WITH compared AS (
  SELECT *,
    (lag(state) OVER in_order, lag(attempt) OVER in_order) IS NOT DISTINCT FROM (state, attempt) AS is_progress
  FROM task_event WHERE task_id = :task_id
  WINDOW in_order AS (ORDER BY sequence)
), numbered AS (
  SELECT *,
    row_number() OVER (PARTITION BY is_progress ORDER BY sequence) AS number, count(*) OVER (PARTITION BY is_progress) AS total
  FROM compared
)
SELECT * FROM numbered
WHERE CASE WHEN is_progress THEN number * :progress / total > (number - 1) * :progress / total ELSE number > total - :changes END
ORDER BY sequence
""")
"""A task's newest changes of state or attempt, and evenly chosen events of progress, the last one included."""

LAST_SEQUENCES = text("SELECT id, last_sequence FROM task WHERE id = ANY(CAST(:task_ids AS bigint[]))")
"""The numbers of the last events of some tasks."""

TAKE_EVENTS = text("""
WITH due AS (
  SELECT id FROM event_outbox WHERE coalesce(retry_at, time) <= :now ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
  UPDATE event_outbox SET retry_at = :retry_at FROM due WHERE event_outbox.id = due.id
  RETURNING event_outbox.id AS outbox_id, task_ids, sequences
)
SELECT taken.outbox_id, count(event.task_id) OVER (PARTITION BY taken.outbox_id) AS outbox_events, event.*
FROM taken CROSS JOIN LATERAL unnest(taken.task_ids, taken.sequences) AS named (id, number)
LEFT JOIN LATERAL (
  SELECT
    task_event.*, task.account_id, task.trace_id,
    CASE task_event.state WHEN 'SUCCEEDED' THEN task.output_file_ids ELSE '{}' END AS output_file_ids
  FROM task_event JOIN task ON task.id = task_event.task_id
  WHERE task_event.task_id = named.id AND task_event.sequence = named.number
  LIMIT 1
) AS event ON true
ORDER BY event.task_id, event.sequence
""")
"""Take rows of the outbox for a while; other relays skip them. No lock is held while their events are published. A task that is deleted
meanwhile leaves a row without an event. The planner cannot know that few are taken; LIMIT 1 makes it look each up by its key."""

EVENTS_RELAYED = text("DELETE FROM event_outbox WHERE id = ANY(CAST(:ids AS bigint[]))")
"""Forget rows whose events are published."""


class EventStore(Store):
    """Reads events, and empties the outbox."""

    async def events_after(self, task_id: int, sequence: int, *, limit: int) -> Sequence[TaskEvent]:
        """A task's first `limit` events after a number."""
        rows = await self._run(EVENTS_AFTER, {"task_id": task_id, "sequence": sequence, "limit": limit})
        return [event_of(row) for row in rows]

    async def timeline(self, task_id: int, *, changes: int, progress: int) -> Sequence[TaskEvent]:
        """A task's newest `changes` changes of state or attempt and at most `progress` events in between, in order."""
        rows = await self._run(TIMELINE, {"task_id": task_id, "changes": changes, "progress": progress})
        return [event_of(row) for row in rows]

    async def last_sequences(self, task_ids: Collection[int]) -> dict[int, int]:
        """The number of the last event of each of the tasks that exist."""
        rows = await self._run(LAST_SEQUENCES, {"task_ids": list(task_ids)})
        return {row["id"]: row["last_sequence"] for row in rows}

    async def take_events(self, *, limit: int, retry_at: datetime, now: datetime) -> Sequence[OutgoingEvent]:
        """The unpublished events of up to `limit` rows of the outbox, by task and number; other calls skip them until `retry_at`."""
        rows = await self._run(TAKE_EVENTS, {"limit": limit, "retry_at": retry_at, "now": now})
        if gone := {row["outbox_id"] for row in rows if not row["outbox_events"]}:
            await self._forget(gone)
        return [outgoing_of(row) for row in rows if row["task_id"] is not None]

    async def events_relayed(self, events: Iterable[OutgoingEvent]) -> None:
        """Forget the rows of the outbox that name the events, all of which are published."""
        await self._forget({outgoing.outbox_id for outgoing in events if outgoing.outbox_id is not None})

    async def _forget(self, outbox_ids: Collection[int]) -> None:
        await self._run(EVENTS_RELAYED, {"ids": list(outbox_ids)})
