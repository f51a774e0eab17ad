"""The native gRPC API through the public port."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from darkroom import ApiError, AsyncClient, TaskFailed
from darkroom.accounts.v1 import accounts_service_pb2, accounts_service_pb2_grpc
from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2, remove_pdf_watermark_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded, opened

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
DOUBLE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))
CLEAN = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())


def _noop(steps: int, milliseconds: int) -> operation_pb2.Operation:
    return operation_pb2.Operation(noop=noop_pb2.Noop(steps=steps, step_milliseconds=milliseconds))


@pytest.fixture
async def picture(native: AsyncClient, tmp_path_factory: pytest.TempPathFactory) -> int:
    path = tmp_path_factory.mktemp("picture") / "disc.png"
    path.write_bytes(encoded(disc(), "PNG"))
    return (await native.upload(path)).id


async def test_a_pipeline_runs_its_operations_in_order(native: AsyncClient, picture: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    task = await native.create_task([picture], [CUT, DOUBLE])
    task = await native.wait(task.id)
    (path,) = await native.download(task.output_file_ids, tmp_path_factory.mktemp("out"))
    result = opened(path.read_bytes())
    assert (result.size, result.mode) == ((640, 480), "RGBA")
    assert path.name == "disc-cutout-2x.png"
    assert task.price.millicredits == 16_000


async def test_several_inputs_give_an_output_each(native: AsyncClient, picture: int) -> None:
    task = await native.wait((await native.create_task([picture, picture, picture], [CUT])).id)
    assert len(set(task.output_file_ids)) == 3
    assert task.price.millicredits == 30_000


async def test_events_are_numbered_and_can_be_resumed(native: AsyncClient) -> None:
    task = await native.create_task([], [_noop(5, 20)])
    events = [event async for event in native.watch(task.id)]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    states = [event.state for event in events]
    assert states[0] == task_pb2.TASK_STATE_QUEUED
    assert states[-1] == task_pb2.TASK_STATE_SUCCEEDED
    assert states == sorted(states)
    assert [event async for event in native.watch(task.id, after_sequence=2)] == events[2:]
    assert {event.task_id for event in events} == {task.id}


async def test_get_and_list(native: AsyncClient) -> None:
    created = [(await native.create_task([], [_noop(0, 0)])).id for _ in range(5)]
    for task_id in created:
        await native.wait(task_id)
    assert [task.id for task in await native.list_tasks()] == created[::-1]
    assert [task.id for task in await native.list_tasks(limit=2)] == created[:2:-1]
    assert await native.list_tasks(states=[task_pb2.TASK_STATE_FAILED]) == []
    task = await native.get_task(created[0])
    assert task.HasField("start_time")
    assert task.HasField("end_time")
    assert (task.attempt, task.progress) == (1, 1.0)


async def test_cancel_while_running(native: AsyncClient) -> None:
    task = await native.create_task([], [_noop(1000, 60)])
    async for event in native.watch(task.id):
        if event.state == task_pb2.TASK_STATE_RUNNING:
            break
    cancelled = await native.cancel_task(task.id)
    assert cancelled.state == task_pb2.TASK_STATE_CANCELLED
    with pytest.raises(TaskFailed) as raised:
        await native.wait(task.id)
    assert raised.value.reason == "CANCELLED"
    with pytest.raises(ApiError) as again:
        await native.cancel_task(task.id)
    assert again.value.reason == "TASK_ALREADY_TERMINAL"


async def test_cancel_while_waiting(native: AsyncClient, stack: StackUnderTest, account: Account) -> None:
    async with held(stack, account):
        task = await native.create_task([], [_noop(0, 0)])
        assert (await native.cancel_task(task.id)).state == task_pb2.TASK_STATE_CANCELLED
    follower = await native.create_task([], [_noop(0, 0)])
    await native.wait(follower.id)
    assert (await native.get_task(task.id)).attempt == 0


async def test_rerun_and_delete(native: AsyncClient, picture: int) -> None:
    first = await native.wait((await native.create_task([picture], [CUT])).id)
    second = await native.wait((await native.rerun_task(first.id)).id)
    assert (second.operations, second.input_file_ids) == (first.operations, first.input_file_ids)
    await native.delete_task(first.id)
    assert [task.id for task in await native.list_tasks()] == [second.id]
    # Files hears of the end of a task, and of its deletion, a moment later.
    async with asyncio.timeout(30):
        while {file.id for file in await native.list_files()} != {picture, *second.output_file_ids}:
            await asyncio.sleep(0.1)
    with pytest.raises(ApiError) as gone:
        await native.delete_task(first.id)
    assert gone.value.reason == "TASK_NOT_FOUND"
    running = await native.create_task([], [_noop(1000, 60)])
    with pytest.raises(ApiError) as refused:
        await native.delete_task(running.id)
    assert refused.value.reason == "TASK_NOT_TERMINAL"
    await native.cancel_task(running.id)
    await native.delete_task(running.id)


@pytest.mark.parametrize(
    ("operations", "reason", "field"),
    [
        ([], "FIELD_INVALID", "operations"),
        ([operation_pb2.Operation()], "FIELD_INVALID", "operations[0]"),
        ([CLEAN, CUT], "FIELD_INVALID", "operations[1]"),
        ([CLEAN], "MEDIA_UNSUPPORTED", "input_file_ids[0]"),
        ([operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=5))], "FIELD_INVALID", "operations[0].upscale.factor"),
        ([operation_pb2.Operation(upscale=upscale_pb2.Upscale(width=9000))], "FIELD_INVALID", "input_file_ids[0]"),
        ([CUT] * 65, "FIELD_INVALID", "operations"),
    ],
)
async def test_what_cannot_work_is_refused(
    native: AsyncClient, picture: int, operations: list[operation_pb2.Operation], reason: str, field: str
) -> None:
    with pytest.raises(ApiError) as raised:
        await native.create_task([picture], operations)
    assert (raised.value.reason, raised.value.field) == (reason, field)


async def test_an_operation_needs_its_input(native: AsyncClient) -> None:
    with pytest.raises(ApiError) as raised:
        await native.create_task([], [CUT])
    assert (raised.value.reason, raised.value.field) == ("FIELD_INVALID", "input_file_ids")


async def test_files_can_be_listed_and_deleted(native: AsyncClient, picture: int) -> None:
    assert [file.id for file in await native.list_files()] == [picture]
    await native.delete_file(picture)
    assert await native.list_files() == []
    with pytest.raises(ApiError) as raised:
        await native.create_task([picture], [CUT])
    assert raised.value.reason == "FILE_NOT_FOUND"


async def test_internal_services_are_out_of_reach(native: AsyncClient) -> None:
    async with native.server.channel() as channel:
        stub = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.LookupTasks(attempt_service_pb2.LookupTasksRequest(task_ids=[1]), metadata=native.server.metadata)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


class _WithKey(grpc.StreamStreamClientInterceptor):
    """Adds the API key to the calls of a reflection client, which takes no metadata."""

    def __init__(self, api_key: str) -> None:
        self._metadata = (("authorization", f"Bearer {api_key}"),)

    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return continuation(details._replace(metadata=self._metadata), requests)


async def test_health_and_reflection(stack: StackUnderTest, account: Account) -> None:
    def look() -> tuple[int, set[str], int]:
        target = stack.url.removeprefix("http://")
        with grpc.insecure_channel(target) as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            database = ProtoReflectionDescriptorDatabase(grpc.intercept_channel(channel, _WithKey(account.api_key)))
            services = set(database.get_services())
            pool = DescriptorPool(database)
            fields = pool.FindMessageTypeByName("darkroom.tasks.v1.Task").fields
        return health.status, services, len(fields)

    status, services, fields = await asyncio.to_thread(look)
    assert status == health_pb2.HealthCheckResponse.SERVING
    assert {"darkroom.tasks.v1.TasksService", "darkroom.files.v1.FilesService", "darkroom.rest.v1.ImagesService"} <= services
    assert not any("internal" in service for service in services)
    assert fields == len(task_pb2.Task.DESCRIPTOR.fields)


async def test_a_revoked_key_stops_working_and_ends_its_streams(native: AsyncClient, stack: StackUnderTest) -> None:
    async with native.server.channel() as channel:
        accounts = accounts_service_pb2_grpc.AccountsServiceStub(channel)
        created = await accounts.CreateApiKey(accounts_service_pb2.CreateApiKeyRequest(name="second"), metadata=native.server.metadata)
        async with AsyncClient(stack.url, created.secret) as second:
            task = await second.create_task([], [_noop(1000, 60)])
            watch = second.watch(task.id)
            await anext(watch)
            await accounts.RevokeApiKey(
                accounts_service_pb2.RevokeApiKeyRequest(api_key_id=created.api_key.id), metadata=native.server.metadata
            )
            with pytest.raises(ApiError) as raised:
                async with asyncio.timeout(30):
                    async for _event in watch:
                        pass
            assert raised.value.reason == "API_KEY_INVALID"
            with pytest.raises(ApiError):
                await second.get_task(task.id)
    await native.cancel_task(task.id)
