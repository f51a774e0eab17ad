"""The SQL that says for which loops there is work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from services.tasks.model.records import DueWork
from services.tasks.store.base import Store
from services.tasks.store.tasks import IS_LATE

DUE = text(f"""
SELECT
  ARRAY(
    SELECT lane FROM unnest(CAST(:lanes AS text[])) AS asked (lane)
    WHERE EXISTS (SELECT FROM lane_account WHERE lane_account.lane = asked.lane AND waiting)
      OR EXISTS (SELECT FROM task WHERE task.lane = asked.lane AND state = 'QUEUED' AND run_at <= :now)
  ) AS lanes,
  (SELECT true FROM event_outbox WHERE coalesce(retry_at, time) <= :events_until ORDER BY id LIMIT 1) IS NOT NULL AS has_events,
  (SELECT true FROM task WHERE state = 'RUNNING' AND lease_until <= :now ORDER BY lease_until LIMIT 1) IS NOT NULL AS has_leases,
  (SELECT true FROM task WHERE {IS_LATE} AND end_time IS NULL ORDER BY deadline LIMIT 1) IS NOT NULL AS has_deadlines,
  (SELECT true FROM webhook_delivery WHERE next_at IS NOT NULL ORDER BY lane LIMIT 1) IS NOT NULL AS has_deliveries,
  (SELECT true FROM task WHERE state = 'QUEUED' AND run_at IS NOT NULL ORDER BY lane, run_at LIMIT 1) IS NOT NULL AS has_retries
""")  # noqa: S608 - put together from constants
"""Each part is a look at a small index, or at the head of the outbox, and ends at the first row. The planner takes the index for the sake
of the order."""


class DueStore(Store):
    """Finds work."""

    async def read(self, lanes: Collection[str], *, events_until: datetime, now: datetime) -> DueWork:
        """The work that is due now; of the events, those made, or to be tried again, by `events_until`."""
        [row] = await self._run(DUE, {"lanes": list(lanes), "events_until": events_until, "now": now})
        return DueWork(row["lanes"], row["has_events"], row["has_leases"], row["has_deadlines"], row["has_deliveries"], row["has_retries"])
