"""A lane's exchange by itself, stepped by a test."""

from __future__ import annotations

from datetime import timedelta

from services.platform.bus import Bus
from services.platform.clock import Clock
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.exchange import LaneExchange
from services.tasks.domain.lifecycle.lane_workers import LaneWorkers
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.order.long_waits import LongWaits
from services.tasks.domain.order.workforce import Workforce
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.queue import QueueStore
from services.tasks.store.tasks import TaskStore


def workforce_on(store: TaskStore, bus: Bus, clock: Clock) -> Workforce:
    """What is known of workers by the board."""
    return Workforce(WorkerBoard(bus), AwayWorkerStore(store._database), clock)


def exchange_on(
    store: TaskStore,
    attempts: Attempts,
    bus: Bus,
    notifications: Notifications,
    clock: Clock,
    *,
    lane: str = "system",
    workforce: Workforce | None = None,
    standby_after: timedelta | None = None,
) -> LaneExchange:
    """The exchange of a lane, in a process of its own as far as it can tell."""
    waits = LongWaits(QueueStore(store._database), standby_after, 1000, clock)
    workers = LaneWorkers(lane, workforce or workforce_on(store, bus, clock), waits, clock)
    return LaneExchange(lane, store, attempts, bus, notifications, workers, 1000, timedelta(seconds=1), clock)
