"""What goes into the store, and what comes out of it beside rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.common.rpc.trace import Origin
from services.tasks.domain.state import TaskState
from services.tasks.store.models import Task, TaskEvent, loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """What a task is created with."""

    id: int | None
    """None: it gets one as it is stored."""
    account_id: int
    lane: str
    priority: int
    trace_id: str
    operations: list[bytes]
    input_file_ids: list[int]
    list_price_millicredits: int
    """Before the account's multiplier."""
    expected_outputs: int
    """Files that a complete delivery has."""
    max_attempts: int
    deadline: datetime | None = None
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """What tasks of an account cost: by the settings, where its row of account_policy says nothing else."""

    unlimited: bool
    """A task needs no balance."""
    multiplier_permille: int
    """What list prices are multiplied by, in thousandths."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has, in thousandths of a credit."""

    available_millicredits: int
    reserved_millicredits: int
    terms: CreditTerms


@dataclass(frozen=True, slots=True)
class Admission:
    """What decides whether an account's next task is accepted."""

    open: int
    max_open: int
    price_millicredits: int
    """Of that task."""
    available_millicredits: int
    unlimited: bool

    @property
    def missing_millicredits(self) -> int:
        """By how much the balance falls short of the price."""
        return 0 if self.unlimited else max(0, self.price_millicredits - self.available_millicredits)


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """An attempt whose lease has ended."""

    task_id: int
    attempt: int
    timed_out: bool
    """It was cut off at the longest time that an attempt may take; else its worker fell silent."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What has gone through a lane."""

    departed: int
    """Tasks that have been offered and wait no longer, since the lane exists: nearly all of them were started."""
    offered: int
    """Tasks that wait for a worker now."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands."""

    id: int
    state: TaskState
    output_file_ids: list[int]


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event to be published, with what its message says beyond it."""

    event: TaskEvent
    account_id: int
    output_file_ids: list[int]
    trace_parent: str = ""
    """Of the request that created the task; empty if that is not traced."""

    @classmethod
    def newest_of(cls, task: Task) -> OutgoingEvent:
        """The event of the transition that has led to the task as it is."""
        event = loaded(
            TaskEvent,
            {
                "task_id": task.id,
                "sequence": task.last_sequence,
                "state": task.state,
                "attempt": task.attempt,
                "progress": task.progress,
                "message": task.progress_message,
                "error_reason": task.error_reason,
                "error_message": task.error_message,
                "time": task.update_time,
                "relay_at": task.update_time,
            },
        )
        outputs = task.output_file_ids if task.state is TaskState.SUCCEEDED else []
        return cls(event, task.account_id, outputs, Origin.parse(task.trace_id).trace_parent)
