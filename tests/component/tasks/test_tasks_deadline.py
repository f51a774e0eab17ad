"""Tasks that are not done by the time that their owner has set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.common.v1 import errors_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.bus import Bus
from services.platform.errors import ErrorReason
from services.tasks.domain.lifecycle.attempts import Deadlines
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import DEADLINE, Scene
from tests.component.tasks.service import NOOP, Replica, Service, error_of, eventually

ACCOUNT = 7_001
SECOND = timedelta(seconds=1)


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


async def create(service: Service, replica: Replica, deadline: Timestamp) -> task_pb2.Task:
    request = tasks_service_pb2.CreateTaskRequest(operations=[NOOP], deadline=deadline)
    return (await replica.tasks.CreateTask(request, metadata=service.caller(ACCOUNT))).task


def from_now(span: timedelta) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.now(UTC) + span)
    return message


@pytest.fixture
def deadlines(store: TaskStore, bus: Bus, clock: MovableClock) -> Deadlines:
    return Deadlines(store, bus, Notifications(), clock)


@pytest.mark.parametrize("state", TaskState)
async def test_an_open_task_fails_at_its_deadline_and_not_before(
    scene: Scene, deadlines: Deadlines, clock: MovableClock, state: TaskState
) -> None:
    task = await scene.in_state(state)
    clock.advance(DEADLINE.total_seconds() - 1)
    await deadlines.step()
    assert await scene.expire(task, early=SECOND) is None
    assert await scene.now(task) == task
    clock.advance(1)
    await deadlines.step()
    after = await scene.now(task)
    if state.terminal:
        assert after == task
    else:
        assert (after.state, after.error_reason, after.end_time) == (TaskState.FAILED, ErrorReason.DEADLINE_EXCEEDED, clock())
        assert (await scene.events(task))[-1].error_reason is ErrorReason.DEADLINE_EXCEEDED
    assert await scene.store.overdue(limit=10, now=clock()) == []
    assert all(attempt.end_time is not None for attempt in await scene.store.attempts(task.id))


async def test_a_deadline_to_begin_ends_only_what_has_not_begun(scene: Scene, deadlines: Deadlines, clock: MovableClock) -> None:
    begun = await scene.running(deadline_to_start=True)
    repeated = await scene.running(deadline_to_start=True)
    await scene.fail(repeated, run_at=clock.now + 2 * DEADLINE)
    waiting = await scene.create(deadline_to_start=True)
    clock.advance(DEADLINE.total_seconds())
    await deadlines.step()
    after = await scene.now(waiting)
    assert (after.state, after.error_reason, after.error_message) == (
        TaskState.FAILED,
        ErrorReason.DEADLINE_EXCEEDED,
        "The task had not begun by its deadline.",
    )
    assert [(await scene.now(task)).state for task in (begun, repeated)] == [TaskState.RUNNING, TaskState.QUEUED]
    assert await scene.expire(begun) is None


async def test_many_overdue_tasks_end_once_each_and_free_their_places(scene: Scene, deadlines: Deadlines, clock: MovableClock) -> None:
    tasks = [await scene.create() for _ in range(120)]
    clock.advance(DEADLINE.total_seconds())

    async def all_steps() -> None:
        while await deadlines.step():
            pass

    await asyncio.gather(*(all_steps() for _ in range(3)))
    for task in tasks:
        assert (await scene.now(task)).last_sequence == 2
    await scene.create(max_open=1)


async def test_a_running_task_is_stopped(
    service: Service, replica: Replica, bus_messages: asyncio.Queue[str], clean_engine: AsyncEngine
) -> None:
    deadline = from_now(3600 * SECOND)
    task = await create(service, replica, deadline)
    assert task.deadline == deadline
    await replica.started(service.worker(), task.id)
    # The hour has passed.
    async with clean_engine.begin() as connection:
        await connection.execute(text("UPDATE task SET deadline = now() WHERE id = :id"), {"id": task.id})
    failed = await eventually(lambda: replica.get(service.caller(ACCOUNT), task.id), lambda now: now.state == task_pb2.TASK_STATE_FAILED)
    assert failed.error.reason == errors_pb2.ERROR_REASON_DEADLINE_EXCEEDED
    async with asyncio.timeout(60):
        assert await bus_messages.get() == f"CANCEL.{task.id}"
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1)
    assert not (await replica.attempts.Heartbeat(beat, metadata=service.worker())).current


@pytest.mark.parametrize("deadline", [from_now(-SECOND), Timestamp(seconds=10**15)])
async def test_a_deadline_is_a_time_to_come(service: Service, replica: Replica, deadline: Timestamp) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(service, replica, deadline)
    assert error_of(refused.value)[:2] == ("FIELD_INVALID", "deadline")
