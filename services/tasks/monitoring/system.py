"""The lanes, the workers and the machines that are away, for views of the whole installation, and the queue for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from darkroom.internal.system.v1 import part_pb2
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.order.workforce import Workforce
from services.tasks.store.queue import QueueReading, QueueStore

Rate = Callable[[str], float | None]
"""How many tasks of a lane are taken per second; None while unknown."""
_STATES = ("queued", "delayed", "running")


class QueuePart:
    """Adds the lanes to what the process knows about the installation."""

    def __init__(self, store: QueueStore, lanes: Sequence[str], rate: Rate, clock: Clock) -> None:
        self._store, self._lanes, self._rate, self._clock = store, lanes, rate, clock

    async def tell(self, part: part_pb2.Part) -> None:
        """Add them. An empty lane is there, too."""
        reading, now = await self._store.read(), self._clock()
        for name in self._lanes:
            waiting, delayed, running = (reading.open_tasks.get((name, state), 0) for state in ("queued", "delayed", "running"))
            oldest = reading.oldest.get(name)
            age = max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0
            part.lanes.add(
                name=name,
                waiting=waiting,
                delayed=delayed,
                running=running,
                oldest_waiting_seconds=age,
                tasks_per_second=self._rate(name) or 0.0,
            )


class AwayPart:
    """Adds the machines that are away and expected to come back."""

    def __init__(self, workforce: Workforce) -> None:
        self._workforce = workforce

    async def tell(self, part: part_pb2.Part) -> None:
        """Add them; the one that was here last first."""
        for machine in self._workforce.away:
            added = part.away_workers.add(name=machine.name, lanes=machine.lanes, operations=machine.operations, gpu=machine.gpu)
            added.heard_time.FromDatetime(machine.seen_time)
            added.until_time.FromDatetime(machine.until)


class WorkersPart:
    """Adds the workers: their reports about themselves, whichever replica holds their streams, and their tasks."""

    def __init__(self, board: WorkerBoard, store: QueueStore) -> None:
        self._board, self._store = board, store

    async def tell(self, part: part_pb2.Part) -> None:
        """Add them by their names. While NATS is away these are the ones that run tasks."""
        try:
            workers = {worker.name: worker for worker in await self._board.read()}
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            workers = {}
        # Their reports are useful without the database, too.
        part.workers.extend(workers.values())
        for (name, lane), running in (await self._store.busy()).items():
            workers.setdefault(name, part_pb2.Worker(name=name)).running[lane] = running
        del part.workers[:]
        part.workers.extend(workers[name] for name in sorted(workers))


class QueueGauges:
    """Gauges of the queue for Prometheus. All replicas read the same values from the database, so take the maximum, not the sum.

    An empty lane is reported as 0 rather than left out.
    """

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
