"""Input of the store, and its results besides those of `services.tasks.model`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from services.platform.errors import DarkroomError
from services.platform.rpc.trace import Origin
from services.tasks.model import Batch, Task, TaskEvent, WebhookDelivery
from services.tasks.model.state import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """One task to store; it has passed every check but that of its account."""

    id: int | None
    """None: assigned when it is stored."""
    index: int = 0
    """Its place in the request, from 0."""
    lane: str
    operations: list[bytes]
    input_file_ids: list[int]
    input_names: list[str] = field(default_factory=list)
    later_inputs: list[bytes] = field(default_factory=list)
    """`darkroom.internal.tasks.v1.StoredLaterInput` messages."""
    client_request: bytes = b""
    """The part of the request that its surface keeps."""
    destination: str = ""
    """Where its results are copied to; empty if nowhere."""
    list_price_millicredits: int
    """Price before the account's multiplier."""
    expected_outputs: int
    """Number of files in a complete delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """The attempt at a task that was done before the task was stored."""

    run_id: UUID
    worker: str
    start_time: datetime
    output_file_id: int
    """The one output."""
    notices: Sequence[bytes]
    """`darkroom.tasks.v1.Notice` messages about the result."""
    operation_bytes: Sequence[int]
    """As in `Task`."""
    unchanged: bool
    """As in `Task`."""


@dataclass(frozen=True, slots=True)
class FirstSlot:
    """A free slot for a new task that need not wait for its turn."""

    run_id: UUID
    worker: str
    lease_until: datetime
    max_running: int
    """Tasks that the account may have under way, this one included, unless it has a limit of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTasks:
    """Tasks accepted together: those of a batch, or one task without a batch."""

    account_id: int
    tasks: Sequence[NewTask]
    max_open: int
    """Tasks that the account may have open, these included, unless it has a limit of its own."""
    max_pooled: int | None = None
    """Tasks that it may have open in the pool that these belong to; None: they belong to no pool."""
    batch_id: int | None = None
    priority: int = 0
    trace_id: str = ""
    max_attempts: int
    deadline: datetime | None = None
    deadline_to_start: bool = False
    """Whether the deadline is for the start of a task's first attempt, and not for its end."""
    webhook_url: str | None = None
    """Notified of the end of the batch, or of the task if there is no batch."""
    notices: Sequence[bytes] = ()
    """`darkroom.tasks.v1.Notice` messages that each task starts with."""
    surface: str = ""
    """The API that creates them."""
    finished: FinishedRun | None = None
    """For one task that is done."""
    slot: FirstSlot | None = None
    """For one task: where it starts, if no other waits in its lane."""


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """The prices of an account's tasks: as in the settings, unless its row of account_policy says otherwise."""

    unlimited: bool
    """Tasks need no balance."""
    multiplier_permille: int
    """Multiplier of list prices, in thousandths."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of an account, in thousandths of a credit."""

    available_millicredits: int
    reserved_millicredits: int
    terms: CreditTerms


@dataclass(frozen=True, slots=True)
class AccountState:
    """The rules that decide which tasks an account may create."""

    open: int
    max_open: int
    available_millicredits: int
    unlimited: bool
    multiplier_permille: int
    pooled: int = 0
    """How many of the open tasks belong to the pool."""
    max_pooled: int | None = None
    """None: the new tasks belong to no pool, or the account has a limit of its own."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A task that is not accepted."""

    index: int
    """Its place in the request, from 0."""
    error: DarkroomError


@dataclass(frozen=True, slots=True)
class AdmittedTask:
    """A task that is accepted, and what it costs the account."""

    task: NewTask
    price_millicredits: int


@dataclass(frozen=True, slots=True)
class Admission:
    """Which tasks of a request an account may create."""

    admitted: Sequence[AdmittedTask]
    refusals: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class Overdue:
    """A task whose deadline has come."""

    task_id: int
    to_start: bool
    """It should have begun by then; otherwise, ended."""


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """An attempt whose lease has expired."""

    task_id: int
    attempt: int
    timed_out: bool
    """True: it was cut off at the time limit for an attempt; False: its worker fell silent."""


@dataclass(frozen=True, slots=True)
class Completion:
    """An attempt that has made its outputs."""

    task_id: int
    attempt: int
    output_file_ids: Sequence[int]
    copies: int = 0
    """The last of the outputs, which do not count as expected ones and are not charged for."""
    notices: Sequence[bytes] = ()
    operation_bytes: Sequence[int] = ()
    """As in `Task`."""
    unchanged: int = 0
    """How many of the expected outputs are their inputs as they were, and are not charged for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A free place of a worker."""

    run_id: UUID
    """The identity of the attempt at the task that it gets."""
    worker: str


@dataclass(frozen=True, slots=True)
class StartedTasks:
    """Tasks that were started, in the order of their turns."""

    tasks: Sequence[Task]
    more_wait: bool
    """Whether other tasks of the lane wait; their accounts may be at their limits."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of tasks through a lane."""

    departed: int
    """Attempts that have begun since the lane was created."""
    waiting: bool
    """Whether tasks wait for a worker."""


