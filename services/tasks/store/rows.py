"""Turns rows into their models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.internal.tasks.v1 import stored_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.rpc.trace import Origin
from services.tasks.model import Task, TaskAttempt, TaskEvent, loaded
from services.tasks.model.records import OutgoingEvent, Refusal
from services.tasks.model.state import TaskState


def task_of(row: Mapping[str, Any]) -> Task:
    """A row of `task`."""
    return loaded(Task, _typed(dict(row)))


def first_task(rows: Sequence[Mapping[str, Any]]) -> Task | None:
    """The first of some rows of `task`; None if there is none."""
    return task_of(rows[0]) if rows else None


def attempt_of(row: Mapping[str, Any]) -> TaskAttempt:
    """A row of `task_attempt`."""
    columns = {**row, "error_reason": _reason(row["error_reason"])}
    return TaskAttempt(**{**columns, "outcome": TaskState(row["outcome"]) if row["outcome"] is not None else None})


def event_of(columns: Mapping[str, Any]) -> TaskEvent:
    """The columns of `task_event`."""
    return loaded(TaskEvent, _typed(columns))


def outgoing_of(columns: dict[str, Any]) -> OutgoingEvent:
    """A row of TAKE_EVENTS."""
    account_id, output_file_ids, origin = (columns.pop(name) for name in ("account_id", "output_file_ids", "trace_id"))
    return OutgoingEvent(event_of(columns), account_id, output_file_ids, Origin.parse(origin).trace_parent)


def refusal_bytes(refusal: Refusal) -> bytes:
    """A refused item as a batch stores it."""
    error = refusal.error
    return stored_pb2.StoredRefusal(
        index=refusal.index,
        reason=error.reason.number,
        message=error.message,
        field=error.field or "",
        allowed=error.allowed,
        metadata=error.metadata,
    ).SerializeToString()


def refusal_of(stored: bytes) -> Refusal:
    """The inverse of `refusal_bytes`."""
    item = stored_pb2.StoredRefusal.FromString(stored)
    reason = ErrorReason.from_number(item.reason)
    error = DarkroomError(reason, item.message, field=item.field or None, allowed=item.allowed, metadata=dict(item.metadata))
    return Refusal(item.index, error)


def _typed(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns, with names of enumeration members turned into the members."""
    return {**columns, "state": TaskState(columns["state"]), "error_reason": _reason(columns["error_reason"])}


def _reason(name: str | None) -> ErrorReason | None:
    return ErrorReason(name) if name is not None else None
