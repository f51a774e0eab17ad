"""Accepting a request: its input, its headers and its limits, as a task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from compat.fal.v1 import queue_pb2
from darkroom.operations.v1 import operation_pb2
from services.platform.clock import system_clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.json_models import python_of
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.plan import lanes_of
from services.tasks.model import Task
from services.tasks.surfaces.fal.catalogue import model
from services.tasks.surfaces.fal.inputs import require_files_scope
from services.tasks.surfaces.fal.submission import plan, queue_priority
from services.tasks.surfaces.parts import SurfaceParts

_TIMEOUT = "x-fal-request-timeout"
_LONGEST_TIMEOUT = 30 * 24 * 3600


class Submitting:
    """Accepts requests. `generation` names the operation that makes the pictures of the surface's own models."""

    def __init__(self, parts: SurfaceParts, generation: str) -> None:
        self._acceptance, self._tasks, self._generation = parts.acceptance, parts.tasks, generation

    async def submit(self, request: queue_pb2.SubmitRequest, context: Context) -> Task:
        """The task of a new request. Raises the errors of Submit."""
        call = current_idempotency()
        asked = plan(model(request.model), python_of(request.input), self._generation)
        require_files_scope(asked.inputs)
        headers = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
        deadline = _deadline(headers.get(_TIMEOUT, ""))
        await self._check_queue(request, asked.operations)
        try:
            return await self._acceptance.create(
                TaskRequest(
                    account_id=current_identity().account_id,
                    operations=asked.operations,
                    input_file_ids=asked.inputs.file_ids,
                    input_fields=asked.inputs.file_fields,
                    later_urls=asked.inputs.urls,
                    auxiliary_field=lambda _position, _operation, auxiliary: auxiliary.field,
                    priority=queue_priority(asked.priority, headers.get("x-fal-queue-priority", "")),
                    deadline=deadline,
                    deadline_to_start=True,
                    trace_id=str(Origin.current()),
                    idempotency=call,
                    webhook_url=request.fal_webhook,
                    surface="fal",
                )
            )
        except DarkroomError as error:
            raise _in_terms_of_the_input(error) from error

    async def _check_queue(self, request: queue_pb2.SubmitRequest, operations: Sequence[operation_pb2.Operation]) -> None:
        """Refuse a request that would wait behind more than it says. Raises FIELD_INVALID and TOO_MANY_TASKS."""
        if not request.HasField("fal_max_queue_length"):
            return
        most = request.fal_max_queue_length
        if most < 0:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "fal_max_queue_length: must be 0 or more.")
        account_id = current_identity().account_id
        waiting = sum([await self._tasks.waiting(account_id, lane) for lane in lanes_of(operations)])
        if waiting > most:
            message = f"{waiting} requests wait, which is more than fal_max_queue_length allows: {most}."
            raise DarkroomError(ErrorReason.TOO_MANY_TASKS, message)


def _deadline(text: str) -> datetime | None:
    """When a request with this header must have begun. Raises FIELD_INVALID."""
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


def _in_terms_of_the_input(error: DarkroomError) -> DarkroomError:
    """An error of a creation without the fields that this surface does not have."""
    field = error.field or ""
    if field == "webhook_url":
        return DarkroomError(error.reason, error.message.replace("webhook_url", "fal_webhook", 1))
    if not field.startswith(("operations", "input_file_ids")):
        return error
    message = error.message.removeprefix(f"{field}:").strip()
    return DarkroomError(error.reason, message, metadata=error.metadata, retry_after=error.retry_after)
