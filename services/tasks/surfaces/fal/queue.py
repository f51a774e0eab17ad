"""`/fal/queue`: submit, status, stream, result, cancel."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from google.api import httpbody_pb2

from compat.fal.v1 import queue_pb2, queue_pb2_grpc
from darkroom.operations.v1 import operation_pb2
from services.common.clock import system_clock
from services.common.errors import DarkroomError, ErrorReason
from services.common.identity import current_identity
from services.common.json_models import python_of
from services.common.rpc import catalogue
from services.common.rpc.idempotency import current_idempotency
from services.common.rpc.interceptor import Context
from services.common.rpc.origin import origin_of
from services.common.rpc.surfaces import HTTP_STATUS, error_trailers
from services.common.rpc.trace import Origin
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.plan import lane_of
from services.tasks.model import Task
from services.tasks.surfaces import ids
from services.tasks.surfaces.fal import rendering
from services.tasks.surfaces.fal.catalogue import model
from services.tasks.surfaces.fal.inputs import require_files_scope
from services.tasks.surfaces.fal.logs import Line, lines_of
from services.tasks.surfaces.fal.rendering import Status, Urls
from services.tasks.surfaces.fal.stream import event_bytes, statuses
from services.tasks.surfaces.fal.submission import plan, queue_priority
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.server_sent_events import HEADERS, event_stream

_REQUEST_ID = "x-fal-request-id"
_TIMEOUT = "x-fal-request-timeout"
_TIMEOUT_TYPE = ("x-fal-request-timeout-type", "user")
_RETRYABLE = "x-fal-retryable"
_PASSING = frozenset((ErrorReason.UNAVAILABLE, ErrorReason.WORKER_LOST, ErrorReason.PROVIDER_UNAVAILABLE))
_UNKNOWN = "Request not found"
_NOT_CANCELLED = {
    ErrorReason.TASK_NOT_FOUND: ("404", "NOT_FOUND", _UNKNOWN),
    ErrorReason.TASK_ALREADY_TERMINAL: ("400", "ALREADY_COMPLETED", "Request has already completed"),
}
_LONGEST_TIMEOUT = 30 * 24 * 3600


class FalQueue(queue_pb2_grpc.QueueServiceServicer):
    """Requests of the calling account. `generation` names the operation that makes the pictures of the surface's own models."""

    def __init__(self, parts: SurfaceParts, generation: str) -> None:
        self._parts, self._generation = parts, generation

    async def Submit(self, request: queue_pb2.SubmitRequest, context: Context) -> queue_pb2.SubmitReply:
        """Accept a request."""
        asked = plan(model(request.model), python_of(request.input), self._generation)
        require_files_scope(asked.inputs)
        headers = _headers(context)
        await self._check_queue(request, asked.operations)
        try:
            task = await self._parts.acceptance.create(
                TaskRequest(
                    account_id=current_identity().account_id,
                    operations=asked.operations,
                    input_file_ids=asked.inputs.file_ids,
                    input_fields=asked.inputs.file_fields,
                    later_urls=asked.inputs.urls,
                    auxiliary_field=lambda _position, _operation, auxiliary: auxiliary.field,
                    priority=queue_priority(asked.priority, headers.get("x-fal-queue-priority", "")),
                    deadline=_deadline(headers.get(_TIMEOUT, "")),
                    max_pooled=self._parts.max_pooled,
                    trace_id=str(Origin.current()),
                    idempotency=current_idempotency(),
                    webhook_url=request.fal_webhook,
                    surface="fal",
                )
            )
        except DarkroomError as error:
            raise _in_terms_of_the_input(error) from error
        await context.send_initial_metadata(((_REQUEST_ID, str(task.id)),))
        return rendering.submitted(task, Urls.of(origin_of(context), request.model, task.id), await self._position(task))

    async def GetStatus(self, request: queue_pb2.GetStatusRequest, context: Context) -> queue_pb2.QueueStatus:
        """The state of a request."""
        wanted = _wants_logs(request)
        try:
            task = await self._task(request.request_id)
        except DarkroomError as error:
            if error.reason is not ErrorReason.TASK_NOT_FOUND:
                raise
            await context.send_initial_metadata(((HTTP_STATUS, "404"),))
            return queue_pb2.QueueStatus(status="NOT_FOUND", detail=error.message, error_type=_error_type(error.reason))
        status = "200" if task.state.terminal else "202"
        await context.send_initial_metadata(((HTTP_STATUS, status), (_REQUEST_ID, str(task.id))))
        lines = await lines_of(self._parts.tasks, task) if wanted else None
        return await self._status(task, lines, urls=Urls.of(origin_of(context), request.model, task.id))

    async def StreamStatus(self, request: queue_pb2.GetStatusRequest, context: Context) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """The states of a request, up to its end."""
        wanted, task = _wants_logs(request), await self._task(request.request_id)
        await context.send_initial_metadata((*HEADERS, (_REQUEST_ID, str(task.id))))
        render = partial(self._status, urls=Urls.of(origin_of(context), request.model, task.id))
        states = statuses(self._parts.tasks, self._parts.watching, task, render, logs=wanted)
        async for chunk in event_stream(states, event_bytes, self._parts.heartbeat):
            yield chunk

    async def GetResult(self, request: queue_pb2.GetResultRequest, context: Context) -> queue_pb2.QueueResult:
        """The outputs of a request."""
        task = await self._task(request.request_id)
        if not task.state.terminal:
            raise DarkroomError(ErrorReason.TASK_NOT_TERMINAL, "Request is still in progress")
        failure = rendering.failure_of(task)
        if failure is not None:
            # Not raised, since the call did not fail: the edge repeats a read that did.
            await context.send_initial_metadata((*error_trailers(catalogue.surface("fal"), failure), *_about(task, failure)))
            return queue_pb2.QueueResult()
        downloads = await self._parts.files.sign_downloads(task.account_id, task.output_file_ids)
        await context.send_initial_metadata(((_REQUEST_ID, str(task.id)), ("cache-control", "no-store")))
        return rendering.result(task, downloads)

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
        await context.send_initial_metadata(((HTTP_STATUS, "202"), (_REQUEST_ID, str(task_id))))
        return queue_pb2.CancelReply(status="CANCELLATION_REQUESTED")

    async def _check_queue(self, request: queue_pb2.SubmitRequest, operations: Sequence[operation_pb2.Operation]) -> None:
        """Refuse a request that would wait behind more than it says. Raises FIELD_INVALID and TOO_MANY_TASKS."""
        if not request.HasField("fal_max_queue_length"):
            return
        most = request.fal_max_queue_length
        if most < 0:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "fal_max_queue_length: must be 0 or more.")
        waiting = await self._parts.tasks.waiting(current_identity().account_id, lane_of(operations))
        if waiting > most:
            raise DarkroomError(
                ErrorReason.TOO_MANY_TASKS, f"{waiting} requests wait, which is more than fal_max_queue_length allows: {most}."
            )

    async def _task(self, request_id: str) -> Task:
        try:
            return await self._parts.tasks.get(current_identity().account_id, ids.task_id(request_id))
        except DarkroomError as error:
            raise (error.saying(_UNKNOWN) if error.reason is ErrorReason.TASK_NOT_FOUND else error) from None

    async def _status(self, task: Task, lines: list[Line] | None, *, urls: Urls) -> queue_pb2.QueueStatus:
        return rendering.queue_status(task, urls, await self._position(task), lines)

    async def _position(self, task: Task) -> int:
        if rendering.status_of(task) is not Status.IN_QUEUE:
            return 0
        return (await self._parts.tasks.details(task)).queue_position or 0


