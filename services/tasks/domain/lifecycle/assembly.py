"""How the parts that give tasks to workers fit together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.pictures.operations import lanes
from services.platform.bus import Bus
from services.platform.clock import Clock
from services.platform.database import Database
from services.platform.loop import Loop
from services.platform.serving import Runs
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.lifecycle.attempts import Attempts
from services.tasks.domain.lifecycle.due_work import IDLE_SECONDS, DueWorkFinder
from services.tasks.domain.lifecycle.exchange import Exchange, LaneExchange
from services.tasks.domain.lifecycle.lane_workers import LaneWorkers
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.order.long_waits import LongWaits
from services.tasks.domain.order.workforce import INTERVAL_SECONDS, Workforce
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.queue import QueueStore
from services.tasks.store.tasks import TaskStore


@dataclass(frozen=True, slots=True)
class ExchangeRules:
    """The settings that govern who is given tasks."""

    max_running: int
    """Tasks of an account that may run at once, unless it has a limit of its own."""
    interval: timedelta
    """At which all lanes are searched for work that nothing has woken them for."""
    standby_after: timedelta | None
    """After which wait workers on standby help; None: never."""


@dataclass(frozen=True, slots=True)
class Exchanging:
    """Gives tasks to workers."""

    exchange: Exchange
    workforce: Workforce
    loops: Sequence[Runs]


def assemble_exchange(
    rules: ExchangeRules,
    database: Database,
    bus: Bus,
    store: TaskStore,
    attempts: Attempts,
    notifications: Notifications,
    due: DueWorkFinder,
    stopping: asyncio.Event,
    clock: Clock,
) -> Exchanging:
    """Build them, each lane woken by what happens to its tasks."""
    workforce = Workforce(WorkerBoard(bus), AwayWorkerStore(database), clock)
    waits = LongWaits(QueueStore(database), rules.standby_after, rules.max_running, clock)
    taking: dict[str, LaneExchange] = {}
    idle = timedelta(seconds=IDLE_SECONDS)
    for lane in lanes():
        workers = LaneWorkers(lane, workforce, waits, clock)
        taking[lane] = LaneExchange(lane, store, attempts, bus, notifications, workers, rules.max_running, idle, clock)
        notifications.on_transition(taking[lane].on_change)
    exchange = Exchange(taking, bus, stopping)
    due.on_look(rules.interval.total_seconds(), lambda found: exchange.on_look(found.lanes))

    async def look() -> bool:
        more = await workforce.step()
        for one in taking.values():
            one.workers.tell()
        return more

    loops: list[Runs] = [
        *(one.loop for one in taking.values()),
        exchange,
        Loop("workforce", INTERVAL_SECONDS, look),
    ]
    return Exchanging(exchange, workforce, loops)
