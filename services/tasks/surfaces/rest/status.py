"""The states of a task as the JSON API names them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.tasks.model.state import OPEN, TERMINAL, TaskState


class Status(StrEnum):
    """The four states of the JSON API."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


def status_of(state: TaskState, attempt: int) -> Status:
    """The status that clients of the JSON API see. A task that waits for another attempt stays Processing: for them it never goes back."""
    if state is TaskState.SUCCEEDED:
        return Status.SUCCEEDED
    if state.terminal:
        return Status.FAILED
    return Status.PROCESSING if attempt > 0 else Status.PENDING


def states_of(status: Status) -> tuple[frozenset[TaskState], bool | None]:
    """The states that the JSON API shows as a status, and whether only tasks with (or without) an attempt; None: either."""
    match status:
        case Status.SUCCEEDED:
            return frozenset({TaskState.SUCCEEDED}), None
        case Status.FAILED:
            return TERMINAL - {TaskState.SUCCEEDED}, None
        case Status.PROCESSING:
            return OPEN, True
        case Status.PENDING:
            return OPEN, False


class State(StrEnum):
    """The states of items in lists, which are more detailed than `Status`."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATES: Mapping[State, tuple[frozenset[TaskState], bool | None]] = {
    State.QUEUED: (frozenset({TaskState.QUEUED}), False),
    State.RETRYING: (frozenset({TaskState.QUEUED}), True),
    State.RUNNING: (frozenset({TaskState.RUNNING}), None),
    State.SUCCEEDED: (frozenset({TaskState.SUCCEEDED}), None),
    State.FAILED: (frozenset({TaskState.FAILED}), None),
    State.CANCELLED: (frozenset({TaskState.CANCELLED}), None),
}


def state_of(state: TaskState, attempt: int) -> State:
    """The state of an item. A task that has been given back by a worker that was stopping counts as one that is retried."""
    return next(one for one, (states, attempted) in _STATES.items() if state in states and attempted in (None, attempt > 0))


def states_like(state: State) -> tuple[frozenset[TaskState], bool | None]:
    """As `states_of`."""
    return _STATES[state]
