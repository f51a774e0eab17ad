"""Reads that hold their answer back until the task has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.rest.v1 import images_pb2, tasks_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.bus import Bus
from services.platform.revocations import announce_revoked
from tests.component.tasks.service import KEY, Replica, Service, error_of

ACCOUNT = 7_001
PATIENCE = 30


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


async def get(service: Service, replica: Replica, task_id: int, wait: int, after: int | None = None) -> task_pb2.Task:
    request = tasks_service_pb2.GetTaskRequest(task_id=task_id, wait_seconds=wait, after_sequence=after)
    return (await replica.tasks.GetTask(request, metadata=service.caller(ACCOUNT))).task


async def complete(service: Service, replica: Replica, task_id: int, *outputs: int) -> None:
    assert await replica.complete(service.worker(), task_id, output_file_ids=outputs)


async def test_the_answer_comes_with_the_end(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    await replica.started(service.worker(), task.id)
    waits = [asyncio.create_task(get(service, replica, task.id, 60)) for _ in range(5)]
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1, progress=0.5)
    await replica.attempts.Heartbeat(beat, metadata=service.worker())
    # The wait outlasts changes that are no end.
    assert (await get(service, replica, task.id, 1)).progress == 0.5
    assert not any(wait.done() for wait in waits)
    await complete(service, replica, task.id)
    async with asyncio.timeout(PATIENCE):
        ended = await asyncio.gather(*waits)
    assert {task.state for task in ended} == {task_pb2.TASK_STATE_SUCCEEDED}


async def test_with_a_number_the_answer_comes_with_any_newer_event(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    await replica.started(service.worker(), task.id)
    running = await get(service, replica, task.id, 0)
    assert running.last_sequence == 2
    # What is newer already is answered at once.
    assert (await get(service, replica, task.id, 60, after=1)).last_sequence == 2
    wait = asyncio.create_task(get(service, replica, task.id, 60, after=2))
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1, progress=0.5)
    await replica.attempts.Heartbeat(beat, metadata=service.worker())
    async with asyncio.timeout(PATIENCE):
        changed = await wait
    assert (changed.last_sequence, changed.progress) == (3, 0.5)


async def test_nothing_happens_and_the_time_is_over(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    assert (await get(service, replica, task.id, 1)).id == task.id


async def test_a_stopping_replica_answers_with_the_task_as_it_is(service: Service) -> None:
    async with service.replica() as replica:
        task = await replica.create(service.caller(ACCOUNT))
        await replica.started(service.worker(), task.id)
        wait = asyncio.create_task(get(service, replica, task.id, 60))
        # The wait has begun once a call that came after it is answered.
        await get(service, replica, task.id, 1)
        replica.stop.set()
        async with asyncio.timeout(PATIENCE):
            assert (await wait).state == task_pb2.TASK_STATE_RUNNING


async def test_a_revoked_key_ends_its_waits(service: Service, replica: Replica, bus: Bus) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    wait = asyncio.create_task(get(service, replica, task.id, 60))
    await get(service, replica, task.id, 1)
    await announce_revoked(bus.client, [KEY])
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        async with asyncio.timeout(PATIENCE):
            await wait
    assert error_of(ended.value)[0] == "API_KEY_INVALID"


@pytest.mark.parametrize("seconds", [-1, 61])
async def test_a_minute_is_the_longest(service: Service, replica: Replica, seconds: int) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await get(service, replica, task.id, seconds)
    assert error_of(refused.value)[:2] == ("FIELD_INVALID", "wait_seconds")


async def test_pilios_polls_can_wait_for_the_end(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    request = images_pb2.RemoveBackgroundRequest(image_file_id=str(photo))
    task_id = (await replica.images.RemoveBackground(request, metadata=me)).data.task_id
    await replica.started(service.worker(), int(task_id))
    status = replica.pilio_tasks.GetTaskStatus(tasks_pb2.GetTaskStatusRequest(id=task_id, wait=60), metadata=me)
    result = replica.pilio_tasks.GetTaskResult(tasks_pb2.GetTaskResultRequest(id=task_id, wait=60), metadata=me)
    await complete(service, replica, int(task_id), photo)
    async with asyncio.timeout(PATIENCE):
        assert (await status).data.status == "Succeeded"
        assert [file.id for file in (await result).data.files] == [str(photo)]
