"""The interceptor on a real gRPC server: who gets in, and what a caller learns of an error."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2, status_pb2

from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from darkroom.rest.v1 import images_pb2, images_pb2_grpc, tasks_pb2, tasks_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from services.platform.identity import IDENTITY_HEADER, Signer, current_identity
from services.platform.rpc import interceptor
from services.platform.rpc.channel import Caller
from services.platform.rpc.server import Mount, listening
from services.platform.rpc.trace import current_trace_id
from tests.unit.platform.keys import Keys

UPSCALE = images_pb2.ImageUpscaleRequest(image_file_id="1")


@dataclass
class Images(images_pb2_grpc.ImagesServiceServicer):
    """Raises what it is told to, and notes its caller."""

    error: Exception | None = None
    callers: list[tuple[int, str]] = field(default_factory=list)

    async def Upscale(self, request: images_pb2.ImageUpscaleRequest, context: object) -> tasks_pb2.TaskCreateEnvelope:  # noqa: N802
        self.callers.append((current_identity().account_id, current_trace_id()))
        if self.error is not None:
            raise self.error
        return tasks_pb2.TaskCreateEnvelope(code=200)


class Storage(storage_service_pb2_grpc.StorageServiceServicer):
    async def UnpinFiles(  # noqa: N802
        self, request: storage_service_pb2.UnpinFilesRequest, context: object
    ) -> storage_service_pb2.UnpinFilesResponse:
        return storage_service_pb2.UnpinFilesResponse()


class Tasks(tasks_pb2_grpc.TasksServiceServicer):
    async def GetTaskStatus(self, request: tasks_pb2.GetTaskStatusRequest, context: object) -> tasks_pb2.TaskStatusEnvelope:  # noqa: N802
        if request.id != "1":
            raise DarkroomError(ErrorReason.TASK_NOT_FOUND, "There is no such task.")
        return tasks_pb2.TaskStatusEnvelope(code=200)


@dataclass
class Running:
    servicer: Images
    public: grpc.aio.Channel
    internal: grpc.aio.Channel
    accounts: Signer
    tasks: Signer
    inference: Signer

    async def upscale(self, request: images_pb2.ImageUpscaleRequest = UPSCALE, *, token: str | None = None) -> object:
        metadata = ((IDENTITY_HEADER, token or self.accounts.identity_token(7, 8)), ("x-request-id", "trace-1"))
        return await images_pb2_grpc.ImagesServiceStub(self.public).Upscale(request, metadata=metadata)

    async def status(self, task_id: str = "1") -> object:
        metadata = ((IDENTITY_HEADER, self.accounts.identity_token(7, 8)), ("x-request-id", "trace-1"))
        return await tasks_pb2_grpc.TasksServiceStub(self.public).GetTaskStatus(
            tasks_pb2.GetTaskStatusRequest(id=task_id), metadata=metadata
        )


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    keys = Keys(tmp_path)
    accounts, tasks, inference = (keys.signer(issuer) for issuer in ("accounts", "tasks", "inference"))
    images = Images()
    mounts = [
        Mount(images),
        Mount(Storage()),
        Mount(Tasks()),
    ]
    async with AsyncExitStack() as stack:
        channels = {}
        for listener in ("public", "internal"):
            address = f"unix:{tmp_path}/{listener}.sock"
            await stack.enter_async_context(listening(listener, address, mounts, keys.verifier()))
            channels[listener] = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        yield Running(images, channels["public"], channels["internal"], accounts, tasks, inference)


async def test_the_servicer_knows_its_caller(running: Running) -> None:
    await running.upscale()
    assert running.servicer.callers == [(7, "trace-1")]


async def test_no_identity_no_call(running: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.upscale(token="forged")
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert json.loads(str(_trailer(raised.value, "x-error-body")))["code"] == 1402
    assert running.servicer.callers == []


async def test_a_key_without_the_scope_reaches_no_servicer(running: Running) -> None:
    await running.upscale(token=running.accounts.identity_token(7, 8, {"tasks:write"}))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.upscale(token=running.accounts.identity_token(7, 8, {"tasks:read", "files:write"}))
    received = from_rpc(raised.value)
    assert (received.reason, received.metadata) == (ErrorReason.PERMISSION_DENIED, {"scope": "tasks:write"})
    assert _trailer(raised.value, "x-http-status") == "403"
    assert len(running.servicer.callers) == 1


async def test_typed_errors_reach_native_and_json_callers(running: Running) -> None:
    running.servicer.error = DarkroomError(ErrorReason.FILE_NOT_FOUND, "No such file.", field="image_file_id")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.upscale()
    received = from_rpc(raised.value)
    assert (received.reason, received.field) == (ErrorReason.FILE_NOT_FOUND, "image_file_id")
    assert _trailer(raised.value, "x-http-status") == "400"
    assert json.loads(str(_trailer(raised.value, "x-error-body"))) == {
        "code": 40401,
        "message": "No such file.",
        "data": {"error_code": "file_not_found", "field": "image_file_id"},
    }


async def test_defects_do_not_leak(running: Running) -> None:
    running.servicer.error = ValueError("the password is swordfish")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.upscale()
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "swordfish" not in repr(raised.value.trailing_metadata()) + str(raised.value.details())


async def test_rules_are_checked_before_the_servicer_runs(running: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.upscale(images_pb2.ImageUpscaleRequest(image_file_id="1", type="16X"))
    status = status_pb2.Status.FromString(_trailer(raised.value, "grpc-status-details-bin"))
    bad = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(bad)
    assert bad.field_violations[0].field == "type"
    assert running.servicer.callers == []


async def test_internal_methods_need_a_service_token_and_the_internal_listener(running: Running) -> None:
    request = storage_service_pb2.UnpinFilesRequest(task_id=1)
    token = Caller(running.tasks).on_behalf_of(7)
    await storage_service_pb2_grpc.StorageServiceStub(running.internal).UnpinFiles(request, metadata=token)
    identity = ((IDENTITY_HEADER, running.accounts.identity_token(7, 8)),)
    for channel, metadata, code in (
        (running.internal, (), grpc.StatusCode.UNAUTHENTICATED),
        (running.internal, identity, grpc.StatusCode.UNAUTHENTICATED),
        (running.internal, Caller(running.inference).on_behalf_of(7), grpc.StatusCode.PERMISSION_DENIED),
        (running.public, token, grpc.StatusCode.PERMISSION_DENIED),
        (running.public, identity, grpc.StatusCode.PERMISSION_DENIED),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await storage_service_pb2_grpc.StorageServiceStub(channel).UnpinFiles(request, metadata=metadata)
        assert raised.value.code() is code


def _trailer(error: grpc.aio.AioRpcError, name: str) -> str | bytes | None:
    return dict(error.trailing_metadata()).get(name)


async def test_bytes_that_are_no_request_are_the_callers_fault(running: Running) -> None:
    for data in (b"\xff\xff\xff", b"\x0a\x01\xff", b"\x0a\x05a"):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await _raw(running, data)
        assert from_rpc(raised.value).reason is ErrorReason.MALFORMED_REQUEST
        assert "pb2" not in str(raised.value.details())
        assert _trailer(raised.value, "x-http-status") == "400"
    assert running.servicer.callers == []


async def test_no_text_with_a_nul_reaches_a_servicer(running: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await _raw(running, images_pb2.ImageUpscaleRequest(image_file_id="1\0").SerializeToString())
    received = from_rpc(raised.value)
    assert (received.reason, received.field) == (ErrorReason.FIELD_INVALID, "image_file_id")
    assert running.servicer.callers == []


async def _raw(running: Running, data: bytes) -> bytes:
    metadata = ((IDENTITY_HEADER, running.accounts.identity_token(7, 8)),)
    answer: bytes = await running.public.unary_unary("/darkroom.rest.v1.ImagesService/Upscale")(data, metadata=metadata)
    return answer


async def test_reads_that_go_well_are_logged_for_debugging_only(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with structlog.testing.capture_logs() as lines:
        await running.status()
        with pytest.raises(grpc.aio.AioRpcError):
            await running.status("2")
        await running.upscale()
        metadata = Caller(running.tasks).on_behalf_of(7)
        request = storage_service_pb2.UnpinFilesRequest(task_id=1)
        await storage_service_pb2_grpc.StorageServiceStub(running.internal).UnpinFiles(request, metadata=metadata)
        monkeypatch.setattr(interceptor, "_SLOW_SECONDS", 0.0)
        await running.status()
    calls = [(line["log_level"], line["method"].rpartition("/")[2], line["code"]) for line in lines if line["event"] == "rpc"]
    assert calls == [
        ("debug", "GetTaskStatus", "OK"),
        ("info", "GetTaskStatus", "NOT_FOUND"),
        ("info", "Upscale", "OK"),
        ("debug", "UnpinFiles", "OK"),
        ("info", "GetTaskStatus", "OK"),
    ]
