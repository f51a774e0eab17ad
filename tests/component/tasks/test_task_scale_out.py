"""Replicas at once: three of every loop, on one database, one NATS and one receiver, and nothing happens twice or not at all."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.bus import Bus
from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.tasks.domain.lifecycle.attempts import AttemptRules, Attempts, Deadlines, Reaper
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.publishing import EventPublisher, Relay
from services.tasks.domain.lifecycle.retry import RetryPolicy
from services.tasks.domain.lifecycle.worker_stream import Outgoing, WorkerStream
from services.tasks.domain.retention import RetentionSettings, RetentionSweeper, rules
from services.tasks.model import Task
from services.tasks.model.state import DeliveryState, TaskState
from services.tasks.store.retention import RetentionStore
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from services.tasks.surfaces.internal.events import pack_events
from services.tasks.surfaces.rendering import state_of
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.events import events_on
from tests.component.tasks.exchanges import exchange_on
from tests.component.tasks.hooks import CIPHER, Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import DEADLINE, LEASE, TIMEOUT, Scene

SECOND = timedelta(seconds=1)
REPLICAS = 3


class Loops:
    """The loops of one process, stepped by the test."""

    def __init__(self, engine: AsyncEngine, bus: Bus, hooks: Hooks, clock: MovableClock) -> None:
        store, notifications = TaskStore(Database(engine)), Notifications()
        retry = RetryPolicy(max_attempts=5, max_attempts_internal=2, max_lost_workers=3, base=SECOND, limit=60 * SECOND)
        attempts = Attempts(store, notifications, AttemptRules(LEASE, 5 * SECOND, TIMEOUT, 0.01, retry), clock)
        self.exchange = exchange_on(store, attempts, bus, notifications, clock)
        self._sender = hooks.sender(store=WebhookStore(Database(engine), CIPHER), tasks=store)
        self._steps = (
            self.exchange.step,
            Reaper(attempts).step,
            Deadlines(store, bus, notifications, clock).step,
            Relay(store, EventPublisher(bus, pack_events), 10 * SECOND, clock).step,
            RetentionSweeper(RetentionStore(Database(engine)), rules(RetentionSettings()), clock).step,
            self._sender.step,
        )

    async def step(self) -> None:
        """Each loop once, side by side."""
        await asyncio.gather(*(step() for step in self._steps))
        await self._sender.finish()


async def test_three_of_every_loop_at_once(clean_engine: AsyncEngine, scene: Scene, bus: Bus, clock: MovableClock) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    replicas = [Loops(clean_engine, bus, hooks, clock) for _ in range(REPLICAS)]

    async def rounds() -> None:
        # What one loop does in a round, another may see only in the next.
        for _ in range(4):
            await asyncio.gather(*(replica.step() for replica in replicas))

    async with Receiver() as receiver:
        await hooks.add(receiver.url)
        lost = [await scene.running(max_attempts=1) for _ in range(12)]
        clock.advance(31)
        waiting = [await scene.create() for _ in range(12)]
        streams = [replica.exchange.open("worker") for replica in replicas]
        for stream in streams:
            stream.hear(free=[uuid.uuid4() for _ in range(5)], again=[], ends=[], draining=False, moment=1)
        await rounds()
        assert {(task.state, task.error_reason) for task in [await scene.now(task) for task in lost]} == {
            (TaskState.FAILED, ErrorReason.WORKER_LOST)
        }
        assert {(await scene.now(task)).state for task in waiting} == {TaskState.RUNNING}
        given = [task.id for stream in streams if len(stream.free) < 5 for task in (await _outgoing(stream)).admissions]
        assert sorted(given) == [task.id for task in waiting]
        clock.advance(DEADLINE.total_seconds())
        await rounds()
        assert {(task.state, task.error_reason) for task in [await scene.now(task) for task in waiting]} == {
            (TaskState.FAILED, ErrorReason.DEADLINE_EXCEEDED)
        }
        tasks = lost + waiting
        await _assert_published_once(bus, [await scene.now(task) for task in tasks])
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(receiver.requests) == len(tasks)
        assert {delivery.state for delivery in await hooks.log()} == {DeliveryState.DELIVERED}
        clock.advance(timedelta(days=31).total_seconds())
        await rounds()
        assert len(receiver.requests) == len(tasks)
    async with clean_engine.connect() as connection:
        for table in ("task", "task_event", "task_attempt", "webhook_delivery"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0
        counters = await connection.execute(text("SELECT open, running FROM account_policy"))
        assert [tuple(row) for row in counters] == [(0, 0)]


async def _outgoing(stream: WorkerStream) -> Outgoing:
    """What goes to a worker next."""
    outgoing = await stream.outgoing()
    assert outgoing is not None
    return outgoing


async def _assert_published_once(bus: Bus, tasks: list[Task]) -> None:
    """Every event of every task is in EVENTS once, and one of each task's is terminal."""
    events = [published.event for published in await events_on(bus)]
    assert Counter((event.task_id, event.sequence) for event in events) == {
        (task.id, sequence): 1 for task in tasks for sequence in range(1, task.last_sequence + 1)
    }
    assert Counter(event.task_id for event in events if state_of(event.state).terminal) == {task.id: 1 for task in tasks}
