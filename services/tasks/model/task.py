"""Tasks, their events and their attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.platform.errors import ErrorReason
from services.tasks.model.state import TaskState


@dataclass(frozen=True, slots=True)
class Task:
    """A task in its state at the reading."""

    id: int
    account_id: int
    state: TaskState
    lane: str
    priority: int
    trace_id: str
    """The trace of the request that created it, as `services.platform.rpc.trace.Origin` writes it."""
    operations: Sequence[bytes]
    """`darkroom.operations.v1.Operation` messages."""
    input_file_ids: Sequence[int]
    input_names: Sequence[str]
    """Names of the input files, in the same order; empty for a task that is older than this column."""
    output_file_ids: Sequence[int]
    notices: Sequence[bytes]
    """`darkroom.tasks.v1.Notice` messages."""
    price_millicredits: int
    """Price of a complete delivery: list price times multiplier."""
    multiplier_permille: int
    reserved_millicredits: int
    """Reserved when it was created; kept after its end. 0 for a task that is older than the ledger and therefore free of charge."""
    charged_millicredits: int
    unlimited: bool
    """Its ledger entries do not change the balance."""
    expected_outputs: int
    """Number of files in a complete delivery; 0: whatever it delivers is complete."""

    attempt: int
    """Number of attempts begun so far."""
    max_attempts: int
    """How many attempts it may have, not counting those that were handed back."""
    handed_back: int
    """Number of attempts that ended because their worker was stopping."""
    run_at: datetime | None
    """While QUEUED: None if the task takes part in the order; if set, it waits until then, as a retry does."""
    run_id: UUID | None
    """The run that the current or last attempt belongs to."""
    lease_until: datetime | None
    """While RUNNING: the attempt lives until then."""

    progress: float
    progress_message: str
    error_reason: ErrorReason | None
    error_message: str | None
    last_sequence: int
    """Number of its newest event."""
    create_time: datetime
    update_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    deadline: datetime | None
    """A task that has not ended by then fails."""
    webhook_url: str | None
    """Notified of its end, besides the account's webhooks."""
    batch_id: int | None
    """The batch that it was created with."""
    batch_index: int | None
    """Which item of the batch it is, from 0."""
    surface: str = ""
    """Name of the API that created it, where that API says so."""
    client_request: bytes = b""
    """The part of the request that the API keeps, opaque to everything else."""
    later_inputs: Sequence[bytes] = ()
    """`darkroom.internal.tasks.v1.StoredLaterInput` messages: inputs that are still to be fetched. Empty once they are among
    `input_file_ids`."""
    operation_bytes: Sequence[int] = ()
    """For a task with one input and several operations: bytes of the samples of what each operation gave, of those that the last attempt
    did."""
    unchanged: bool = False
    """SUCCEEDED, every output being its input as it was: nothing was charged."""
    destination: str = ""
    """Where its results are copied to, in a storage of the operator; empty if nowhere."""
    deliveries: Sequence[bytes] = ()
    """`darkroom.internal.tasks.v1.StoredDelivery` messages: where its results have arrived."""
    outbox_id: int | None = field(default=None, compare=False)
    """As a transition returns it: the row of the outbox that names the transition's event. None however else the task was read."""
    outbox_events: int = field(default=0, compare=False)
    """How many events that row names."""
    has_stored_files: bool = field(default=False, compare=False)
    """As a creation returns it: it is done, and files has stored its files as they stay."""
    estimated_seconds: int | None = field(default=None, compare=False)
    """As a creation returns it: how long the task will take once it runs, where that is known and worth telling. None however else the task
    was read."""


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One numbered change of a task; written by the statement that made the change."""

    task_id: int
    sequence: int
    """1 for the first event of the task, without gaps."""
    state: TaskState
    attempt: int
    progress: float
    message: str
    error_reason: ErrorReason | None
    error_message: str | None
    time: datetime
    unchanged: bool = False
    """As in `Task`."""


@dataclass(frozen=True, slots=True)
class TaskAttempt:
    """One attempt in a task's history."""

    task_id: int
    attempt: int
    run_id: UUID
    worker: str
    start_time: datetime
    end_time: datetime | None
    outcome: TaskState | None
    """SUCCEEDED, FAILED or CANCELLED: how the attempt ended, however the task ended."""
    error_reason: ErrorReason | None
    error_message: str | None