@dataclass(frozen=True, slots=True)
class DueWork:
    """The work that is due, whichever replica has caused it."""

    lanes: Sequence[str]
    """Those with a task to start, or a retry that is due."""
    has_events: bool
    """Unpublished ones."""
    has_leases: bool
    """Expired ones."""
    has_deadlines: bool
    """Passed ones."""
    has_deliveries: bool
    """Pending ones of webhooks, due or not."""
    has_retries: bool = False
    """Tasks that wait for their next attempt, due or not."""

    @property
    def has_any(self) -> bool:
        """Whether there is or soon will be work."""
        return bool(self.lanes) or self.has_events or self.has_leases or self.has_deadlines or self.has_deliveries or self.has_retries


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a task."""

    id: int
    state: TaskState
    output_file_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event to publish, with what its message contains besides."""

    event: TaskEvent
    account_id: int
    output_file_ids: Sequence[int]
    trace_parent: str = ""
    """Trace parent of the request that created the task; empty if it is not traced."""
    outbox_id: int | None = None
    """The row of the outbox that names it."""
    outbox_events: int = 0
    """How many events that row names."""
    concerns_files: bool = True
    """False if the task never had a file, nor could make one, or if its files need nothing more."""

    @classmethod
    def newest_of(cls, task: Task) -> OutgoingEvent:
        """The event of the transition that led to the task's current state."""
        event = TaskEvent(
            task_id=task.id,
            sequence=task.last_sequence,
            state=task.state,
            attempt=task.attempt,
            progress=task.progress,
            message=task.progress_message,
            error_reason=task.error_reason,
            error_message=task.error_message,
            time=task.update_time,
            unchanged=task.unchanged,
        )
        outputs = task.output_file_ids if task.state is TaskState.SUCCEEDED else []
        has_files = bool(task.input_file_ids or task.output_file_ids or task.later_inputs or task.expected_outputs)
        has_files = has_files and not task.has_stored_files
        trace_parent = Origin.parse(task.trace_id).trace_parent
        return cls(event, task.account_id, outputs, trace_parent, task.outbox_id, task.outbox_events, has_files)


@dataclass(frozen=True, slots=True)
class BatchNow:
    """A batch, and the states of its open tasks."""

    batch: Batch
    queued: int
    running: int
    running_progress: float
    """Sum over the open tasks."""
    refusals: Sequence[Refusal]
    """The items that were not accepted."""
    first_operations: Sequence[bytes] = ()
    """`darkroom.operations.v1.Operation` messages of its first task; empty if that is deleted."""
    first_input_name: str = ""
    """The name of the first input of its first task; empty if there is none."""

    @property
    def progress(self) -> float:
        """Completed share of all tasks, 0 to 1."""
        return (self.batch.task_count - self.batch.open + self.running_progress) / self.batch.task_count


@dataclass(frozen=True, slots=True)
class CreatedBatch:
    """A batch and its tasks, in the order of the items."""

    batch: BatchNow
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook as its owner sees it."""

    id: int
    url: str
    create_time: datetime
    disable_time: datetime | None
    """When it answered 410 Gone, or was switched off."""
    previous_until: datetime | None
    """Until then the previous secret also signs."""
    event_types: Sequence[str]
    """The events that it is sent; empty: all of them."""
    format: str | None = None
    """Name of the form that it is sent them in; None: the native one."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this sender has taken, in its current state, with the secrets to sign it with."""

    delivery: WebhookDelivery
    secrets: tuple[str, ...]
    """The current one and, for a while after a rotation, the previous one; empty if the webhook is deleted."""
    webhook_deleted: bool
    webhook_disabled: bool
    format: str | None = None
    """Name of the form that the webhook is sent events in; None: the native one, or for a task's own URL that of its API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an attempt."""

    delivered: bool
    status: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after: timedelta | None = None
    """How long the receiver asks to be left alone."""
    final: bool = False
    """Must not be tried again."""
    is_gone: bool = False
    """The webhook must be disabled."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs of a task, once those that it named by URLs have been fetched."""

    file_ids: Sequence[int]
    names: Sequence[str]
    price_millicredits: int
    """The price of a complete delivery with them, its multiplier included."""


@dataclass(frozen=True, slots=True)
class InsufficientBalance:
    """An account's balance does not cover what a task costs with its inputs."""

    price_millicredits: int
    missing_millicredits: int


class Keep(Enum):
    """Marks a limit that stays unchanged, since None removes it."""

    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """The operator's settings for an account; omitted values stay unchanged."""

    weight: float | None = None
    """Above 0."""
    priority_class: int | None = None
    max_open: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""
    max_running: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""
    max_webhooks: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """An account's running work, and the operator's limits for it (None: the default)."""

    open: int
    """Tasks that have not ended."""
    pooled: int
    """Those of them that are pooled."""
    running: int
    webhooks: int
    max_open: int | None
    max_running: int | None
    max_webhooks: int | None
