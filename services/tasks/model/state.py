"""The life of a task: its states, and every possible change between them.

`docs/explanation/task-lifecycle.md` draws this module, and the guarded statements in `store` follow it arrow by arrow; tests hold all three
together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class TaskState(StrEnum):
    """The state of a task. The names are those of `darkroom.tasks.v1.TaskState`."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the task has ended. A terminal state never changes."""
        return self in TERMINAL


TERMINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})
OPEN = frozenset(TaskState) - TERMINAL


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """The states that a transition may start from, and the one it leads to. No two may be equal, since an enumeration would merge them."""

    sources: frozenset[TaskState]
    target: TaskState


class Transition(Enum):
    """Every change of state. A task is created QUEUED; it changes state only through these."""

    START = Change(frozenset({TaskState.QUEUED}), TaskState.RUNNING)
    COMPLETE = Change(frozenset({TaskState.RUNNING}), TaskState.SUCCEEDED)
    RETRY = Change(frozenset({TaskState.RUNNING}), TaskState.QUEUED)
    HAND_BACK = Change(frozenset({TaskState.RUNNING}), TaskState.QUEUED)
    FAIL = Change(frozenset({TaskState.RUNNING}), TaskState.FAILED)
    CANCEL = Change(OPEN, TaskState.CANCELLED)
    EXPIRE = Change(OPEN, TaskState.FAILED)


class DeliveryState(StrEnum):
    """The state of a webhook delivery. The names are those of `darkroom.tasks.v1.WebhookDeliveryState`."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
