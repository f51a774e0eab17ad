"""How the queue stands, for Prometheus. Every replica reads the same from the database, so take their maximum and not their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tasks.domain.clock import Clock
from services.tasks.store import monitoring_statements as statements

_STATES = ("queued", "delayed", "dispatched", "running")


class QueueGauges:
    """Reads the gauges. A lane that holds nothing is told so, rather than left out."""

    def __init__(self, engine: AsyncEngine, lanes: Sequence[str], clock: Clock) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lanes, self._clock = lanes, clock

    async def read(self) -> Sequence[Metric]:
        """All of them, by four statements on one connection."""
        async with self._engine.connect() as connection:
            open_tasks = {(row.lane, row.state): int(row.tasks) for row in await connection.execute(statements.OPEN)}
            oldest = {row.lane: row.create_time for row in await connection.execute(statements.OLDEST)}
            unrelayed = (await connection.execute(statements.UNRELAYED)).scalar()
            webhooks = (await connection.execute(statements.WEBHOOKS)).one()
        return self.metrics(open_tasks, oldest, unrelayed, webhooks.next_at, webhooks.lanes)

    def metrics(
        self,
        open_tasks: Mapping[tuple[str, str], int],
        oldest: Mapping[str, datetime],
        unrelayed: datetime | None,
        webhook_due: datetime | None,
        receivers: int,
    ) -> Sequence[Metric]:
        """The gauges for what was read, as of now."""
        now = self._clock()
        tasks = GaugeMetricFamily("darkroom_queue_tasks", "Open tasks, by lane and state.", labels=["lane", "state"])
        age = GaugeMetricFamily("darkroom_queue_oldest_seconds", "Age of the oldest task that waits its turn, by lane.", labels=["lane"])
        for lane in self._lanes:
            for state in _STATES:
                tasks.add_metric([lane, state], open_tasks.get((lane, state), 0))
            age.add_metric([lane], _since(oldest.get(lane), now))
        return [
            tasks,
            age,
            GaugeMetricFamily("darkroom_relay_lag_seconds", "Age of the oldest event that is not published.", value=_since(unrelayed, now)),
            GaugeMetricFamily(
                "darkroom_webhook_lag_seconds", "For how long the most overdue delivery has been due.", value=_since(webhook_due, now)
            ),
            GaugeMetricFamily(
                "darkroom_webhook_receivers_waiting", "Receivers that have deliveries waiting, retries included.", value=receivers
            ),
        ]


def _since(moment: datetime | None, now: datetime) -> float:
    """Seconds since a moment; 0 if there is none or it is still to come."""
    return max(0.0, (now - moment).total_seconds()) if moment is not None else 0.0
