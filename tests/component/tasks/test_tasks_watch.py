"""Watching a task: every event, once, in order, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.bus import Bus
from services.platform.revocations import announce_refreshed, announce_revoked
from tests.component.tasks.service import KEY, Replica, Service, error_of

ACCOUNT = 7_001


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


def watch(service: Service, replica: Replica, task_id: int, after: int = 0) -> AsyncIterator[tasks_service_pb2.WatchTaskResponse]:
    request = tasks_service_pb2.WatchTaskRequest(task_id=task_id, after_sequence=after)
    return aiter(replica.tasks.WatchTask(request, metadata=service.caller(ACCOUNT)))


async def run(service: Service, replica: Replica, task_id: int, steps: int) -> None:
    await replica.started(service.worker(), task_id)
    for step in range(steps):
        beat = attempts_pb.HeartbeatRequest(task_id=task_id, attempt=1, progress=step / steps, message=f"step {step}")
        await replica.attempts.Heartbeat(beat, metadata=service.worker())
    await replica.complete(service.worker(), task_id)


async def test_watchers_miss_nothing_while_events_come(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))

    async def sequences(after: int) -> list[int]:
        return [response.event.sequence async for response in watch(service, replica, task.id, after)]

    # Watchers that come at any time, and from any number on, while the task runs.
    async def late(delay: int) -> list[int]:
        for _ in range(delay):
            await asyncio.sleep(0)
        return await sequences(0)

    steps = 60
    streams = asyncio.gather(*(late(37 * number) for number in range(12)), sequences(5))
    await run(service, replica, task.id, steps)
    async with asyncio.timeout(30):
        *whole, partial = await streams
    last = 2 + steps + 1
    assert whole == [list(range(1, last + 1))] * 12
    assert partial == list(range(6, last + 1))


async def test_the_stream_tells_the_whole_story_and_ends(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    await run(service, replica, task.id, 1)
    events = [response.event async for response in watch(service, replica, task.id)]
    assert [event.state for event in events] == [
        task_pb2.TASK_STATE_QUEUED,
        task_pb2.TASK_STATE_RUNNING,
        task_pb2.TASK_STATE_RUNNING,
        task_pb2.TASK_STATE_SUCCEEDED,
    ]
    assert [response async for response in watch(service, replica, task.id, after=4)] == []


async def test_events_of_another_replica_arrive(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    async with service.replica("b") as other:
        stream = watch(service, other, task.id)
        await anext(stream)
        await run(service, replica, task.id, 3)
        async with asyncio.timeout(20):
            rest = [response.event.sequence async for response in stream]
    assert rest == list(range(2, 7))


async def test_a_revoked_key_ends_its_streams(service: Service, replica: Replica, bus: Bus) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    stream = watch(service, replica, task.id)
    await anext(stream)
    await announce_revoked(bus.client, [KEY])
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        async with asyncio.timeout(20):
            async for _ in stream:
                pass
    assert error_of(ended.value)[0] == "API_KEY_INVALID"


async def test_a_refresh_ends_the_streams_that_were_opened_before_and_no_others(service: Service, replica: Replica, bus: Bus) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    request = tasks_service_pb2.WatchTaskRequest(task_id=task.id)
    before, after = (aiter(replica.tasks.WatchTask(request, metadata=service.refreshed(ACCOUNT, moment))) for moment in (0, 5))
    for stream in (before, after):
        await anext(stream)
    await announce_refreshed(bus.client, {KEY: 5})
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        async with asyncio.timeout(20):
            await anext(before)
    assert error_of(ended.value)[0] == "UNAVAILABLE"
    await run(service, replica, task.id, 1)
    async with asyncio.timeout(20):
        assert [reply.event.state async for reply in after][-1] == task_pb2.TASK_STATE_SUCCEEDED


async def test_a_stopping_replica_sends_its_watchers_elsewhere(service: Service) -> None:
    async with service.replica() as replica:
        task = await replica.create(service.caller(ACCOUNT))
        stream = watch(service, replica, task.id)
        await anext(stream)
        replica.stop.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            async with asyncio.timeout(20):
                async for _ in stream:
                    pass
    assert error_of(ended.value)[0] == "UNAVAILABLE"


async def test_a_client_that_leaves_harms_nobody(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    call = replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=service.caller(ACCOUNT))
    await call.read()
    call.cancel()
    # The service goes on: the same task can be watched to its end.
    request = tasks_service_pb2.CancelTaskRequest(task_id=task.id)
    await replica.tasks.CancelTask(request, metadata=service.caller(ACCOUNT))
    states = [response.event.state async for response in watch(service, replica, task.id)]
    assert states[-1] == task_pb2.TASK_STATE_CANCELLED
