"""`/fal/queue` (submit, status, stream, result, cancel), and `/fal/run`, a request whose result the call itself returns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial

from google.api import httpbody_pb2
from google.protobuf.message import Message

from compat.fal.v1 import queue_pb2, queue_pb2_grpc, run_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc import catalogue
from services.platform.rpc.interceptor import Context
from services.platform.rpc.origin import origin_of
from services.platform.rpc.surfaces import HTTP_STATUS, render_error
from services.tasks.model import Task
from services.tasks.surfaces import ids
from services.tasks.surfaces.fal import rendering
from services.tasks.surfaces.fal.logs import lines_of
from services.tasks.surfaces.fal.rendering import Urls, failure_of
from services.tasks.surfaces.fal.replies import REQUEST_ID, UNKNOWN, Replies
from services.tasks.surfaces.fal.stream import event_bytes, statuses
from services.tasks.surfaces.fal.submitting import Submitting
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.server_sent_events import COMMENT, HEADERS, event_stream

_NOT_CANCELLED = {
    ErrorReason.TASK_NOT_FOUND: ("404", "NOT_FOUND", UNKNOWN),
    ErrorReason.TASK_ALREADY_TERMINAL: ("400", "ALREADY_COMPLETED", "Request has already completed"),
}
_LONGEST_WAIT = 100
"""Seconds; the edge waits longer."""


class FalQueue(queue_pb2_grpc.QueueServiceServicer):
    """Requests of the calling account."""

    def __init__(self, parts: SurfaceParts, submitting: Submitting, replies: Replies) -> None:
        self._parts, self._submitting, self._replies = parts, submitting, replies

    async def Submit(self, request: queue_pb2.SubmitRequest, context: Context) -> queue_pb2.SubmitReply:
        """Accept a request."""
        task = await self._submitting.submit(request, context)
        await context.send_initial_metadata(((REQUEST_ID, str(task.id)),))
        return rendering.submit_reply(task, Urls.of(origin_of(context), request.model, task.id), await self._replies.position(task))

    async def GetStatus(self, request: queue_pb2.GetStatusRequest, context: Context) -> queue_pb2.QueueStatus:
        """The state of a request."""
        wanted = _wants_logs(request)
        try:
            task = await self._replies.task(request.request_id)
        except DarkroomError as error:
            if error.reason is not ErrorReason.TASK_NOT_FOUND:
                raise
            await context.send_initial_metadata(((HTTP_STATUS, "404"),))
            return queue_pb2.QueueStatus(status="NOT_FOUND", detail=error.message, error_type=_error_type(error.reason))
        lines = await lines_of(self._parts.tasks, task) if wanted else None
        status = await self._replies.status(task, lines, urls=Urls.of(origin_of(context), request.model, task.id))
        await context.send_initial_metadata(((HTTP_STATUS, "200" if task.state.terminal else "202"), (REQUEST_ID, str(task.id))))
        return status

    async def StreamStatus(self, request: queue_pb2.GetStatusRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """The states of a request, up to its end."""
        wanted, task = _wants_logs(request), await self._replies.task(request.request_id)
        await context.send_initial_metadata((*HEADERS, (REQUEST_ID, str(task.id))))
        render = partial(self._replies.status, urls=Urls.of(origin_of(context), request.model, task.id))
        states = statuses(self._parts.tasks, self._parts.watching, task, render, logs=wanted)
        async for chunk in event_stream(states, event_bytes, self._parts.heartbeat, COMMENT):
            yield chunk

    async def GetResult(self, request: queue_pb2.GetResultRequest, context: Context) -> queue_pb2.QueueResult:
        """The outputs of a request."""
        task = await self._replies.task(request.request_id)
        if not task.state.terminal:
            raise DarkroomError(ErrorReason.TASK_NOT_TERMINAL, "Request is still in progress")
        return await self._replies.result(task, context)

    async def Cancel(self, request: queue_pb2.CancelRequest, context: Context) -> queue_pb2.CancelReply:
        """End a request."""
        try:
            task_id = ids.task_id(request.request_id)
            await self._parts.tasks.cancel(current_identity().account_id, task_id)
        except DarkroomError as error:
            if error.reason not in _NOT_CANCELLED:
                raise
            http, status, detail = _NOT_CANCELLED[error.reason]
            await context.send_initial_metadata(((HTTP_STATUS, http),))
            return queue_pb2.CancelReply(status=status, detail=detail, error_type=_error_type(error.reason))
        await context.send_initial_metadata(((HTTP_STATUS, "202"), (REQUEST_ID, str(task_id))))
        return queue_pb2.CancelReply(status="CANCELLATION_REQUESTED")


def _error_type(reason: ErrorReason) -> str:
    return str(catalogue.surface("fal").code(reason))


def _wants_logs(request: queue_pb2.GetStatusRequest) -> bool:
    said = request.logs.strip().lower()
    if said not in ("", "0", "1", "true", "false"):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "logs: must be 1, true, 0 or false.")
    return said in ("1", "true")


class FalRun(run_pb2_grpc.RunServiceServicer):
    """Requests of the calling account."""

    def __init__(self, parts: SurfaceParts, submitting: Submitting, replies: Replies) -> None:
        self._parts, self._submitting, self._replies = parts, submitting, replies

    async def Run(self, request: queue_pb2.SubmitRequest, context: Context) -> queue_pb2.QueueResult:
        """Accept a request and wait for its end."""
        task = await self._submitting.submit(request, context)
        task = await self._parts.watching.wait(current_identity(), task.id, _LONGEST_WAIT)
        return await self._replies.result(task, context)

    async def StreamRun(self, request: queue_pb2.SubmitRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Accept a request; its states, and its result or error."""
        task = await self._submitting.submit(request, context)
        await context.send_initial_metadata((*HEADERS, (REQUEST_ID, str(task.id))))
        events = self._events(task, Urls.of(origin_of(context), request.model, task.id))
        async for chunk in event_stream(events, event_bytes, self._parts.heartbeat, COMMENT):
            yield chunk

    async def _events(self, task: Task, urls: Urls) -> AsyncGenerator[Message | dict[str, object], None]:
        render = partial(self._replies.status, urls=urls)
        async for status in statuses(self._parts.tasks, self._parts.watching, task, render, logs=False):
            yield status
        ended = await self._parts.tasks.get(task.account_id, task.id)
        failure = failure_of(ended)
        yield render_error(catalogue.surface("fal"), failure)[1] if failure is not None else await self._replies.outputs(ended)
