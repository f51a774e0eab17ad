"""Counters driven by the transitions of tasks. Each process counts only the transitions it made itself, so sum over the replicas."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Histogram

from services.platform.errors import ErrorReason
from services.platform.telemetry.durations import WORK
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.model import Task
from services.tasks.model.state import TaskState, Transition

_CREATE = "create"
_TRANSITIONS = Counter("darkroom_task_transitions", "Transitions of tasks, creation included.", ["lane", "transition"])
_ATTEMPTS = Counter(
    "darkroom_task_attempts", "Attempts that have ended by a report or by the loss of their worker.", ["lane", "outcome", "reason"]
)
_WAIT = Histogram(
    "darkroom_task_queue_wait_seconds", "Time from a task's creation to the start of its first attempt.", ["lane"], buckets=WORK
)
_RUN = Histogram("darkroom_task_run_seconds", "Time of the attempts that succeeded, from start to end.", ["lane"], buckets=WORK)
_TOTAL = Histogram(
    "darkroom_task_seconds", "Time from a task's creation to its end, by the state it ended in.", ["lane", "state"], buckets=WORK
)
_CREDITS = Counter("darkroom_credits", "Credits, by what happened to them: reserved, settled or released.", ["kind", "unlimited"])


def count_transition(task: Task) -> None:
    """Count the transition that brought the task to its current state."""
    lane, change = task.lane, _transition_of(task)
    _transitions(lane, change).inc()
    if change is None:
        _credits(task, "reserved", task.reserved_millicredits)
    elif change is Transition.START and task.attempt == 1:
        _waits(lane).observe(_age(task))
    elif change is Transition.COMPLETE:
        assert task.start_time is not None
        _runs(lane).observe((task.update_time - task.start_time).total_seconds())
        _attempts(lane, "succeeded", "").inc()
    elif change in (Transition.RETRY, Transition.FAIL):
        reason = task.error_reason.value if task.error_reason is not None else ""
        _attempts(lane, "retried" if change is Transition.RETRY else "failed", reason).inc()
    if task.state.terminal:
        _totals(lane, task.state).observe(_age(task))
        _credits(task, "settled", task.charged_millicredits)
        _credits(task, "released", task.reserved_millicredits - task.charged_millicredits)


# Looking up a metric's labels takes longer than counting.
_waits, _runs, _attempts = cache(_WAIT.labels), cache(_RUN.labels), cache(_ATTEMPTS.labels)


@cache
def _transitions(lane: str, change: Transition | None) -> Counter:
    return _TRANSITIONS.labels(lane, change.name.lower() if change is not None else _CREATE)


@cache
def _totals(lane: str, state: TaskState) -> Histogram:
    return _TOTAL.labels(lane, state.value)


def _transition_of(task: Task) -> Transition | None:
    """None: the task was created."""
    match task.state:
        case TaskState.QUEUED:
            return None if task.last_sequence == 1 else Transition.RETRY
        case TaskState.RUNNING:
            return Transition.START
        case TaskState.SUCCEEDED:
            return Transition.COMPLETE
        case TaskState.FAILED:
            return Transition.EXPIRE if task.error_reason is ErrorReason.DEADLINE_EXCEEDED else Transition.FAIL
        case TaskState.CANCELLED:
            return Transition.CANCEL


def _age(task: Task) -> float:
    """Seconds from the task's creation to its last change."""
    return (task.update_time - task.create_time).total_seconds()


def _credits(task: Task, kind: str, millicredits: int) -> None:
    if millicredits:
        _CREDITS.labels(kind, str(task.unlimited).lower()).inc(millicredits / MILLI)
