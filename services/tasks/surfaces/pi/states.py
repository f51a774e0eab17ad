"""The states of a task as Pi names them."""

from __future__ import annotations

from enum import StrEnum

from services.tasks.model.state import OPEN, TERMINAL, TaskState


class Status(StrEnum):
    """The states of a job: `queued` → `processing` → `completed` or `failed`."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def status_of(state: TaskState, attempt: int) -> Status:
    """The status of a job. While it waits for another attempt it stays `processing`, since a job never goes back; a cancelled one is
    `failed`."""
    if state is TaskState.SUCCEEDED:
        return Status.COMPLETED
    if state.terminal:
        return Status.FAILED
    return Status.PROCESSING if attempt > 0 else Status.QUEUED


def states_of(status: Status) -> tuple[frozenset[TaskState], bool | None]:
    """The states that have a status, and whether only tasks with (or without) an attempt have it; None: either."""
    match status:
        case Status.COMPLETED:
            return frozenset({TaskState.SUCCEEDED}), None
        case Status.FAILED:
            return TERMINAL - {TaskState.SUCCEEDED}, None
        case Status.PROCESSING:
            return OPEN, True
        case Status.QUEUED:
            return OPEN, False
