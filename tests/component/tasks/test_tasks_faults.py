"""The running service while its surroundings fail, and several replicas of it at once."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import nats
import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.bus import Bus
from services.platform.errors import ErrorReason
from services.platform.process import end
from tests.component.tasks.events import events_on
from tests.component.tasks.service import Service, error_of, eventually
from tests.component.tasks.workers import WorkerDouble, worker_on
from tests.stacks import StackUnderTest

ACCOUNT = 7_001
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


@pytest.fixture
async def restored_nats(components: StackUnderTest) -> AsyncIterator[StackUnderTest]:
    yield components
    await asyncio.to_thread(components.up, ["nats"])


@pytest.mark.breaks("nats")
async def test_without_nats_tasks_are_accepted_and_go_on_when_it_is_back(service: Service, bus: Bus, restored_nats: StackUnderTest) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        early = await replica.create(me)
        await asyncio.to_thread(restored_nats.stop, "nats")
        created = [await replica.create(me) for _ in range(3)]
        tasks = [early, *created]
        watch = replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=created[0].id), metadata=me)
        first = await watch.read()
        assert first.event.state == task_pb2.TASK_STATE_QUEUED  # type: ignore[attr-defined]  # or the end of the stream
        cancelled = tasks_service_pb2.CancelTaskRequest(task_id=created[1].id)
        assert (await replica.tasks.CancelTask(cancelled, metadata=me)).task.state == task_pb2.TASK_STATE_CANCELLED
        await asyncio.to_thread(restored_nats.start, "nats")
        for task in (early, created[0], created[2]):
            await replica.started(service.worker(), task.id)

        async def messages() -> int:
            try:
                return len({(published.event.task_id, published.event.sequence) for published in await events_on(bus)})
            except nats.errors.Error:
                return 0

        # Three tasks of two events, and the cancelled one's two.
        assert await eventually(messages, lambda count: count >= 8) == 8
        second = await watch.read()
        assert second.event.state == task_pb2.TASK_STATE_RUNNING  # type: ignore[attr-defined]  # or the end of the stream
        assert len({task.id for task in tasks}) == 4


async def test_replicas_and_workers_bring_every_task_to_one_end(service: Service) -> None:
    me, count = service.caller(ACCOUNT), 60
    async with service.replica("a") as a, service.replica("b") as b, service.replica("c") as c, AsyncExitStack() as streams:
        replicas = (a, b, c)
        ran: list[int] = []

        async def work(worker: WorkerDouble, number: int) -> None:
            await worker.ask(3)
            for done in itertools.count():
                admission = (await worker.given(done + 1))[done]
                if admission.attempt == 1 and number % 2:
                    failure = attempts_pb.AttemptFailure(reason=ErrorReason.UNAVAILABLE.number)
                    end = attempts_pb.AttemptEnd(task_id=admission.task_id, attempt=1, failure=failure)
                    await worker.say(ends=[end], free=[uuid.uuid4().bytes])
                    continue
                await worker.succeed(admission, slots=1)
                ran.append(admission.task_id)

        workers = []
        for number in range(6):
            worker = await streams.enter_async_context(worker_on(replicas[number % 3].attempts, service.worker(), name=f"w{number}"))
            workers.append(asyncio.create_task(work(worker, number)))
        created = await asyncio.gather(*(replicas[number % 3].create(me) for number in range(count)))
        for task in created:
            states = [
                response.event.state
                async for response in a.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=me)
            ]
            assert states[0] == task_pb2.TASK_STATE_QUEUED
            assert states.count(task_pb2.TASK_STATE_SUCCEEDED) == 1
            assert states[-1] == task_pb2.TASK_STATE_SUCCEEDED
        await end(*workers)
        assert sorted(ran) == sorted(task.id for task in created)


async def test_without_files_a_create_is_refused_and_leaves_nothing(service: Service) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica(files_address="unix:/nonexistent/files") as replica:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.create(me, 5_000, operations=[CUT_OUT])
        assert error_of(refused.value)[0] == "UNAVAILABLE"
        assert not (await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me)).tasks


async def test_a_client_that_gives_up_while_files_are_checked_creates_nothing(service: Service) -> None:
    me = service.caller(ACCOUNT)
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    async with service.replica() as replica:
        service.files.pin_gate.clear()
        request = tasks_service_pb2.CreateTaskRequest(operations=[CUT_OUT], input_file_ids=[photo])
        call = replica.tasks.CreateTask(request, metadata=me)
        waiting = asyncio.ensure_future(call)

        async def pinning() -> int:
            return service.files.pinning

        await eventually(pinning, bool)
        call.cancel()
        await asyncio.wait([waiting])
        service.files.pin_gate.set()
        assert not (await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me)).tasks
