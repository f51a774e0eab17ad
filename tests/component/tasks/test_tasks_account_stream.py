"""`GET /v1/events` of the running service, as it hands it to the edge."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.api import httpbody_pb2

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.rest.v1 import account_tasks_pb2, batches_pb2, task_list_pb2, tasks_pb2
from services.platform.bus import Bus
from services.platform.errors import from_rpc
from services.platform.revocations import announce_revoked
from tests.component.tasks.service import KEY, Replica, Service, error_of

ACCOUNT, OTHER = 7_001, 7_002
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica(stream_heartbeat=0.2) as running:
        yield running


@dataclass
class Event:
    id: str
    kind: str
    data: dict[str, Any]


class Stream:
    """One connection, read as a browser does."""

    def __init__(self, service: Service, replica: Replica, last: str | None = None, batch_id: str | None = None) -> None:
        header = () if last is None else (("last-event-id", last),)
        request = account_tasks_pb2.StreamEventsRequest(batch_id=batch_id)
        self.call: grpc.aio.UnaryStreamCall[Any, httpbody_pb2.HttpBody] = replica.account_tasks.StreamEvents(
            request, metadata=service.caller(ACCOUNT) + header
        )
        self.comments = 0

    async def next(self) -> Event:
        """The next event; heartbeats and what a stream begins with are none."""
        async with asyncio.timeout(20):
            while True:
                block = (await anext(aiter(self.call))).data.decode()
                self.comments += block == ":\n\n"
                fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
                if "data" in fields:
                    return Event(fields["id"], fields.get("event", "task"), json.loads(fields["data"]))

    async def ready(self) -> list[Event]:
        """What comes before the stream is ready, and that."""
        found = [await self.next()]
        while found[-1].kind != "ready":
            found.append(await self.next())
        return found

    async def until(self, task_id: object, state: str) -> list[Event]:
        """What comes until a task is told to be in a state."""
        found = [await self.next()]
        while (found[-1].data.get("task_id"), found[-1].data.get("state")) != (str(task_id), state):
            found.append(await self.next())
        return found


async def run(service: Service, replica: Replica, task_id: int, steps: int) -> None:
    await replica.started(service.worker(), task_id)
    for step in range(1, steps + 1):
        beat = attempts_pb.HeartbeatRequest(task_id=task_id, attempt=1, progress=step / steps, message=f"step {step}")
        await replica.attempts.Heartbeat(beat, metadata=service.worker())
    await replica.complete(service.worker(), task_id)


async def listed(service: Service, replica: Replica, **wanted: Any) -> task_list_pb2.TaskList:
    request = task_list_pb2.ListTasksRequest(**wanted)
    return (await replica.pilio_tasks.ListTasks(request, metadata=service.caller(ACCOUNT))).data


async def test_a_page_is_told_of_every_task_without_naming_any(service: Service, replica: Replica) -> None:
    await replica.create(service.caller(ACCOUNT))
    stream = Stream(service, replica)
    assert [event.kind for event in await stream.ready()] == ["ready"]
    await replica.create(service.caller(OTHER))
    tasks = [await replica.create(service.caller(ACCOUNT)) for _ in range(3)]
    created = [await stream.next() for _ in tasks]
    assert [event.data["task_id"] for event in created] == [str(task.id) for task in tasks]
    item = created[0].data
    assert (item["status"], item["state"], item["operations"], item["sequence"]) == ("Pending", "queued", ["noop"], 1)
    await run(service, replica, tasks[0].id, 80)
    told = await stream.until(tasks[0].id, "succeeded")
    # Far fewer than there were events, in their order.
    sequences = [event.data["sequence"] for event in told if event.data["task_id"] == str(tasks[0].id)]
    assert sequences == sorted(set(sequences))
    assert sequences[-1] == 83 and len(sequences) < 80
    # As the list says it in the end.
    shown = next(item for item in (await listed(service, replica)).items if item.task_id == str(tasks[0].id))
    assert (shown.state, shown.sequence) == ("succeeded", 83)
    stream.call.cancel()


async def test_what_happens_between_the_list_and_the_stream_is_told(service: Service, replica: Replica) -> None:
    page = await listed(service, replica)
    between = await replica.create(service.caller(ACCOUNT))
    stream = Stream(service, replica, last=page.event_id)
    assert [event.data.get("task_id") for event in await stream.ready()] == [str(between.id), None]
    stream.call.cancel()


async def test_a_connection_that_drops_goes_on_at_another_replica(service: Service, replica: Replica) -> None:
    first = Stream(service, replica)
    await first.ready()
    task = await replica.create(service.caller(ACCOUNT))
    [created] = await first.until(task.id, "queued")
    first.call.cancel()
    missed = await replica.create(service.caller(ACCOUNT))
    async with service.replica("b") as other:
        await run(service, replica, task.id, 1)
        again = Stream(service, other, last=created.id)
        before = {event.data["task_id"]: event.data["state"] for event in (await again.ready())[:-1]}
        assert before == {str(task.id): "succeeded", str(missed.id): "queued"}
        # What one replica does, the watchers of another hear.
        await run(service, replica, missed.id, 1)
        await again.until(missed.id, "succeeded")
        again.call.cancel()


async def test_deletions_are_told_here_and_by_other_replicas(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    task = await replica.create(me)
    request = batches_pb2.CreateBatchRequest(items=[batches_pb2.BatchItem(operations=[NOOP])] * 2)
    batch = (await replica.pilio_batches.CreateBatch(request, metadata=me)).data.batch
    await replica.pilio_tasks.CancelTask(tasks_pb2.CancelTaskRequest(id=str(task.id)), metadata=me)
    await replica.pilio_batches.CancelBatch(batches_pb2.CancelBatchRequest(id=batch.batch_id), metadata=me)
    async with service.replica("b") as other:
        streams = [Stream(service, replica), Stream(service, other)]
        for stream in streams:
            await stream.ready()
        await replica.pilio_tasks.DeleteTask(tasks_pb2.DeleteTaskRequest(id=str(task.id)), metadata=me)
        await replica.pilio_batches.DeleteBatch(batches_pb2.DeleteBatchRequest(id=batch.batch_id), metadata=me)
        for stream in streams:
            told: list[Event] = []
            while len(told) < 2:
                event = await stream.next()
                told += [event] if event.kind == "deleted" else []
            assert [event.data for event in told] == [{"task_id": str(task.id)}, {"batch_id": batch.batch_id}]
            stream.call.cancel()


async def test_a_batch_can_be_followed_alone(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    request = batches_pb2.CreateBatchRequest(items=[batches_pb2.BatchItem(operations=[NOOP])] * 2)
    created = (await replica.pilio_batches.CreateBatch(request, metadata=me)).data
    stream = Stream(service, replica, batch_id=created.batch.batch_id)
    await stream.ready()
    await replica.create(me)
    await replica.pilio_batches.CancelBatch(batches_pb2.CancelBatchRequest(id=created.batch.batch_id), metadata=me)
    told = [await stream.next() for _ in range(2)]
    assert {event.data["task_id"] for event in told} == {task.task_id for task in created.tasks}
    assert {(event.data["batch_id"], event.data["state"]) for event in told} == {(created.batch.batch_id, "cancelled")}
    stream.call.cancel()


async def test_silence_is_filled_with_comments_and_the_stream_goes_on(service: Service, replica: Replica) -> None:
    stream = Stream(service, replica)
    await stream.ready()
    waiting = asyncio.create_task(stream.next())
    async with asyncio.timeout(20):
        while stream.comments < 3:
            await asyncio.sleep(0.05)
    task = await replica.create(service.caller(ACCOUNT))
    assert (await waiting).data["task_id"] == str(task.id)
    stream.call.cancel()


async def test_a_revoked_key_ends_the_stream(service: Service, replica: Replica, bus: Bus) -> None:
    stream = Stream(service, replica)
    await stream.ready()
    await announce_revoked(bus.client, [KEY])
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await stream.next()
    assert error_of(ended.value)[0] == "API_KEY_INVALID"


async def test_a_stopping_replica_sends_its_clients_elsewhere(service: Service) -> None:
    async with service.replica() as replica:
        stream = Stream(service, replica)
        await stream.ready()
        replica.stop.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.next()
    assert error_of(ended.value)[0] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("last", "batch_id", "reason"),
    [("x", None, "FIELD_INVALID"), (None, "1", "BATCH_NOT_FOUND"), (None, "x", "BATCH_NOT_FOUND")],
)
async def test_what_cannot_be_streamed_is_refused(
    service: Service, replica: Replica, last: str | None, batch_id: str | None, reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await Stream(service, replica, last, batch_id).next()
    assert error_of(refused.value)[0] == reason


async def test_it_counts_as_a_stream_of_the_account(service: Service) -> None:
    async with service.replica(max_streams_per_account=1) as replica:
        first = Stream(service, replica)
        await first.ready()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stream(service, replica).next()
        assert from_rpc(refused.value).reason.value == "TOO_MANY_STREAMS"
        first.call.cancel()
