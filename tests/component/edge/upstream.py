"""Services behind the edge, for tests of the edge: they answer as they are told and keep what reached them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from darkroom.rest.v1 import batches_pb2_grpc, images_pb2, images_pb2_grpc, tasks_pb2, tasks_pb2_grpc
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.server import Mount
from services.platform.rpc.unknown_fields import current_unknown_fields
from tests.component.edge.storekeeper import Storekeeper

Context = grpc.aio.ServicerContext[Any, Any]


class Upstream:
    """What the servicers below share."""

    def __init__(self) -> None:
        self.storekeeper = Storekeeper()
        self.reset()

    def reset(self) -> None:
        """Forget what has happened."""
        self.storekeeper.reset()
        self.metadata: dict[str, str] = {}
        self.calls = 0
        self.watch_ended = asyncio.Event()

    def received(self, context: Context) -> None:
        self.calls += 1
        self.metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}

    def mounts(self) -> list[Mount]:
        return [
            Mount(_RestTasks(self)),
            Mount(_RestImages(self)),
            Mount(_NativeTasks(self)),
            # Does nothing, but waits for the request before it says so: the edge may still be reading that.
            Mount(batches_pb2_grpc.BatchesServiceServicer()),
            # Internal services have a listener of their own; here one listens where a route would lead, if there were one.
            Mount(attempt_service_pb2_grpc.AttemptServiceServicer()),
        ]


class _RestTasks(tasks_pb2_grpc.TasksServiceServicer):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def GetTaskStatus(self, request: tasks_pb2.GetTaskStatusRequest, context: Context) -> tasks_pb2.TaskStatusEnvelope:  # noqa: N802 - an rpc
        self._upstream.received(context)
        match request.id:
            case "missing":
                raise DarkroomError(ErrorReason.TASK_NOT_FOUND, "There is no task missing.")
            case "field":
                raise DarkroomError(ErrorReason.FIELD_INVALID, "id: must be “a” or “b”", field="id", allowed=["a", "b"])
            case "crash":
                raise RuntimeError("/secret/path")
            case "bare" | "stopping":
                code = grpc.StatusCode.UNAVAILABLE if request.id == "bare" else grpc.StatusCode.CANCELLED
                await context.abort(code, "/secret/path")
            case "long":
                raise DarkroomError(ErrorReason.FIELD_INVALID, "m" * 6000, field="id")
        identity = current_identity()
        return tasks_pb2.TaskStatusEnvelope(
            code=200,
            message="success",
            data=tasks_pb2.TaskStatusResult(task_id=request.id, status="Pending", error_message=str(identity.account_id)),
        )

    async def GetTaskResult(self, request: tasks_pb2.GetTaskResultRequest, context: Context) -> tasks_pb2.TaskResultEnvelope:  # noqa: N802 - an rpc
        """Fails as if the service were restarting, the first two times."""
        self._upstream.received(context)
        if self._upstream.calls < 3:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        return tasks_pb2.TaskResultEnvelope(code=200, message="success")


class _RestImages(images_pb2_grpc.ImagesServiceServicer):
    """Answers with the request as it arrived, as JSON in `status_url`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def Upscale(self, request: images_pb2.ImageUpscaleRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:  # noqa: N802 - an rpc
        self._upstream.received(context)
        if request.image_file_id == "busy":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        return _arrived(request)

    async def RemoveWatermark(  # noqa: N802 - an rpc
        self, request: images_pb2.RemoveImageWatermarkRequest, context: Context
    ) -> tasks_pb2.TaskCreateEnvelope:
        self._upstream.received(context)
        return _arrived(request)


def _arrived(request: Message) -> tasks_pb2.TaskCreateEnvelope:
    arrived = json.dumps(json_format.MessageToDict(request, preserving_proto_field_name=True))
    unknown = [field.path for field in current_unknown_fields()]
    data = tasks_pb2.TaskCreateResult(task_id="1", status_url=arrived, not_applied=unknown)
    return tasks_pb2.TaskCreateEnvelope(code=200, message="success", data=data)


class _NativeTasks(tasks_service_pb2_grpc.TasksServiceServicer):
    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def GetTask(self, request: tasks_service_pb2.GetTaskRequest, context: Context) -> tasks_service_pb2.GetTaskResponse:  # noqa: N802 - an rpc
        self._upstream.received(context)
        if request.task_id == 404:
            raise DarkroomError(ErrorReason.TASK_NOT_FOUND, "There is no task 404.")
        return tasks_service_pb2.GetTaskResponse(task=task_pb2.Task(id=request.task_id))

    async def WatchTask(  # noqa: N802 - an rpc
        self, request: tasks_service_pb2.WatchTaskRequest, context: Context
    ) -> AsyncIterator[tasks_service_pb2.WatchTaskResponse]:
        """One event, and then nothing until the client goes away."""
        self._upstream.received(context)
        self._upstream.watch_ended.clear()
        yield tasks_service_pb2.WatchTaskResponse(event=task_pb2.TaskEvent(sequence=1))
        try:
            await asyncio.Event().wait()
        finally:
            self._upstream.watch_ended.set()
