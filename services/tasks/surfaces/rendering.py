"""The common parts of the surfaces: times and durations on the wire, and columns that hold messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.common.v1 import scope_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from services.pictures.operations import parameters_of
from services.platform.errors import ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.moments import moment
from services.platform.scopes import require_scope
from services.tasks.domain.acceptance.requests import InputUrl
from services.tasks.model import Task, TaskEvent
from services.tasks.model.state import TaskState

_PREFIX = "TASK_STATE_"
_NUMBERS = {state: task_pb2.TaskState.Value(_PREFIX + state.value) for state in TaskState}
# The tasks of a batch mostly have the same operations. Larger ones are not kept.
_SMALL = 1024
_EPOCH, _DAY = datetime.fromtimestamp(0, UTC), 86400

once_an_event = lru_cache(maxsize=256)
"""Decorates what renders a `TaskEvent` for its watchers: the first has it made, the others get the same."""


def timestamp(moment: datetime) -> Timestamp:
    """A moment for the wire. `FromDatetime` takes three times as long."""
    passed = moment - _EPOCH
    return Timestamp(seconds=passed.days * _DAY + passed.seconds, nanos=passed.microseconds * 1000)


class HasDeadline(Protocol):
    """A request with a field `deadline`."""

    @property
    def deadline(self) -> Timestamp:
        """The field."""

    def HasField(self, field_name: Literal["deadline"]) -> bool:
        """Whether it is set."""


def input_urls(urls: Mapping[str, str]) -> list[InputUrl]:
    """The inputs that the caller names by URLs, by the fields that name them. They become files of the account, which needs another scope
    than tasks do. Raises PERMISSION_DENIED."""
    if urls:
        require_scope(scope_pb2.SCOPE_FILES_WRITE, current_identity())
    return [InputUrl(url, field) for field, url in urls.items()]


def destination(place: str) -> str:
    """Where the caller wants the results copied to; empty for nowhere. Writing files needs another scope than tasks do. Raises
    PERMISSION_DENIED."""
    if place:
        require_scope(scope_pb2.SCOPE_FILES_WRITE, current_identity())
    return place


def deadline_of(request: HasDeadline) -> datetime | None:
    """The deadline that a request sets. Raises FIELD_INVALID for an impossible time."""
    return moment(request.deadline, "deadline") if request.HasField("deadline") else None


def duration(span: timedelta) -> Duration:
    """A span of time for the wire."""
    message = Duration()
    message.FromTimedelta(span)
    return message


def shown_operations(task: Task) -> list[operation_pb2.Operation]:
    """The operations of a task, in order, without parameters that are secrets, such as passwords, which are kept for the worker alone. The
    messages are not to be changed."""
    return [(_small_shown if len(operation) <= _SMALL else _shown)(operation) for operation in task.operations]


def _shown(stored: bytes) -> operation_pb2.Operation:
    operation = operation_pb2.Operation.FromString(stored)
    parameters = parameters_of(operation)
    for field, _ in parameters.ListFields():
        if field.GetOptions().debug_redact:
            parameters.ClearField(field.name)
    return operation


_small_shown = lru_cache(maxsize=256)(_shown)


def notices_of(task: Task) -> list[task_pb2.Notice]:
    """Notices for the task's owner."""
    return [task_pb2.Notice.FromString(notice) for notice in task.notices]


def state_number(state: TaskState) -> task_pb2.TaskState.ValueType:
    """The proto enum's value."""
    return _NUMBERS[state]


def state_of(number: task_pb2.TaskState.ValueType) -> TaskState:
    """The state for a proto enum value that has passed validation."""
    return TaskState(task_pb2.TaskState.Name(number).removeprefix(_PREFIX))


def event_message(event: TaskEvent) -> task_pb2.TaskEvent:
    """The event as a watcher sees it."""
    return task_pb2.TaskEvent(
        task_id=event.task_id,
        sequence=event.sequence,
        state=state_number(event.state),
        attempt=event.attempt,
        progress=event.progress,
        message=event.message,
        error=error_message(event.error_reason, event.error_message),
        time=timestamp(event.time),
        unchanged=event.unchanged,
    )


def error_message(reason: ErrorReason | None, message: str | None) -> task_pb2.TaskError | None:
    """The error that a task or an attempt failed with; None if it did not fail."""
    return task_pb2.TaskError(reason=reason.number, message=message or "") if reason is not None else None
