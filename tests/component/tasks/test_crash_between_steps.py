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
from services.common.bus import Bus
from services.common.errors import ErrorReason
from services.common.idempotent_call import HEADER
from services.tasks.domain.lifecycle.publishing import Relay
from services.tasks.domain.lifecycle.reaper import Reaper
from services.tasks.files_client import FilesClient
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import LEASE, Scene
from tests.component.tasks.service import Replica, Service, eventually
from tests.component.tasks.test_task_loops import attempts, hinted, published, reaper, relay  # noqa: F401 - fixtures
from tests.dying import Dying, Point

ACCOUNT = 7_001
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


@pytest.fixture
def clock() -> MovableClock:
    """Starts at the real time, which the process that dies goes by."""
    clock = MovableClock()
    clock.now = datetime.now(UTC)
    return clock


@pytest.fixture
async def other(service: Service) -> AsyncIterator[Replica]:
    """The replica that goes on."""
    async with service.replica("other") as replica:
        yield replica


async def call(method: Any, request: Any, metadata: tuple[tuple[str, str], ...], process: Dying) -> None:
    """A call that its service does not survive: the client hears no more than that the connection is gone."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(request, metadata=metadata, wait_for_ready=True, timeout=60)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    await process.died()


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
    assert (await other.started(service.worker(), again.id)).admitted
    # Files asks what became of every pin, and lets go those of tasks that there are not.
    pinned = list(service.files.pins)
    lookup = await other.attempts.LookupTasks(attempts_pb.LookupTasksRequest(task_ids=pinned), metadata=service.files_service())
    assert [standing.task_id for standing in lookup.tasks] == [again.id]
    assert len(pinned) == (1 if kept else 2)


async def test_a_dispatcher_that_dies_after_its_commit_leaves_an_offer_that_is_repeated(
    service: Service,
    scene: Scene,
    bus: Bus,
    clock: MovableClock,
    reaper: Reaper,  # noqa: F811
) -> None:
    task = await scene.create()
    async with service.dying(Point(TaskStore, "dispatch")) as (_, process):
        await process.died()
    assert (await scene.now(task)).state is TaskState.DISPATCHED
    assert await hinted(bus) == []
    clock.now = datetime.now(UTC) + timedelta(seconds=31)
    await reaper.step()
    assert [hint.task_id for hint in await hinted(bus)] == [task.id]


async def test_a_start_whose_reply_is_lost_is_given_again_to_the_same_run_only(service: Service, other: Replica) -> None:
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await eventually(lambda: other.get(me, task.id), lambda now: now.state == task_pb2.TASK_STATE_DISPATCHED)
    request = attempts_pb.StartAttemptRequest(task_id=task.id, run_id=str(uuid.uuid4()), worker="w1")
    async with service.dying(Point(TaskStore, "start")) as (dying, process):
        await call(dying.attempts.StartAttempt, request, worker, process)
    assert not (await other.start(worker, task.id)).admitted
    again = await other.attempts.StartAttempt(request, metadata=worker)
    assert (again.admitted, again.attempt) == (True, 1)


async def test_a_completion_whose_reply_is_lost_is_accepted_again_and_charged_once(service: Service, other: Replica) -> None:
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = attempts_pb.CompleteAttemptRequest(task_id=task.id, attempt=1)
    async with service.dying(Point(TaskStore, "complete")) as (dying, process):
        await call(dying.attempts.CompleteAttempt, request, worker, process)
    done = await other.get(me, task.id)
    assert done.state == task_pb2.TASK_STATE_SUCCEEDED
    assert (await other.attempts.CompleteAttempt(request, metadata=worker)).accepted
    assert await other.get(me, task.id) == done


async def test_a_failure_whose_reply_is_lost_counts_once(service: Service, other: Replica) -> None:
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = attempts_pb.FailAttemptRequest(task_id=task.id, attempt=1, reason=ErrorReason.UNAVAILABLE.number)
    async with service.dying(Point(TaskStore, "fail")) as (dying, process):
        await call(dying.attempts.FailAttempt, request, worker, process)
    assert not (await other.attempts.FailAttempt(request, metadata=worker)).accepted
    assert (await other.started(worker, task.id)).attempt == 2


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
    async with service.dying(Point(TaskStore, "lost")) as (_, process):
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
    assert [message.event.sequence for message in await published(bus, task.id)] == [1, 2, 3]


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
    assert len(await published(bus, task.id)) == 3
    clock.now = datetime.now(UTC) + timedelta(seconds=10)
    await relay.step()
    assert len(await published(bus, task.id)) == 3
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
