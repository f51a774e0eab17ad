"""The tasks service dies between two steps of the life of a task. `docs/task-lifecycle.md` lists the steps.

A call dies with its client's cancellation, a loop with its own, both at the exact point; a second replica, or the next step, is the service
as it was started again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.common.bus import Bus
from services.common.errors import ErrorReason
from services.common.idempotency import HEADER
from services.common.publishing import Publisher
from services.tasks.domain.lifecycle.dispatcher import Dispatcher
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.publishing import Relay
from services.tasks.domain.lifecycle.reaper import Reaper
from services.tasks.files_client import FilesClient
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import Scene
from tests.component.tasks.service import Replica, Service, eventually
from tests.component.tasks.test_task_loops import attempts, hinted, published, reaper, relay  # noqa: F401 - fixtures
from tests.halting import Halt

ACCOUNT = 7_001
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
SECOND = timedelta(seconds=1)


def running(call: Awaitable[Any]) -> asyncio.Task[Any]:
    async def wait() -> Any:
        return await call

    return asyncio.create_task(wait())


@pytest.fixture
async def replicas(service: Service) -> AsyncIterator[tuple[Replica, Replica]]:
    """The one that dies, and the one that goes on."""
    async with service.replica("a") as dying, service.replica("b") as other:
        yield dying, other


@pytest.mark.parametrize(
    ("owner", "method", "before", "kept"),
    [(FilesClient, "pin", True, False), (FilesClient, "pin", False, False), (TaskStore, "create", False, True)],
    ids=["before the pin", "after the pin", "after the commit"],
)
async def test_a_create_that_dies_is_repeated_and_makes_one_task(
    service: Service,
    replicas: tuple[Replica, Replica],
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    method: str,
    before: bool,
    kept: bool,
) -> None:
    dying, other = replicas
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    me = (*service.caller(ACCOUNT), (HEADER, "key"))
    halt = Halt(monkeypatch, owner, method, before=before)
    request = tasks_service_pb2.CreateTaskRequest(operations=[CUT_OUT], input_file_ids=[photo])
    await halt.kill(running(dying.tasks.CreateTask(request, metadata=me)))
    left = (await other.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me[:1])).tasks
    assert len(left) == kept
    again = await other.create(me, photo, operations=[CUT_OUT])
    assert [task.id for task in left] == [again.id] * kept
    # Nobody had to be woken: the task goes on by itself.
    assert (await other.started(service.worker(), again.id)).admitted
    # Files asks what became of every pin, and lets go those of tasks that there are not.
    pinned = list(service.files.pins)
    lookup = await other.attempts.LookupTasks(attempts_pb.LookupTasksRequest(task_ids=pinned), metadata=service.worker())
    assert [standing.task_id for standing in lookup.tasks] == [again.id]
    assert len(pinned) == 1 + (method == "pin" and not before)


async def test_a_dispatcher_that_dies_after_its_commit_leaves_an_offer_that_is_repeated(
    scene: Scene,
    bus: Bus,
    clock: MovableClock,
    reaper: Reaper,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = await scene.create()
    halt = Halt(monkeypatch, TaskStore, "dispatch")
    await halt.kill(running(Dispatcher("system", scene.store, bus, Notifications(), 10, 1000, clock).step()))
    assert (await scene.now(task)).state is TaskState.DISPATCHED
    assert await hinted(bus) == []
    clock.advance(30)
    await reaper.step()
    assert [hint.task_id for hint in await hinted(bus)] == [task.id]


async def test_a_dispatcher_that_dies_after_publishing_has_offered_once(
    scene: Scene, bus: Bus, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await scene.create()
    halt = Halt(monkeypatch, Publisher, "publish")
    await halt.kill(running(Dispatcher("system", scene.store, bus, Notifications(), 10, 1000, clock).step()))
    await Dispatcher("system", scene.store, bus, Notifications(), 10, 1000, clock).step()
    assert [hint.task_id for hint in await hinted(bus)] == [task.id]
    assert await scene.start(task) is not None


async def test_a_start_whose_reply_is_lost_is_given_again_to_the_same_run_only(
    service: Service, replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, other = replicas
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await eventually(lambda: other.get(me, task.id), lambda now: now.state == task_pb2.TASK_STATE_DISPATCHED)
    request = attempts_pb.StartAttemptRequest(task_id=task.id, run_id=str(uuid.uuid4()), worker="w1")
    await Halt(monkeypatch, TaskStore, "start").kill(running(dying.attempts.StartAttempt(request, metadata=worker)))
    assert not (await other.start(worker, task.id)).admitted
    again = await other.attempts.StartAttempt(request, metadata=worker)
    assert (again.admitted, again.attempt) == (True, 1)


async def test_a_completion_whose_reply_is_lost_is_accepted_again_and_charged_once(
    service: Service, replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, other = replicas
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = attempts_pb.CompleteAttemptRequest(task_id=task.id, attempt=1)
    await Halt(monkeypatch, TaskStore, "complete").kill(running(dying.attempts.CompleteAttempt(request, metadata=worker)))
    done = await other.get(me, task.id)
    assert done.state == task_pb2.TASK_STATE_SUCCEEDED
    assert (await other.attempts.CompleteAttempt(request, metadata=worker)).accepted
    assert await other.get(me, task.id) == done


async def test_a_completion_that_dies_before_its_commit_is_repeated(
    service: Service, replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, other = replicas
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = attempts_pb.CompleteAttemptRequest(task_id=task.id, attempt=1)
    await Halt(monkeypatch, TaskStore, "complete", before=True).kill(running(dying.attempts.CompleteAttempt(request, metadata=worker)))
    assert (await other.get(me, task.id)).state == task_pb2.TASK_STATE_RUNNING
    assert (await other.attempts.CompleteAttempt(request, metadata=worker)).accepted


async def test_a_failure_whose_reply_is_lost_counts_once(
    service: Service, replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, other = replicas
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = attempts_pb.FailAttemptRequest(task_id=task.id, attempt=1, reason=ErrorReason.UNAVAILABLE.number)
    await Halt(monkeypatch, TaskStore, "fail").kill(running(dying.attempts.FailAttempt(request, metadata=worker)))
    assert not (await other.attempts.FailAttempt(request, metadata=worker)).accepted
    assert (await other.started(worker, task.id)).attempt == 2


async def test_a_cancellation_that_dies_before_it_tells_the_worker_is_told_by_the_heartbeat(
    service: Service, replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying, other = replicas
    worker, me = service.worker(), service.caller(ACCOUNT)
    task = await other.create(me)
    await other.started(worker, task.id)
    request = tasks_service_pb2.CancelTaskRequest(task_id=task.id)
    await Halt(monkeypatch, TaskStore, "cancel").kill(running(dying.tasks.CancelTask(request, metadata=me)))
    assert (await other.get(me, task.id)).state == task_pb2.TASK_STATE_CANCELLED
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1)
    assert not (await other.attempts.Heartbeat(beat, metadata=worker)).current


async def test_a_reaper_that_dies_with_a_lost_attempt_in_its_hand_leaves_it_to_the_next(
    scene: Scene,
    reaper: Reaper,  # noqa: F811
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = await scene.running()
    clock.advance(31)
    await Halt(monkeypatch, TaskStore, "lost").kill(running(reaper.step()))
    assert (await scene.now(task)).state is TaskState.RUNNING
    await reaper.step()
    back = await scene.now(task)
    assert (back.state, back.error_reason, back.attempt) == (TaskState.QUEUED, ErrorReason.WORKER_LOST, 1)


async def test_a_relay_that_dies_before_publishing_leaves_the_events_to_the_next(
    scene: Scene,
    store: TaskStore,
    relay: Relay,  # noqa: F811
    bus: Bus,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = await scene.running()
    await Halt(monkeypatch, TaskStore, "take_events").kill(running(relay.step()))
    assert await published(bus, task.id) == []
    clock.advance(10)
    await relay.step()
    assert [message.event.sequence for message in await published(bus, task.id)] == [1, 2, 3]


async def test_a_sender_that_dies_before_it_sends_leaves_the_webhook_to_the_next(
    scene: Scene, clean_engine: Any, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = Hooks(clean_engine, scene, clock)
    async with Receiver() as receiver:
        await hooks.add(receiver.url)
        await hooks.ended()
        await Halt(monkeypatch, WebhookStore, "claim").kill(running(hooks.sender().step()))
        await hooks.round()
        assert receiver.requests == []
        clock.advance(30)
        await hooks.round()
        assert len(await receiver.received(1)) == 1
    [delivery] = await hooks.log()
    assert delivery.state.value == "DELIVERED"