def _error_type(reason: ErrorReason) -> str:
    return str(catalogue.surface("fal").code(reason))


def _headers(context: Context) -> dict[str, str]:
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


def _deadline(text: str) -> datetime | None:
    """When a request with this header must have ended. Raises FIELD_INVALID."""
    if not text.strip():
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        message = f"{_TIMEOUT}: must be a number of seconds above 0 and up to {_LONGEST_TIMEOUT}."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message)
    return system_clock() + timedelta(seconds=seconds)


def _wants_logs(request: queue_pb2.GetStatusRequest) -> bool:
    said = request.logs.strip().lower()
    if said not in ("", "0", "1", "true", "false"):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "logs: must be 1, true, 0 or false.")
    return said in ("1", "true")


def _about(task: Task, failure: DarkroomError) -> tuple[tuple[str, str], ...]:
    """Headers of the reply to the result of a request that failed."""
    told = ((_REQUEST_ID, str(task.id)), (_RETRYABLE, "true" if failure.reason in _PASSING else "false"))
    return (*told, _TIMEOUT_TYPE) if failure.reason is ErrorReason.DEADLINE_EXCEEDED else told


def _in_terms_of_the_input(error: DarkroomError) -> DarkroomError:
    """An error of a creation without the fields that this surface does not have."""
    field = error.field or ""
    if field == "webhook_url":
        return DarkroomError(error.reason, error.message.replace("webhook_url", "fal_webhook", 1))
    if not field.startswith(("operations", "input_file_ids")):
        return error
    return DarkroomError(
        error.reason, error.message.removeprefix(f"{field}:").strip(), metadata=error.metadata, retry_after=error.retry_after
    )
