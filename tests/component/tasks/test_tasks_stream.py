"""Server-Sent Events of a task, as the service hands them to the edge."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import grpc
import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.rest.v1 import tasks_pb2
from darkroom.tasks.v1 import tasks_service_pb2
from services.platform.errors import ErrorReason
from tests.component.tasks.service import Replica, Service, error_of

ACCOUNT = 7_001


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica(stream_heartbeat=0.05) as running:
        yield running


async def stream(service: Service, replica: Replica, task_id: object, last: str | None = None) -> list[str]:
    """The blocks of the body, without the heartbeats between them."""
    header = () if last is None else (("last-event-id", last),)
    request = tasks_pb2.StreamTaskEventsRequest(id=str(task_id))
    call = replica.pilio_tasks.StreamTaskEvents(request, metadata=service.caller(ACCOUNT) + header)
    chunks = [chunk async for chunk in call]
    assert [chunk.content_type for chunk in chunks] == ["text/event-stream", *[""] * (len(chunks) - 1)][: len(chunks)]
    return [block for block in b"".join(chunk.data for chunk in chunks).decode().split("\n\n")[:-1] if block != ":"]


async def test_the_stream_is_the_tasks_story(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    await replica.started(service.worker(), task.id)
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1, progress=0.5, message="half\ndone")
    await replica.attempts.Heartbeat(beat, metadata=service.worker())
    await replica.fail(service.worker(), task.id, reason=ErrorReason.FILE_CORRUPT.number, message="Broken.")
    retry, *events = await stream(service, replica, task.id)
    assert retry == "retry: 1000"
    lines = [event.split("\n") for event in events]
    assert [line[0] for line in lines] == [f"id: {number}" for number in range(1, 5)]
    data = [json.loads(line[1].removeprefix("data: ")) for line in lines]
    assert [event["status"] for event in data] == ["Pending", "Processing", "Processing", "Failed"]
    assert {event["task_id"] for event in data} == {str(task.id)}
    assert (data[2]["message"], data[2]["progress"]) == ("half\ndone", 0.5)
    assert (data[3]["error_type"], data[3]["error_message"]) == ("file_corrupt", "Broken.")
    assert await stream(service, replica, task.id, last="2") == ["retry: 1000", *events[2:]]


async def test_silence_is_filled_with_comments(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    call = replica.pilio_tasks.StreamTaskEvents(tasks_pb2.StreamTaskEventsRequest(id=str(task.id)), metadata=service.caller(ACCOUNT))
    comments = 0
    async for chunk in call:
        comments += chunk.data == b":\n\n"
        if comments == 3:
            break
    call.cancel()


async def test_at_the_end_there_is_nothing_more(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    task = await replica.create(me)
    await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=task.id), metadata=me)
    last = len(await stream(service, replica, task.id)) - 1
    request = tasks_pb2.StreamTaskEventsRequest(id=str(task.id))
    call = replica.pilio_tasks.StreamTaskEvents(request, metadata=(*me, ("last-event-id", str(last))))
    assert dict(await call.initial_metadata() or ())["x-http-status"] == "204"
    assert [chunk async for chunk in call] == []


@pytest.mark.parametrize(
    ("task_id", "last", "reason"),
    [("1", None, "TASK_NOT_FOUND"), ("x", None, "TASK_NOT_FOUND"), ("", "-1", "FIELD_INVALID"), ("", "1e3", "FIELD_INVALID")],
)
async def test_what_cannot_be_streamed_is_refused(service: Service, replica: Replica, task_id: str, last: str | None, reason: str) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stream(service, replica, task_id or task.id, last)
    assert error_of(raised.value)[0] == reason
    assert dict(raised.value.trailing_metadata() or ())["x-error-body"]
