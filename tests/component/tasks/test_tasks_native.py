"""The native API of the running service, with a worker's calls beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from darkroom.common.v1 import errors_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from darkroom.operations.v1 import operation_pb2, remove_background_pb2, remove_pdf_watermark_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2
from services.platform.errors import ErrorReason
from tests.component.tasks.service import NOOP, Replica, Service, error_of

ACCOUNT, OTHER = 7_001, 7_002
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
CLEAN_PDF = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())


def upscale(factor: int) -> operation_pb2.Operation:
    return operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=factor))


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


async def test_a_task_from_creation_to_success(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    task = await replica.create(me, photo, operations=[CUT_OUT, upscale(2)], priority=3)
    assert task.state == task_pb2.TASK_STATE_QUEUED
    assert (task.lane, task.price.millicredits, task.priority, task.max_attempts) == ("neural", 16_000, 3, 5)
    assert service.files.pins == {task.id: [photo]}

    started = await replica.started(service.worker(), task.id)
    assert (started.attempt, started.account_id, list(started.input_file_ids)) == (1, ACCOUNT, [photo])
    assert list(started.operations) == [CUT_OUT, upscale(2)]

    heartbeat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1, progress=0.5, message="tile 2 of 4")
    assert (await replica.attempts.Heartbeat(heartbeat, metadata=service.worker())).current
    notice = task_pb2.Notice(code="not_applied", subject="enhance_face", message="Not here.")
    for _ in range(2):
        assert await replica.complete(service.worker(), task.id, output_file_ids=[91], notices=[notice])
    done = await replica.get(me, task.id)
    assert (done.state, done.progress, list(done.output_file_ids)) == (task_pb2.TASK_STATE_SUCCEEDED, 1.0, [91])
    assert list(done.notices) == [notice]
    assert done.HasField("end_time")
    assert not done.HasField("error")


async def test_a_task_that_waits_tells_its_place_and_one_that_ran_its_attempts(service: Service) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    async with service.replica(throughput_interval=0.05) as replica:
        tasks = [await replica.create(me) for _ in range(16)]
        assert [(await replica.get(me, task.id)).queue_position for task in tasks] == list(range(16))
        waiting = list(tasks)
        # A start counts if the lane was looked at before it, with tasks waiting; that happens every 0.05 s.
        while not (known := await replica.get(me, tasks[-1].id)).HasField("estimated_wait"):
            await replica.started(worker, waiting.pop(0).id)
            await asyncio.sleep(0.1)
        assert 1 <= len(waiting) < 16
        assert known.queue_position == len(waiting) - 1
        assert known.estimated_wait.ToTimedelta().total_seconds() > 0

        assert await replica.fail(worker, tasks[0].id, reason=ErrorReason.UNAVAILABLE.number, message="Away.")
        for task in waiting:
            await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=task.id), metadata=me)
        await replica.started(worker, tasks[0].id)
        running = await replica.get(me, tasks[0].id)
        assert not running.HasField("queue_position")
        first, second = running.attempts
        assert (first.number, first.worker, first.outcome) == (1, "w1", task_pb2.TASK_STATE_FAILED)
        assert (first.error.reason, first.error.message) == (ErrorReason.UNAVAILABLE.number, "Away.")
        assert first.start_time.ToDatetime() <= first.end_time.ToDatetime() <= second.start_time.ToDatetime()
        assert (second.number, second.outcome) == (2, task_pb2.TASK_STATE_UNSPECIFIED)
        assert not second.HasField("end_time")
        listed = (await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me)).tasks
        assert not any(task.attempts or task.HasField("queue_position") for task in listed)


async def test_cancel_ends_the_task_and_tells_the_worker(service: Service, replica: Replica, bus_messages: asyncio.Queue[str]) -> None:
    me = service.caller(ACCOUNT)
    task = await replica.create(me)
    await replica.started(service.worker(), task.id)
    request = tasks_service_pb2.CancelTaskRequest(task_id=task.id)
    cancelled = (await replica.tasks.CancelTask(request, metadata=me)).task
    assert (cancelled.state, cancelled.error.reason) == (task_pb2.TASK_STATE_CANCELLED, errors_pb2.ERROR_REASON_CANCELLED)
    async with asyncio.timeout(60):
        assert await bus_messages.get() == f"CANCEL.{task.id}"
    beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1)
    assert not (await replica.attempts.Heartbeat(beat, metadata=service.worker())).current
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.tasks.CancelTask(request, metadata=me)
    assert error_of(refused.value)[0] == "TASK_ALREADY_TERMINAL"


async def test_another_accounts_task_cannot_be_told_from_a_missing_one(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    other = service.caller(OTHER)
    errors = set()
    for task_id in (task.id, 123):
        for call in (
            replica.tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=task_id), metadata=other),
            replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=task_id), metadata=other),
            replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task_id), metadata=other).read(),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            errors.add(error_of(refused.value))
    assert errors == {("TASK_NOT_FOUND", None, "No such task.")}


async def test_lists_page_by_page(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    created = [(await replica.create(me)).id for _ in range(5)]
    await replica.create(service.caller(OTHER))
    seen: list[int] = []
    token = ""
    while True:
        page = await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(page_size=2, page_token=token), metadata=me)
        seen += [task.id for task in page.tasks]
        token = page.next_page_token
        if not token:
            break
    assert seen == created[::-1]
    request = tasks_service_pb2.ListTasksRequest(states=[task_pb2.TASK_STATE_CANCELLED])
    assert not (await replica.tasks.ListTasks(request, metadata=me)).tasks
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(page_token="x"), metadata=me)
    assert error_of(refused.value)[:2] == ("FIELD_INVALID", "page_token")


async def test_lookups_tell_other_services_how_tasks_stand(service: Service, replica: Replica) -> None:
    task = await replica.create(service.caller(ACCOUNT))
    await replica.started(service.worker(), task.id)
    await replica.complete(service.worker(), task.id, output_file_ids=[8, 9])
    reply = await replica.attempts.LookupTasks(attempts_pb.LookupTasksRequest(task_ids=[task.id, 5]), metadata=service.files_service())
    assert [(one.task_id, one.state, list(one.output_file_ids)) for one in reply.tasks] == [
        (task.id, task_pb2.TASK_STATE_SUCCEEDED, [8, 9])
    ]


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    ("operations", "inputs", "expected"),
    [
        ([CUT_OUT, CLEAN_PDF], ["photo"], ("FIELD_INVALID", "operations[1]")),
        ([NOOP, CUT_OUT], [], ("FIELD_INVALID", "operations[1]")),
        ([CUT_OUT], [], ("FIELD_INVALID", "input_file_ids")),
        ([NOOP], ["photo"], ("FIELD_INVALID", "input_file_ids")),
        ([CUT_OUT], ["photo", "paper"], ("MEDIA_UNSUPPORTED", "input_file_ids[1]")),
        ([CLEAN_PDF], ["photo"], ("MEDIA_UNSUPPORTED", "input_file_ids[0]")),
        ([CUT_OUT], ["photo", "bomb"], ("MEDIA_LIMIT_EXCEEDED", "input_file_ids[1]")),
        ([upscale(4), upscale(4)], ["large"], ("MEDIA_LIMIT_EXCEEDED", "input_file_ids[0]")),
        ([CUT_OUT], ["photo", "absent"], ("FILE_NOT_FOUND", "input_file_ids[1]")),
        ([CUT_OUT], ["photo", "foreign"], ("FILE_NOT_FOUND", "input_file_ids[1]")),
        ([CUT_OUT], ["unsent"], ("SOURCE_FILE_UPLOAD_NOT_COMPLETED", "input_file_ids[0]")),
        ([upscale(5)], ["photo"], ("FIELD_INVALID", "operations[0].upscale.factor")),
        ([operation_pb2.Operation()], ["photo"], ("FIELD_INVALID", "operations[0]")),
        ([], ["photo"], ("FIELD_INVALID", "operations")),
    ],
)
async def test_bad_requests_name_the_field_and_leave_nothing_behind(
    service: Service,
    replica: Replica,
    operations: list[operation_pb2.Operation],
    inputs: list[str],
    expected: tuple[str, str],
) -> None:
    files = service.files
    ids = {
        "photo": files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480)),
        "paper": files.add(ACCOUNT, "paper.pdf", "application/pdf", pages=3),
        "bomb": files.add(ACCOUNT, "bomb.png", "image/png", size=(30_000, 30_000)),
        "large": files.add(ACCOUNT, "large.png", "image/png", size=(3_000, 1_000)),
        "foreign": files.add(OTHER, "photo.jpg", "image/jpeg", size=(640, 480)),
        "unsent": files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480)),
        "absent": 404,
    }
    files.refuse[ids["unsent"]] = ErrorReason.SOURCE_FILE_UPLOAD_NOT_COMPLETED
    me = service.caller(ACCOUNT)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replica.create(me, *(ids[name] for name in inputs), operations=operations)
    assert error_of(refused.value)[:2] == expected
    assert files.pins == {}
    assert not (await replica.tasks.ListTasks(tasks_service_pb2.ListTasksRequest(), metadata=me)).tasks


async def test_diagnostics_need_the_operators_leave(service: Service) -> None:
    async with service.replica(diagnostics=False) as replica:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.create(service.caller(ACCOUNT))
    reason, field, message = error_of(refused.value)
    assert (reason, field) == ("OPERATION_UNAVAILABLE", "operations[0]")
    assert "DARKROOM_DIAGNOSTICS" in message


async def test_too_many_open_tasks_are_refused_until_one_ends(service: Service) -> None:
    async with service.replica(max_open_tasks=2) as replica:
        me = service.caller(ACCOUNT)
        photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
        first = await replica.create(me)
        await replica.create(me)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.create(me, photo, operations=[CUT_OUT])
        assert error_of(refused.value)[0] == "TOO_MANY_TASKS"
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert service.files.pins == {}
        await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=first.id), metadata=me)
        await replica.create(me, photo, operations=[CUT_OUT])


async def test_the_public_listener_serves_no_worker_and_nobody_without_identity(service: Service, replica: Replica) -> None:
    for metadata in ((), service.worker()):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.get(metadata, 1)
        assert error_of(refused.value)[0] == "API_KEY_INVALID"
    heartbeat = replica.public.unary_unary(
        "/darkroom.internal.tasks.v1.AttemptService/Heartbeat",
        request_serializer=attempt_service_pb2.HeartbeatRequest.SerializeToString,
        response_deserializer=attempt_service_pb2.HeartbeatResponse.FromString,
    )
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await heartbeat(attempt_service_pb2.HeartbeatRequest(), metadata=service.worker())
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_reflection_lists_every_public_service_and_no_internal_one(replica: Replica) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(replica.public)
    call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    reply = await call.read()
    names = {service.name for service in reply.list_services_response.service}
    assert {
        "darkroom.tasks.v1.TasksService",
        "darkroom.files.v1.FilesService",
        "darkroom.accounts.v1.AccountsService",
        "darkroom.rest.v1.ImagesService",
        "darkroom.rest.v1.FilesService",
        "darkroom.rest.v1.PdfsService",
        "darkroom.rest.v1.TasksService",
    } <= names
    assert not any("internal" in name for name in names)
