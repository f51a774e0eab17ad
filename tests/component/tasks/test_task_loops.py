"""Reaper and relay against real NATS, with a clock that is moved."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from darkroom.internal.tasks.v1 import events_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.bus import EVENTS_STREAM, Bus, connect, event_subject, events_subject
from services.platform.errors import ErrorReason
from services.tasks.domain.lifecycle import exchange as lane_exchange
from services.tasks.domain.lifecycle.attempts import AttemptRules, Attempts, Reaper
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.publishing import Announcer, EventPublisher, Relay
from services.tasks.domain.lifecycle.retry import RetryPolicy
from services.tasks.domain.lifecycle.worker_stream import End
from services.tasks.model.records import Completion, OutgoingEvent
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from services.tasks.surfaces.internal.events import pack_events
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.events import events_on
from tests.component.tasks.exchanges import exchange_on
from tests.component.tasks.scene import ACCOUNT, LEASE, TIMEOUT, Scene

SECOND = timedelta(seconds=1)


@pytest.fixture
def attempts(store: TaskStore, clock: MovableClock) -> Attempts:
    retry = RetryPolicy(max_attempts=5, max_attempts_internal=2, max_lost_workers=3, base=SECOND, limit=60 * SECOND)
    return Attempts(store, Notifications(), AttemptRules(LEASE, 5 * SECOND, TIMEOUT, 0.01, retry), clock)


@pytest.fixture
def reaper(attempts: Attempts) -> Reaper:
    return Reaper(attempts)


def relay_of(store: TaskStore, bus: Bus, clock: MovableClock, age: timedelta = timedelta()) -> Relay:
    return Relay(store, EventPublisher(bus, pack_events), 10 * SECOND, clock, age)


@pytest.fixture
def relay(store: TaskStore, bus: Bus, clock: MovableClock) -> Relay:
    return relay_of(store, bus, clock)


async def published(bus: Bus, task_id: int) -> list[events_pb2.PublishedEvent]:
    """Every event of a task in EVENTS, in the order of the stream."""
    return [event for event in await events_on(bus) if event.event.task_id == task_id]


async def test_an_ended_lease_sends_the_task_back(scene: Scene, reaper: Reaper, clock: MovableClock) -> None:
    task = await scene.running()
    clock.advance(29.9)
    await reaper.step()
    assert (await scene.now(task)).state is TaskState.RUNNING
    clock.advance(0.1)
    await reaper.step()
    back = await scene.now(task)
    assert (back.state, back.error_reason, back.attempt) == (TaskState.QUEUED, ErrorReason.WORKER_LOST, 1)
    assert back.run_at is not None
    assert clock() <= back.run_at <= clock() + SECOND


async def test_after_the_last_attempt_an_ended_lease_is_the_end(scene: Scene, reaper: Reaper, clock: MovableClock) -> None:
    task = await scene.running(max_attempts=1)
    clock.advance(31)
    await reaper.step()
    assert (await scene.now(task)).state is TaskState.FAILED


async def test_a_task_that_takes_its_workers_down_is_given_up_before_its_last_attempt(
    scene: Scene, reaper: Reaper, clock: MovableClock
) -> None:
    task = await scene.running(max_attempts=5)
    # Another failure in between does not count.
    await scene.fail(task, attempt=1, reason=ErrorReason.UNAVAILABLE)
    for attempt in (2, 3, 4):
        clock.advance(31)
        assert await scene.start(task) is not None
        clock.advance(31)
        await reaper.step()
        now = await scene.now(task)
        assert (now.state, now.attempt) == (TaskState.QUEUED if attempt < 4 else TaskState.FAILED, attempt)
    assert (now.error_reason, now.error_message) == (
        ErrorReason.WORKER_LOST,
        "3 workers running the task were lost, so it is not retried.",
    )
    history = await scene.store.attempts(task.id)
    assert [attempt.error_reason for attempt in history] == [ErrorReason.UNAVAILABLE, *[ErrorReason.WORKER_LOST] * 3]


async def test_an_attempt_that_takes_too_long_is_ended_though_its_worker_lives(
    scene: Scene, attempts: Attempts, reaper: Reaper, clock: MovableClock
) -> None:
    task = await scene.running()
    for _ in range(180):
        clock.advance(20)
        assert await attempts.heartbeat(task.id, 1, 0.5, "")
    assert (await scene.now(task)).state is TaskState.RUNNING
    await reaper.step()
    back = await scene.now(task)
    assert (back.state, back.error_reason) == (TaskState.QUEUED, ErrorReason.UNAVAILABLE)
    assert back.error_message == "The attempt exceeded the limit of 3600 seconds."
    assert not await attempts.heartbeat(task.id, 1, 0.6, "")


async def test_events_are_published_in_order_with_the_outputs_on_success(scene: Scene, relay: Relay, bus: Bus) -> None:
    task = await scene.running()
    await relay.step()
    await scene.progress(task, 0.5, "half")
    await scene.complete(task, outputs=(21, 22))
    await relay.step()
    events = await published(bus, task.id)
    assert [message.event.sequence for message in events] == [1, 2, 3, 4]
    assert {message.account_id for message in events} == {ACCOUNT}
    assert [list(message.output_file_ids) for message in events] == [[], [], [], [21, 22]]
    assert events[2].event.message == "half"


async def test_relays_at_once_publish_each_event_once(scene: Scene, store: TaskStore, bus: Bus, clock: MovableClock) -> None:
    tasks = [await scene.running() for _ in range(10)]
    await asyncio.gather(*(relay_of(store, bus, clock).step() for _ in range(5)))
    assert len(await events_on(bus)) == 2 * len(tasks)


async def test_an_announced_event_is_published_once_and_the_relay_takes_what_was_not(
    scene: Scene, store: TaskStore, bus: Bus, clock: MovableClock
) -> None:
    on_done = Mock()
    announcer, relay = Announcer(store, EventPublisher(bus, pack_events), on_done), relay_of(store, bus, clock, 2 * SECOND)
    task = await scene.create()
    assert await announcer.step() is False
    on_done.assert_not_called()
    announcer.add(OutgoingEvent.newest_of(task))
    await scene.take()  # By a process that dies before it announces this.
    assert await announcer.step() is False
    on_done.assert_called_once()
    await announcer.forget()
    assert [message.event.sequence for message in await published(bus, task.id)] == [1]
    await relay.step()  # Too early: a process may be about to announce it.
    assert len(await published(bus, task.id)) == 1
    clock.advance(2)
    await relay.step()
    assert [message.event.sequence for message in await published(bus, task.id)] == [1, 2]


@pytest.mark.parametrize(("files", "told"), [({}, True), ({"inputs": [], "expected_outputs": 0}, False)], ids=["files", "none"])
async def test_the_end_of_a_task_without_files_is_no_message_for_files(
    scene: Scene, store: TaskStore, bus: Bus, files: dict[str, Any], told: bool
) -> None:
    announcer = Announcer(store, EventPublisher(bus, pack_events), Mock())
    ended = await scene.cancel(await scene.create(**files))
    assert ended is not None
    announcer.add(OutgoingEvent.newest_of(ended))
    await announcer.step()
    [event] = await published(bus, ended.id)
    assert event.event.state == task_pb2.TASK_STATE_CANCELLED
    message = await bus.jetstream.get_last_msg(EVENTS_STREAM, events_subject(ACCOUNT))
    assert message.subject == event_subject(ACCOUNT, end=told)


async def test_what_a_statement_did_is_forgotten_only_once_every_event_of_it_is_published(
    scene: Scene, store: TaskStore, bus: Bus, clock: MovableClock
) -> None:
    announcer, relay = Announcer(store, EventPublisher(bus, pack_events), Mock()), relay_of(store, bus, clock, 2 * SECOND)
    tasks = [await scene.create() for _ in range(3)]
    clock.advance(10)
    await relay.step()
    started = await scene.take()
    assert {(task.outbox_id, task.outbox_events) for task in started} == {(started[0].outbox_id, 3)}
    for task in started[:2]:
        announcer.add(OutgoingEvent.newest_of(task))
        await announcer.step()
        await announcer.forget()
    # The process dies before it announces the third.
    assert [event.event.sequence for event in await events_on(bus)] == [1, 1, 1, 2, 2]
    clock.advance(2)
    await relay.step()
    assert {event.event.task_id for event in await events_on(bus) if event.event.sequence == 2} == {task.id for task in tasks}
    assert await _unpublished(store, clock) == 0

    for task in await asyncio.gather(*map(scene.complete, started)):
        assert task is not None
        announcer.add(OutgoingEvent.newest_of(task))
    await announcer.step()
    assert await _unpublished(store, clock) == 3
    clock.advance(3600)
    await announcer.forget()
    assert await _unpublished(store, clock) == 0


async def test_events_of_a_task_that_is_deleted_first_are_forgotten(
    scene: Scene, store: TaskStore, relay: Relay, bus: Bus, clock: MovableClock
) -> None:
    task, other = await scene.in_state(TaskState.CANCELLED), await scene.create()
    assert await store.delete(ACCOUNT, task.id)
    await relay.step()
    assert [event.event.task_id for event in await events_on(bus)] == [other.id]
    assert await _unpublished(store, clock) == 0


async def _unpublished(store: TaskStore, clock: MovableClock) -> int:
    """How many events some relay would still publish."""
    later = clock() + 3600 * SECOND
    return len(await store.take_events(limit=100, retry_at=clock(), now=later))


async def test_a_large_backlog_is_relayed_in_batches(scene: Scene, store: TaskStore, relay: Relay, bus: Bus) -> None:
    for _ in range(101):
        await scene.create()
    assert await relay.step() is True
    assert await relay.step() is False
    assert len(await events_on(bus)) == 101


async def test_without_nats_no_event_is_taken_but_tasks_start_and_leases_end(
    scene: Scene, store: TaskStore, attempts: Attempts, nats_url: str, clock: MovableClock
) -> None:
    async with connect(nats_url, "tests", 1) as gone:
        await gone.client.close()
        running = await scene.running()
        clock.advance(31)
        waiting = await scene.create()
        exchange = exchange_on(store, attempts, gone, Notifications(), clock)
        stream = exchange.open("worker")
        await exchange.step()
        stream.hear(free=[uuid.uuid4()], again=[], ends=[], draining=False, moment=1)
        await exchange.step()
        assert await relay_of(store, gone, clock).step() is False
        await Reaper(attempts).step()
    assert (await scene.now(waiting)).state is TaskState.RUNNING
    assert (await scene.now(running)).error_reason is ErrorReason.WORKER_LOST
    assert len(await store.take_events(limit=100, retry_at=clock() + SECOND, now=clock())) == 5


async def test_ends_that_come_while_tasks_start_are_stored_together(
    scene: Scene, store: TaskStore, attempts: Attempts, bus: Bus, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_exchange, "_GATHERING", 3600.0)
    tasks = [await scene.create() for _ in range(3)]
    exchange = exchange_on(store, attempts, bus, Notifications(), clock)
    stream = exchange.open("worker")
    for ended in (None, *tasks[:2]):
        ends = [End(ended.id, 1, Completion(ended.id, 1, []))] if ended is not None else []
        stream.hear(free=[uuid.uuid4()], again=[], ends=ends, draining=False, moment=1)
        await exchange.step()
    # The first was stored at once; the second waits for the third.
    assert [(await scene.now(task)).state for task in tasks] == [TaskState.SUCCEEDED, TaskState.RUNNING, TaskState.RUNNING]
    stream.hear(free=[], again=[], ends=[End(tasks[2].id, 1, Completion(tasks[2].id, 1, []))], draining=False, moment=2)
    await exchange.step()
    assert [(await scene.now(task)).state for task in tasks] == [TaskState.SUCCEEDED] * 3
