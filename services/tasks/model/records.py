"""What goes into the store, and what comes out of it besides rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from services.common.errors import DarkroomError
from services.common.rpc.trace import Origin
from services.tasks.model import Batch, Task, TaskEvent, WebhookDelivery, loaded
from services.tasks.model.state import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """One task to be stored; it has passed every check but that of its account."""

    id: int | None
    """None: it gets one as it is stored."""
    index: int = 0
    """Its place in the request, from 0."""
    lane: str
    operations: list[bytes]
    input_file_ids: list[int]
    list_price_millicredits: int
    """Before the account's multiplier."""
    expected_outputs: int
    """Files that a complete delivery has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTasks:
    """What is accepted together: the tasks of a batch, or one task without a batch."""

    account_id: int
    tasks: Sequence[NewTask]
    max_open: int
    """Tasks that the account may have open, these included, unless it has a limit of its own."""
    batch_id: int | None = None
    priority: int = 0
    trace_id: str = ""
    max_attempts: int
    deadline: datetime | None = None
    webhook_url: str | None = None
    """Is sent the end of the batch, or of the task where there is no batch."""


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
class AccountState:
    """What decides which tasks an account may create."""

    open: int
    max_open: int
    available_millicredits: int
    unlimited: bool
    multiplier_permille: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A task that is not accepted."""

    index: int
    """Its place in the request, from 0."""
    error: DarkroomError


@dataclass(frozen=True, slots=True)
class Admitted:
    """A task that is accepted, and what it costs the account."""

    task: NewTask
    price_millicredits: int


@dataclass(frozen=True, slots=True)
class Admission:
    """Which tasks of a request an account may create."""

    admitted: Sequence[Admitted]
    refusals: Sequence[Refusal] = ()


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


@dataclass(frozen=True, slots=True)
class BatchNow:
    """A batch, and where its open tasks are."""

    row: Batch
    queued: int
    dispatched: int
    running: int
    running_progress: float
    """Sum over the open tasks."""
    refusals: Sequence[Refusal]
    """The items that were not accepted."""

    @property
    def progress(self) -> float:
        """Done part of all tasks, 0 to 1."""
        return (self.row.task_count - self.row.open + self.running_progress) / self.row.task_count


@dataclass(frozen=True, slots=True)
class CreatedBatch:
    """A batch and its tasks, in the order of the items."""

    batch: BatchNow
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook as its owner sees it."""

    id: int
    url: str
    create_time: datetime
    disable_time: datetime | None
    previous_until: datetime | None
    """Until then the secret before the current one signs as well."""
    event_types: Sequence[str]
    """The events that it is sent; empty: all of them."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this sender has taken, as it is now, with what it is signed by."""

    delivery: WebhookDelivery
    secrets: tuple[str, ...]
    """The current one and, for a while after a rotation, the one before; none if the webhook is deleted."""
    webhook_deleted: bool
    webhook_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt."""

    delivered: bool
    status: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after: timedelta | None = None
    """How long the receiver asks to be left alone."""
    final: bool = False
    """Not to be tried again."""
    gone: bool = False
    """The webhook is to be disabled."""


class Keep(Enum):
    """Says that a limit stays as it is, since None removes it."""

    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What the operator sets for an account; what is left out stays."""

    weight: float | None = None
    """Above 0."""
    priority_class: int | None = None
    max_open: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""
    max_running: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""
