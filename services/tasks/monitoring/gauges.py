"""The state of the queue, for Prometheus. All replicas read the same values from the database, so take the maximum, not the sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from services.platform.clock import Clock
from services.tasks.store.queue import QueueReading, QueueStore

_STATES = ("queued", "delayed", "running")


class QueueGauges:
    """Reads the gauges. An empty lane is reported as 0 rather than left out."""

    def __init__(self, store: QueueStore, lanes: Sequence[str], clock: Clock) -> None:
        self._store, self._lanes, self._clock = store, lanes, clock

    async def read(self) -> Sequence[Metric]:
        """All gauges, as of now."""
        return self.metrics(await self._store.read())

    async def open_tasks(self) -> Mapping[tuple[str, str], int]:
        """How many tasks are open, by lane and by state: queued, delayed, running."""
        return (await self._store.read()).open_tasks

    def metrics(self, reading: QueueReading) -> Sequence[Metric]:
        """The gauges for what was read, as of now."""
        now = self._clock()
        tasks = GaugeMetricFamily("darkroom_queue_tasks", "Open tasks, by lane and state.", labels=["lane", "state"])
        age = GaugeMetricFamily("darkroom_queue_oldest_seconds", "Age of the oldest task that waits its turn, by lane.", labels=["lane"])
        for lane in self._lanes:
            for state in _STATES:
                tasks.add_metric([lane, state], reading.open_tasks.get((lane, state), 0))
            age.add_metric([lane], _since(reading.oldest.get(lane), now))
        return [
            tasks,
            age,
            GaugeMetricFamily(
                "darkroom_relay_lag_seconds", "Age of the oldest event that is not published.", value=_since(reading.oldest_unrelayed, now)
            ),
            GaugeMetricFamily(
                "darkroom_webhook_lag_seconds",
                "For how long the most overdue delivery has been due.",
                value=_since(reading.webhook_due, now),
            ),
            GaugeMetricFamily(
                "darkroom_webhook_receivers_waiting", "Receivers that have deliveries waiting, retries included.", value=reading.receivers
            ),
        ]


def _since(moment: datetime | None, now: datetime) -> float:
    """Seconds since a moment; 0 if there is none or it lies in the future."""
    return max(0.0, (now - moment).total_seconds()) if moment is not None else 0.0
