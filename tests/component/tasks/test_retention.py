"""What expires when, with the time moved forward, and many sweepers at once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.tasks.v1 import task_pb2
from darkroom.tasks.v1 import tasks_service_pb2 as pb
from services.platform.database import Database
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.retention import RetentionSettings, RetentionSweeper, rules
from services.tasks.model import Task
from services.tasks.model.state import DeliveryState, TaskState
from services.tasks.store.retention import RetentionStore
from tests.component.tasks.batches import Batches
from tests.component.tasks.books import Books
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.scene import ACCOUNT, ENFORCED, PRICE, Scene
from tests.component.tasks.service import Service, eventually

DAY = 86_400.0


@pytest.fixture
def sweeper(clean_engine: AsyncEngine, clock: MovableClock) -> RetentionSweeper:
    return RetentionSweeper(RetentionStore(Database(clean_engine)), rules(RetentionSettings()), clock)


async def sweep(*sweepers: RetentionSweeper) -> None:
    """Until nothing is due."""
    while any(await asyncio.gather(*(each.step() for each in sweepers))):
        pass


async def rows(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def sequences(scene: Scene, task: Task) -> list[int]:
    return [event.sequence for event in await scene.events(task)]


@pytest.fixture
def hooks(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> Hooks:
    return Hooks(clean_engine, scene, clock)


async def relayed(scene: Scene, clock: MovableClock) -> None:
    """As if every event had been published."""
    events = await scene.store.take_events(limit=10_000, retry_at=clock() + timedelta(seconds=10), now=clock())
    await scene.store.events_relayed(events)


@pytest.mark.parametrize("state", TaskState)
async def test_a_task_is_kept_for_thirty_days_after_its_end(
    scene: Scene, sweeper: RetentionSweeper, clean_engine: AsyncEngine, clock: MovableClock, state: TaskState
) -> None:
    task = await scene.in_state(state)
    clock.advance(30 * DAY - 1)
    await sweep(sweeper)
    assert (await scene.now(task)).state is state
    clock.advance(1)
    await sweep(sweeper)
    left = 0 if state.terminal else 1
    assert await rows(clean_engine, "task") == left
    assert bool(await rows(clean_engine, "task_event")) == bool(left)
    assert await rows(clean_engine, "task_attempt") == (1 if state is TaskState.RUNNING else 0)


async def test_after_a_week_the_last_event_of_a_task_is_left(scene: Scene, sweeper: RetentionSweeper, clock: MovableClock) -> None:
    early, late, going = await scene.running(), await scene.running(), await scene.running()
    await scene.progress(early, 0.5)
    await scene.complete(early)
    clock.advance(3600)
    await scene.complete(late)
    await relayed(scene, clock)
    clock.advance(7 * DAY - 3601)
    await sweep(sweeper)
    assert await sequences(scene, early) == [1, 2, 3, 4]
    clock.advance(1)
    await sweep(sweeper)
    assert await sequences(scene, early) == [4]
    assert await sequences(scene, late) == [1, 2, 3]
    assert await sequences(scene, going) == [1, 2]
    assert len(await scene.store.attempts(early.id)) == 1
    clock.advance(3600)
    await sweep(sweeper)
    assert await sequences(scene, late) == [3]
    assert await sequences(scene, going) == [1, 2]


async def test_tasks_that_ended_at_the_same_moment_lose_their_events_over_several_batches(
    scene: Scene, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    tasks = [await scene.in_state(TaskState.CANCELLED) for _ in range(7)]
    await relayed(scene, clock)
    clock.advance(7 * DAY)
    [policy] = [rule for rule in rules(RetentionSettings()) if rule.name == "events"]
    small = RetentionSweeper(RetentionStore(Database(clean_engine)), [replace(policy, batch=3)], clock)
    assert [await small.step() for _ in range(3)] == [True, True, False]
    assert [await sequences(scene, task) for task in tasks] == [[2]] * 7


async def test_an_event_that_is_not_published_yet_is_kept_with_its_task(
    scene: Scene, sweeper: RetentionSweeper, clock: MovableClock
) -> None:
    task = await scene.in_state(TaskState.SUCCEEDED)
    clock.advance(8 * DAY)
    await sweep(sweeper)
    assert await sequences(scene, task) == [1, 2, 3]


async def test_the_log_of_deliveries_is_kept_for_two_weeks(hooks: Hooks, sweeper: RetentionSweeper, clock: MovableClock) -> None:
    webhook, _ = await hooks.add("http://127.0.0.1:9/")
    await hooks.ended()
    for _ in range(3):
        await hooks.round()
        clock.advance(100)
    await hooks.webhooks.test(ACCOUNT, webhook.id)
    clock.advance(14 * DAY - 200)
    await sweep(sweeper)
    assert [delivery.state for delivery in await hooks.log()] == [DeliveryState.FAILED, DeliveryState.PENDING]
    clock.advance(100)
    await sweep(sweeper)
    # The test event was never tried: it is kept until it has ended.
    assert [delivery.event_type for delivery in await hooks.log()] == ["webhook.test"]


async def test_the_ledger_outlives_its_tasks_and_a_refund_is_still_possible(
    scene: Scene, sweeper: RetentionSweeper, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    books = Books(clean_engine, clock)
    await books.have(3 * PRICE)
    scene.terms = ENFORCED
    done, failed, going = await scene.running(), await scene.running(), await scene.running()
    await scene.complete(done)
    await scene.fail(failed, attempts_allowed=1)
    clock.advance(31 * DAY)
    await sweep(sweeper)
    assert await rows(clean_engine, "task") == 1
    assert await books.state() == (PRICE, PRICE)
    await books.refund(done.id, note="late")
    await scene.complete(going)
    available = sum(entry.amount_millicredits for entry in await books.entries() if entry.kind in ("GRANT", "REFUND", "RELEASE"))
    reserved = sum(entry.amount_millicredits for entry in await books.entries() if entry.kind == "RESERVE")
    assert await books.state() == (available - reserved, 0) == (2 * PRICE, 0)


async def test_sweepers_at_once_remove_each_task_once_and_nothing_that_is_open(
    scene: Scene, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    policy = [replace(rule, batch=7) for rule in rules(RetentionSettings())]
    ended = [await scene.in_state(TaskState.SUCCEEDED) for _ in range(40)]
    going = [await scene.running() for _ in range(10)]
    await relayed(scene, clock)
    clock.advance(31 * DAY)
    sweepers = [RetentionSweeper(RetentionStore(Database(clean_engine)), policy, clock) for _ in range(4)]
    # Their owner deletes some at the same moment, and the open ones end.
    deleted, _, *completed = await asyncio.gather(
        asyncio.gather(*(scene.store.delete(ACCOUNT, task.id) for task in random.Random(7).sample(ended, 20))),
        sweep(*sweepers),
        *(scene.complete(task) for task in going),
    )
    assert None not in completed
    assert len(deleted) == 20
    await sweep(*sweepers)
    assert {task.id for task in await scene.store.page(ACCOUNT, states=[], before_id=10**15, limit=100)} == {task.id for task in going}
    assert await rows(clean_engine, "task_attempt") == 10
    clock.advance(30 * DAY)
    await sweep(*sweepers)
    assert [await rows(clean_engine, table) for table in ("task", "task_event", "task_attempt")] == [0, 0, 0]


async def test_idempotency_sweeps_at_once_forget_what_has_expired(clean_engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
    async def create(number: int) -> None:
        call = IdempotentCall(ACCOUNT, "/create", f"key {number}", b"")
        await scene.try_or_raise(call=call)

    for number in range(20):
        await create(number)
    clock.advance(DAY)
    await create(20)
    await asyncio.gather(*(IdempotencyRecords(Database(clean_engine), clock).sweep() for _ in range(4)))
    assert await rows(clean_engine, "idempotency") == 1


async def test_owners_see_until_when_a_task_is_kept(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica(task_retention=2 * DAY) as replica:
        task = await replica.create(me)
        assert not (await replica.get(me, task.id)).HasField("expire_time")
        cancelled = (await replica.tasks.CancelTask(pb.CancelTaskRequest(task_id=task.id), metadata=me)).task
        [listed] = (await replica.tasks.ListTasks(pb.ListTasksRequest(), metadata=me)).tasks
        for shown in (cancelled, await replica.get(me, task.id), listed):
            assert shown.expire_time.ToDatetime() - shown.end_time.ToDatetime() == timedelta(days=2)


async def test_the_service_sweeps_and_a_watcher_still_learns_of_an_end_long_ago(service: Service, clean_engine: AsyncEngine) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica(retention_interval=0.05) as replica:
        old, older = await replica.create(me), await replica.create(me)
        for task in (old, older):
            await replica.tasks.CancelTask(pb.CancelTaskRequest(task_id=task.id), metadata=me)

        async def unpublished() -> int:
            return await rows(clean_engine, "event_outbox")

        await eventually(unpublished, lambda count: count == 0)
        async with clean_engine.begin() as connection:
            age = text("UPDATE task SET end_time = end_time - CAST(:age AS interval) WHERE id = :id")
            await connection.execute(age, {"age": timedelta(days=40), "id": older.id})
            await connection.execute(age, {"age": timedelta(days=8), "id": old.id})
        await eventually(lambda: rows(clean_engine, "task_event"), lambda count: count == 1)
        [left] = (await replica.tasks.ListTasks(pb.ListTasksRequest(), metadata=me)).tasks
        assert left.id == old.id
        events = [reply.event async for reply in replica.tasks.WatchTask(pb.WatchTaskRequest(task_id=old.id), metadata=me)]
        assert [(event.state, event.sequence) for event in events] == [(task_pb2.TASK_STATE_CANCELLED, left.last_sequence)]


async def test_a_batch_is_forgotten_after_the_last_of_its_tasks(
    scene: Scene, sweeper: RetentionSweeper, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    early, late = await Batches(clean_engine, clock).create(2)
    await scene.cancel(early)
    clock.advance(DAY)
    await scene.cancel(late)
    clock.advance(30 * DAY - 1)
    await sweep(sweeper)
    assert (await rows(clean_engine, "task"), await rows(clean_engine, "batch")) == (1, 1)
    clock.advance(1)
    await sweep(sweeper)
    assert (await rows(clean_engine, "task"), await rows(clean_engine, "batch")) == (0, 0)
