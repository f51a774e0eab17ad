"""`POST /v1/tasks` and `GET /v1/tasks/{id}` of the running service, and what batches are shown as."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.operations.v1 import noop_pb2, operation_pb2, redraw_pdf_pb2, remove_background_pb2, upscale_pb2
from darkroom.rest.v1 import account_tasks_pb2, batches_pb2, task_details_pb2, task_list_pb2, tasks_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import ErrorReason
from tests.component.tasks.hooks import LOOPBACK
from tests.component.tasks.service import Replica, Service, error_of, eventually

ACCOUNT, OTHER = 7_001, 7_002
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground(trim=True))
ENLARGE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    settings = {"webhook_allow_http": True, "webhook_allowed_networks": LOOPBACK}
    async with service.replica(max_open_tasks=4, max_open_tasks_rest=1, **settings) as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


async def create(service: Service, replica: Replica, key: str | None = None, **fields: Any) -> tasks_pb2.TaskCreateResult:
    header = (("idempotency-key", key),) if key is not None else ()
    request = account_tasks_pb2.CreateTaskRequest(**fields)
    return (await replica.account_tasks.CreateTask(request, metadata=service.caller(ACCOUNT) + header)).data


async def details(service: Service, replica: Replica, task_id: object, account_id: int = ACCOUNT) -> task_details_pb2.TaskDetails:
    request = account_tasks_pb2.GetTaskRequest(id=str(task_id))
    return (await replica.account_tasks.GetTask(request, metadata=service.caller(account_id))).data


def _operations(data: task_details_pb2.TaskDetails) -> list[operation_pb2.Operation]:
    return [ParseDict(MessageToDict(each), operation_pb2.Operation()) for each in data.parameters]


async def complete(service: Service, replica: Replica, task_id: str, attempt: int = 1, *outputs: int, notice: str = "") -> None:
    notices = [task_pb2.Notice(code="not_applied", subject=notice, message="No.")] if notice else []
    assert await replica.complete(service.worker(), int(task_id), attempt, output_file_ids=outputs, notices=notices)


async def test_a_task_of_several_operations_is_created_and_answered_when_it_ends(service: Service, replica: Replica, photo: int) -> None:
    asked = asyncio.create_task(create(service, replica, file_ids=[str(photo)], operations=[CUT_OUT, ENLARGE], wait=60))

    async def listed() -> list[str]:
        found = await replica.pilio_tasks.ListTasks(task_list_pb2.ListTasksRequest(), metadata=service.caller(ACCOUNT))
        return [item.task_id for item in found.data.items]

    [task_id] = await eventually(listed, bool)
    started = await replica.started(service.worker(), int(task_id))
    assert list(started.operations) == [CUT_OUT, ENLARGE]
    output = service.files.add(ACCOUNT, "photo.png", "image/png", size=(640, 480))
    await complete(service, replica, task_id, 1, output, notice="trim")
    data = await asked
    assert (data.task_id, data.status, [file.id for file in data.files]) == (task_id, "Succeeded", [str(output)])
    # Parameters have the names that the call gave them, not those of /v1/images/….
    assert list(data.not_applied) == ["trim"]


async def test_a_repeated_call_makes_no_second_task(service: Service, replica: Replica) -> None:
    first, again = [await create(service, replica, "k", operations=[NOOP]) for _ in range(2)]
    assert (first.status, first.task_id) == ("Pending", again.task_id)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(service, replica, "k", operations=[NOOP], priority=1)
    assert error_of(refused.value)[0] == "IDEMPOTENCY_KEY_MISMATCH"


async def test_as_many_tasks_are_open_as_with_the_native_api(service: Service, replica: Replica) -> None:
    for _ in range(4):
        await create(service, replica, operations=[NOOP])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(service, replica, operations=[NOOP])
    assert error_of(refused.value)[0] == "TOO_MANY_TASKS"


@pytest.mark.cases(3)
@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"operations": []}, "FIELD_INVALID", "operations"),
        ({"operations": [CUT_OUT]}, "FIELD_INVALID", "file_ids"),
        ({"operations": [NOOP], "file_ids": ["x"]}, "FILE_NOT_FOUND", "file_ids[0]"),
        ({"operations": [CUT_OUT], "file_ids": ["4"]}, "FILE_NOT_FOUND", "file_ids[0]"),
        ({"operations": [NOOP], "priority": 1001}, "FIELD_INVALID", "priority"),
        ({"operations": [NOOP], "deadline": Timestamp(seconds=1)}, "FIELD_INVALID", "deadline"),
        ({"operations": [NOOP], "wait": 61}, "FIELD_INVALID", "wait"),
    ],
)
async def test_refusals_name_the_field(service: Service, replica: Replica, fields: dict[str, Any], reason: str, field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(service, replica, **fields)
    assert error_of(refused.value)[:2] == (reason, field)


async def test_everything_about_a_task_from_its_creation_to_its_end(service: Service, replica: Replica, photo: int) -> None:
    deadline = Timestamp()
    deadline.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    created = await create(
        service,
        replica,
        file_ids=[str(photo)],
        operations=[CUT_OUT],
        priority=7,
        deadline=deadline,
        webhook_url="http://127.0.0.1:9/hook",
    )
    data = await details(service, replica, created.task_id)
    assert (data.state, data.status, data.priority, data.sequence, data.notice_count) == ("queued", "Pending", 7, 1, 0)
    assert (_operations(data), list(data.operations)) == ([CUT_OUT], ["remove_background"])
    assert [(one.file_id, one.name) for one in data.inputs] == [(str(photo), "photo.jpg")]
    assert (data.queue_position, data.HasField("queue_position"), data.webhook_url) == (0, True, "http://127.0.0.1:9/hook")
    assert (data.deadline, data.HasField("expires_at"), data.HasField("started_at")) == (deadline, False, False)
    assert data.credits_reserved == data.credits > 0
    assert [(event.sequence, event.state) for event in data.events] == [(1, "queued")]
    assert not data.attempts

    await replica.started(service.worker(), int(created.task_id))
    await replica.fail(service.worker(), int(created.task_id), reason=ErrorReason.UNAVAILABLE.number, message="Busy.")
    data = await details(service, replica, created.task_id)
    assert (data.state, data.status) == ("retrying", "Processing")
    [attempt] = data.attempts
    assert (attempt.number, attempt.worker, attempt.outcome, attempt.error_type, attempt.error_message) == (
        1,
        "w1",
        "failed",
        "unavailable",
        "Busy.",
    )

    async def due() -> str:
        return (await details(service, replica, created.task_id)).state

    await replica.started(service.worker(), int(created.task_id))
    await eventually(due, lambda state: state == "running")
    output = service.files.add(ACCOUNT, "photo.png", "image/png", size=(640, 480))
    await complete(service, replica, created.task_id, 2, output, notice="trim")
    data = await details(service, replica, created.task_id)
    assert (data.state, data.notice_count, list(data.not_applied)) == ("succeeded", 1, ["trim"])
    assert (data.credits_reserved, data.credits_charged) == (0, data.credits)
    assert list(data.output_file_ids) == [str(output)]
    assert [event.state for event in data.events] == ["queued", "running", "retrying", "running", "succeeded"]
    assert (data.events[2].error_type, data.events[2].error_message) == ("unavailable", "Busy.")
    assert data.expires_at.seconds > data.ended_at.seconds >= data.started_at.seconds
    assert not data.HasField("queue_position")


async def test_progress_is_thinned_and_the_rest_is_whole(service: Service, replica: Replica) -> None:
    created = await create(service, replica, operations=[NOOP])
    await replica.started(service.worker(), int(created.task_id))
    for step in range(1, 231):
        beat = attempts_pb.HeartbeatRequest(task_id=int(created.task_id), attempt=1, progress=0, message=f"step {step}")
        await replica.attempts.Heartbeat(beat, metadata=service.worker())
    await complete(service, replica, created.task_id)
    events = (await details(service, replica, created.task_id)).events
    assert len(events) == 3 + 100
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    assert [events[index].state for index in (0, 1, 2, -1)] == ["queued", "running", "running", "succeeded"]
    # From all of it, the last step included.
    assert events[-2].message == "step 230"
    gaps = {after.sequence - before.sequence for before, after in itertools.pairwise(events[2:-1])}
    assert gaps == {2, 3}


async def test_passwords_are_not_told(service: Service, replica: Replica) -> None:
    document = service.files.add(ACCOUNT, "a.pdf", "application/pdf", pages=1)
    redraw = operation_pb2.Operation(redraw_pdf=redraw_pdf_pb2.RedrawPdf(report=True, owner_password="secret"))
    created = await create(service, replica, file_ids=[str(document)], operations=[redraw])
    [shown] = _operations(await details(service, replica, created.task_id))
    assert shown == operation_pb2.Operation(redraw_pdf=redraw_pdf_pb2.RedrawPdf(report=True))


async def test_other_accounts_are_told_nothing(service: Service, replica: Replica) -> None:
    created = await create(service, replica, operations=[NOOP])
    for task_id, account_id in ((created.task_id, OTHER), ("1", ACCOUNT), ("x", ACCOUNT)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await details(service, replica, task_id, account_id)
        assert error_of(refused.value)[0] == "TASK_NOT_FOUND"


async def test_batches_say_what_they_are(service: Service, replica: Replica, photo: int) -> None:
    me = service.caller(ACCOUNT)
    items = [batches_pb2.BatchItem(file_ids=[str(photo)]), batches_pb2.BatchItem(operations=[NOOP])]
    request = batches_pb2.CreateBatchRequest(items=items, operations=[CUT_OUT, ENLARGE])
    made = (await replica.pilio_batches.CreateBatch(request, metadata=me)).data.batch
    [listed] = (await replica.pilio_batches.ListBatches(batches_pb2.ListBatchesRequest(), metadata=me)).data.items
    for batch in (made, listed):
        assert (list(batch.operations), batch.first_input_name) == (["remove_background", "upscale"], "photo.jpg")
