"""Rows as the models that they are rows of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.common.errors import ErrorReason
from services.common.rpc.trace import Origin
from services.tasks.domain.records import OutgoingEvent
from services.tasks.domain.state import TaskState
from services.tasks.store.models import Task, TaskAttempt, TaskEvent, loaded


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


def _typed(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns with their names turned into the enumerations that they are names of."""
    return {**columns, "state": TaskState(columns["state"]), "error_reason": _reason(columns["error_reason"])}


def _reason(name: str | None) -> ErrorReason | None:
    return ErrorReason(name) if name is not None else None
