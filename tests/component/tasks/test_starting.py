"""Tasks that start as they are stored, since a slot is free and nobody waits for it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.admission import admit_task
from services.tasks.domain.acceptance.starting import Starting
from services.tasks.model import Task
from services.tasks.model.records import FirstSlot, PolicyChange
from services.tasks.model.state import TaskState
from services.tasks.store.policies import PolicyStore
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.events import sequences_on
from tests.component.tasks.scene import ACCOUNT, LEASE, Scene
from tests.component.tasks.service import NOOP, Replica, Service, eventually
from tests.component.tasks.test_task_counters import differences
from tests.component.tasks.workers import WorkerDouble, worker_on
from tests.dying import Point

OTHER = ACCOUNT + 1
_TRANSACTIONS = text("""
SELECT task.xmin::text AS created, array_agg(task_event.xmin::text) AS events
FROM task JOIN task_event ON task_id = task.id WHERE task.id = :id GROUP BY task.xmin
""")


@pytest.fixture
def clock() -> MovableClock:
    """Starts at the real time, which the service goes by."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    """One that looks for nothing by itself, and has seen the account."""
    async with service.replica(dispatch_interval=300) as running:
        yield running


@pytest.fixture
async def worker(service: Service, replica: Replica) -> AsyncIterator[WorkerDouble]:
    """One with a free slot; the last task of the lane had another."""
    async with worker_on(replica.attempts, service.worker()) as working:
        await replica.create(service.caller(ACCOUNT))
        await working.ask()
        await working.succeed(*await working.given(), slots=1)
        await working.answered(working.admissions[0].task_id)
        yield working


async def started(scene: Scene, *, max_running: int = 1000, **new: Any) -> Task:
    """A task that was given a slot."""
    asked = await scene.new(**new)
    slot = FirstSlot(uuid.uuid4(), "worker", scene.clock() + LEASE, max_running)
    admit = partial(admit_task, asked.tasks)
    [task] = await scene.store.create(replace(asked, slot=slot), admit, terms=scene.terms, now=scene.clock(), call=None)
    return task


async def was_one_statement(engine: AsyncEngine, task_id: int) -> bool:
    """Whether a task has been stored, and started, by one statement, and nothing has changed it since."""
    async with engine.connect() as connection:
        row = (await connection.execute(_TRANSACTIONS, {"id": task_id})).one()
    return bool(row.events == [row.created] * 2)


async def test_a_task_that_starts_as_it_is_stored_is_as_if_it_had_been_taken(scene: Scene, clean_engine: AsyncEngine) -> None:
    taken = await scene.running()
    direct = await started(scene)
    assert direct.state is TaskState.RUNNING
    assert await was_one_statement(clean_engine, direct.id)
    assert not await was_one_statement(clean_engine, taken.id)
    rows = []
    for task in (taken, direct):
        now = await scene.now(task)
        told = [(event.sequence, event.state, event.attempt) for event in await scene.events(task)]
        [attempt] = await scene.store.attempts(task.id)
        rows.append((now.state, now.attempt, now.last_sequence, now.lease_until, now.start_time, now.reserved_millicredits, told))
        assert (attempt.attempt, attempt.worker, attempt.start_time) == (1, "worker", now.start_time)
    assert rows[0] == rows[1]
    assert await scene.complete(direct) is not None
    assert await scene.complete(taken) is not None
    assert await differences(clean_engine) == []
    # Each of the two was a turn.
    async with clean_engine.connect() as connection:
        assert (await connection.execute(text("SELECT virtual_time FROM lane_account"))).scalar_one() == 2
        assert (await connection.execute(text("SELECT dispatched FROM lane_class"))).scalar_one() == 2


async def test_nobody_goes_ahead_of_a_task_that_waits(scene: Scene) -> None:
    await scene.running()
    first = await scene.create(account_id=OTHER)
    assert (await started(scene)).state is TaskState.QUEUED
    # Other lanes do not matter.
    assert (await started(scene, lane="picture")).state is TaskState.RUNNING
    assert {task.id for task in await scene.take(1)} == {first.id}


async def test_an_account_at_its_limit_waits(scene: Scene, clean_engine: AsyncEngine) -> None:
    await scene.running()
    assert (await started(scene, max_running=1)).state is TaskState.QUEUED
    await scene.take(1)
    await PolicyStore(Database(clean_engine)).change(ACCOUNT, PolicyChange(max_running=3))
    assert [(await started(scene, max_running=1)).state for _ in range(2)] == [TaskState.RUNNING, TaskState.QUEUED]


async def test_the_worker_has_the_task_and_the_caller_its_creation(
    service: Service, replica: Replica, worker: WorkerDouble, clean_engine: AsyncEngine, bus: Any
) -> None:
    task = await replica.create(me := service.caller(ACCOUNT))
    assert (task.state, task.attempt) == (task_pb2.TASK_STATE_QUEUED, 0)
    admission = (await worker.given(2))[-1]
    assert (admission.task_id, admission.attempt) == (task.id, 1)
    assert await was_one_statement(clean_engine, task.id)
    await worker.succeed(admission)
    await worker.answered(task.id)
    watched = replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=me)
    states = [each.event.state async for each in watched]
    assert states == [task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING, task_pb2.TASK_STATE_SUCCEEDED]

    assert await eventually(partial(sequences_on, bus, task.id), lambda numbers: len(numbers) >= 3) == [1, 2, 3]


async def test_a_slot_whose_task_had_to_wait_takes_the_one_before(
    service: Service, replica: Replica, worker: WorkerDouble, scene: Scene
) -> None:
    """A task of another replica waits, of which this one does not know."""
    before = await scene.create(account_id=OTHER)
    task = await replica.create(service.caller(ACCOUNT))
    assert [each.task_id for each in (await worker.given(2))[1:]] == [before.id]
    await worker.ask()
    assert (await worker.given(3))[-1].task_id == task.id


async def test_a_caller_who_goes_leaves_the_worker_its_task(
    service: Service, replica: Replica, worker: WorkerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, storing = TaskStore.create, asyncio.Event()

    async def slow(*asked: Any, **values: Any) -> Any:
        storing.set()
        await asyncio.sleep(0.2)
        return await create(*asked, **values)

    monkeypatch.setattr(TaskStore, "create", slow)
    calling = asyncio.create_task(replica.create(service.caller(ACCOUNT)))
    await storing.wait()
    calling.cancel()
    assert len(await worker.given(2)) == 2


async def test_a_task_that_is_stored_by_a_call_that_fails_is_found_by_its_slot(
    service: Service, replica: Replica, worker: WorkerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, made = TaskStore.create, []

    async def lost(*asked: Any, **values: Any) -> Any:
        made.extend(await create(*asked, **values))
        raise DarkroomError(ErrorReason.UNAVAILABLE, "The answer was lost.")

    monkeypatch.setattr(TaskStore, "create", lost)
    with pytest.raises(Exception, match="lost"):
        await replica.create(service.caller(ACCOUNT))
    assert (await worker.given(2))[-1].task_id == made[0].id


async def test_a_replica_that_dies_before_it_tells_the_worker_leaves_the_task_to_the_slot(service: Service) -> None:
    """It dies between the commit and the message, which the event loop has not sent yet."""
    me = service.caller(ACCOUNT)
    async with service.replica("other") as other:
        async with service.dying(Point(Starting, "_start")) as (dying, process):
            async with worker_on(dying.attempts, service.worker()) as cut:
                asked = tasks_service_pb2.CreateTaskRequest(operations=[NOOP])
                await dying.tasks.CreateTask(asked, metadata=me, wait_for_ready=True)
                slots = await cut.ask(2)
                await cut.succeed(*await cut.given())
                await cut.answered(cut.admissions[0].task_id)
                [run_id] = [slot for slot in slots if slot != cut.admissions[0].run_id]
                with pytest.raises(Exception, match="UNAVAILABLE"):
                    await dying.create(me)
                await process.died()
            assert len(cut.admissions) == 1
        async with worker_on(other.attempts, service.worker()) as again:
            await again.say(again=[run_id])
            [admission] = await again.given()
            assert (admission.attempt, admission.run_id) == (1, run_id)
            await again.succeed(admission)
            assert await again.answered(admission.task_id) == {admission.task_id: True}
