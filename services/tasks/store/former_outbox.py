"""The outbox of the previous version, whose replicas run alongside this one's during an upgrade and mark an unpublished event itself.

Goes with the version after this one, with `task_event.relay_at` and its index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import text

from services.tasks.model.records import OutgoingEvent
from services.tasks.store.base import Store
from services.tasks.store.rows import outgoing_of

TAKE_FORMER_EVENTS = text("""
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
  taken.*, task.account_id, task.trace_id, CASE taken.state WHEN 'SUCCEEDED' THEN task.output_file_ids ELSE '{}' END AS output_file_ids,
  NULL AS outbox_id, 0 AS outbox_events
FROM taken JOIN task ON task.id = taken.task_id
ORDER BY taken.task_id, taken.sequence
""")
"""Take unpublished events for a while; other relays, of either version, skip them."""

FORMER_EVENTS_RELAYED = text("""
UPDATE task_event SET relay_at = NULL
FROM unnest(CAST(:task_ids AS bigint[]), CAST(:sequences AS bigint[])) AS sent (task_id, sequence)
WHERE task_event.task_id = sent.task_id AND task_event.sequence = sent.sequence
""")
"""Mark events as published."""


class FormerOutbox(Store):
    """Events that the previous version has written and not published."""

    async def take_events(self, *, limit: int, retry_at: datetime, now: datetime) -> Sequence[OutgoingEvent]:
        """Up to `limit` unpublished events, by task and number; other calls skip them until `retry_at`."""
        rows = await self._run(TAKE_FORMER_EVENTS, {"limit": limit, "retry_at": retry_at, "now": now})
        return [outgoing_of(row) for row in rows]

    async def events_relayed(self, events: Iterable[OutgoingEvent]) -> None:
        """Record that the events are published."""
        keys = [(outgoing.event.task_id, outgoing.event.sequence) for outgoing in events]
        values = {"task_ids": [task_id for task_id, _ in keys], "sequences": [sequence for _, sequence in keys]}
        await self._run(FORMER_EVENTS_RELAYED, values)
