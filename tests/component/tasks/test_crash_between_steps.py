"""The tasks service dies between two steps of the life of a task: SIGKILL, exactly there.

`docs/explanation/task-lifecycle.md` lists the steps.

The one that dies is a process of its own. What it left is looked at and taken up by another replica, or by the next step of a loop.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.bus import Bus
from services.platform.errors import ErrorReason
from services.platform.idempotent_call import HEADER
from services.tasks.domain.lifecycle.attempts import Reaper
from services.tasks.domain.lifecycle.publishing import Relay
from services.tasks.files_client import FilesClient
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import LEASE, Scene
from tests.component.tasks.service import LONG_LEASE, Replica, Service
from tests.component.tasks.test_task_loops import attempts, published, reaper, relay  # noqa: F401 - fixtures
from tests.component.tasks.workers import worker_on
from tests.dying import Dying, Point

ACCOUNT = 7_001
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


@pytest.fixture
def clock() -> MovableClock:
    """Starts at the real time, which the process that dies goes by."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
async def other(service: Service) -> AsyncIterator[Replica]:
    """The replica that goes on."""
    async with service.replica("other", lease=LONG_LEASE) as replica:
        yield replica


async def call(method: Any, request: Any, metadata: tuple[tuple[str, str], ...], process: Dying) -> None:
    """A call that its service does not survive: the client hears no more than that the connection is gone."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(request, metadata=metadata, wait_for_ready=True, timeout=60)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    await process.died()


async def told_to_a_dying_replica(service: Service, point: Point, end: attempts_pb.AttemptEnd) -> None:
    """An end that a replica carries out and does not answer."""
    async with service.dying(point) as (dying, process), worker_on(dying.attempts, service.worker()) as worker:
        await worker.say(ends=[end])
        await process.died()
        assert not worker.answers


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("point", "kept"),
    [(Point(FilesClient, "pin"), False), (Point(TaskStore, "create"), True)],
    ids=["after the pin", "after the commit"],
)
async def test_a_create_that_dies_is_repeated_and_makes_one_task(service: Service, other: Replica, point: Point, kept: bool) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    me = (*service.caller(ACCOUNT), (HEADER, "key"))
    request = tasks_service_pb2.CreateTaskRequest(operations=[CUT_OUT], input_file_ids=[photo])
    async with service.dying(point) as (dying, process):
        await call(dying.tasks.CreateTask, request, me, process)
    left = (await other.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me[:1])).tasks
    assert len(left) == kept
    again = await other.create(me, photo, operations=[CUT_OUT])
    assert [task.id for task in left] == [again.id] * kept
    # Nobody had to be woken: the task goes on by itself.
    assert (await other.started(service.worker(), again.id)).attempt == 1
    # Files asks what became of every pin, and lets go those of tasks that there are not.
    pinned = list(service.files.pins)
    lookup = await other.attempts.LookupTasks(attempts_pb.LookupTasksRequest(task_ids=pinned), metadata=service.files_service())
    assert [standing.task_id for standing in lookup.tasks] == [again.id]
    assert len(pinned) == (1 if kept else 2)


async def test_a_task_that_was_taken_when_its_replica_died_goes_to_the_slot_that_it_was_taken_for(service: Service, other: Replica) -> None:
    """Killed between the commit and the message to the worker, which then asks another replica for the same slot."""
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    async with service.dying(Point(TaskStore, "take")) as (dying, process):
        async with worker_on(dying.attempts, worker) as cut:
            [run_id] = await cut.ask()
            await process.died()
        assert not cut.admissions
    running = await other.get(me, task.id)
    assert running.state == task_pb2.TASK_STATE_RUNNING
    async with worker_on(other.attempts, worker) as again:
        await again.say(again=[run_id], free=[uuid.uuid4().bytes])
        [admission] = await again.given()
        assert (admission.task_id, admission.attempt, admission.run_id) == (task.id, 1, run_id)
        await again.succeed(admission)
        assert await again.answered(task.id) == {task.id: True}
    assert len((await other.get(me, task.id)).attempts) == 1


async def test_a_completion_whose_reply_is_lost_is_accepted_again_and_charged_once(service: Service, other: Replica) -> None:
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    end = attempts_pb.AttemptEnd(task_id=task.id, attempt=1, success=attempts_pb.AttemptSuccess())
    await told_to_a_dying_replica(service, Point(TaskStore, "complete"), end)
    done = await other.get(me, task.id)
    assert done.state == task_pb2.TASK_STATE_SUCCEEDED
    async with worker_on(other.attempts, worker) as again:
        await again.say(ends=[end])
        assert await again.answered(task.id) == {task.id: True}
    assert await other.get(me, task.id) == done


@pytest.mark.thorough
async def test_an_end_and_the_task_taken_meanwhile_are_both_found_again(service: Service, other: Replica) -> None:
    """Killed with the next task taken for the slot that an end has freed, and that end stored or not."""
    worker, me = service.worker(), service.caller(ACCOUNT)
    first = await other.create(me)
    await other.started(worker, first.id)
    second, run_id = await other.create(me), uuid.uuid4().bytes
    end = attempts_pb.AttemptEnd(task_id=first.id, attempt=1, success=attempts_pb.AttemptSuccess())
    async with service.dying(Point(TaskStore, "take")) as (dying, process), worker_on(dying.attempts, worker) as cut:
        await cut.say(ends=[end], free=[run_id])
        await process.died()
        assert not cut.answers
        assert not cut.admissions
    async with worker_on(other.attempts, worker) as again:
        await again.say(ends=[end], again=[run_id])
        [admission] = await again.given()
        assert (admission.task_id, admission.attempt, admission.run_id) == (second.id, 1, run_id)
        assert await again.answered(first.id) == {first.id: True}
    assert [len((await other.get(me, task.id)).attempts) for task in (first, second)] == [1, 1]


@pytest.mark.thorough
async def test_a_failure_whose_reply_is_lost_counts_once(service: Service, other: Replica) -> None:
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    failure = attempts_pb.AttemptFailure(reason=ErrorReason.UNAVAILABLE.number)
    end = attempts_pb.AttemptEnd(task_id=task.id, attempt=1, failure=failure)
    await told_to_a_dying_replica(service, Point(TaskStore, "fail"), end)
    async with worker_on(other.attempts, worker) as again:
        await again.say(ends=[end])
        assert await again.answered(task.id) == {task.id: False}
    assert (await other.started(worker, task.id)).attempt == 2


@pytest.mark.thorough
async def test_a_cancellation_that_dies_before_it_tells_the_worker_is_told_by_the_heartbeat(service: Service, other: Replica) -> None:
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = tasks_service_pb2.CancelTaskRequest(task_id=task.id)
    async with service.dying(Point(TaskStore, "cancel")) as (dying, process):
        await call(dying.tasks.CancelTask, request, me, process)
    assert (await other.get(me, task.id)).state == task_pb2.TASK_STATE_CANCELLED
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1)
    assert not (await other.attempts.Heartbeat(beat, metadata=worker)).current


async def test_a_reaper_that_dies_with_a_lost_attempt_in_its_hand_leaves_it_to_the_next(
    service: Service,
    scene: Scene,
    reaper: Reaper,  # noqa: F811
    clock: MovableClock,
) -> None:
    clock.now -= LEASE + timedelta(seconds=1)
    task = await scene.running()
    async with service.dying(Point(TaskStore, "lost_attempts")) as (_, process):
        await process.died()
    assert (await scene.now(task)).state is TaskState.RUNNING
    clock.now = datetime.now(UTC)
    await reaper.step()
    back = await scene.now(task)
    assert (back.state, back.error_reason, back.attempt) == (TaskState.QUEUED, ErrorReason.WORKER_LOST, 1)


async def test_a_relay_that_dies_before_publishing_leaves_the_events_to_the_next(
    service: Service,
    scene: Scene,
    relay: Relay,  # noqa: F811
    bus: Bus,
    clock: MovableClock,
) -> None:
    task = await scene.running()
    async with service.dying(Point(TaskStore, "take_events")) as (_, process):
        await process.died()
    assert await published(bus, task.id) == []
    clock.now = datetime.now(UTC) + timedelta(seconds=10)
    await relay.step()
    assert [message.event.sequence for message in await published(bus, task.id)] == [1, 2]


@pytest.mark.thorough
async def test_a_relay_that_dies_before_marking_lets_the_next_send_again_what_nobody_gets_twice(
    service: Service,
    scene: Scene,
    store: TaskStore,
    relay: Relay,  # noqa: F811
    bus: Bus,
    clock: MovableClock,
) -> None:
    task = await scene.running()
    async with service.dying(Point(TaskStore, "events_relayed", before=True)) as (_, process):
        await process.died()
    assert len(await published(bus, task.id)) == 2
    clock.now = datetime.now(UTC) + timedelta(seconds=10)
    await relay.step()
    assert len(await published(bus, task.id)) == 2
    clock.advance(3600)
    assert await store.take_events(limit=10, retry_at=clock(), now=clock()) == []


async def test_a_sender_that_dies_before_it_sends_leaves_the_webhook_to_the_next(
    service: Service, scene: Scene, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    async with Receiver() as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        async with service.dying(Point(WebhookStore, "claim")) as (_, process):
            await process.died()
        clock.now = datetime.now(UTC)
        await hooks.round()
        assert receiver.requests == []
        clock.advance(300)
        await hooks.round()
        assert len(await receiver.received(1)) == 1
    [delivery] = await hooks.log()
    assert delivery.state.value == "DELIVERED"
