"""Tasks, their events and their attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlmodel import Field

from services.platform.audit.table import AuditColumns, indexes
from services.platform.columns import EnumText
from services.platform.errors import ErrorReason
from services.platform.idempotency_table import IdempotencyColumns
from services.tasks.model.state import TaskState
from services.tasks.store.tables.base import TasksTable, array, later_array, moment, optional_array, with_default

_STATES = ", ".join(f"'{state}'" for state in TaskState)


class TaskRow(TasksTable, table=True):
    """A task. Its row is also the state machine, the queue, the lease and the counter of its events."""

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="task_state_known"),
        # Each account's queue in the order it is served, and pending retries. Finished tasks are not in these five, so the indexes
        # stay small.
        Index(
            "task_queue", "lane", "account_id", text("priority DESC"), "id", postgresql_where=text("state = 'QUEUED' AND run_at IS NULL")
        ),
        Index("task_retries", "lane", "run_at", postgresql_where=text("state = 'QUEUED' AND run_at IS NOT NULL")),
        Index("task_leases", "lease_until", postgresql_where=text("state = 'RUNNING'")),
        Index("task_deadlines", "deadline", postgresql_where=text("deadline IS NOT NULL AND end_time IS NULL")),
        Index("task_account", "account_id", text("id DESC")),
        # The changes in an account since a moment.
        Index("task_account_changed", "account_id", "update_time"),
        # The order in which tasks expire.
        Index("task_ended", "end_time", "id", postgresql_where=text("end_time IS NOT NULL")),
        Index("task_batch", "batch_id", "batch_index", postgresql_where=text("batch_id IS NOT NULL")),
    )

    id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    account_id: int = Field(sa_type=BigInteger)
    state: TaskState = Field(sa_type=EnumText(TaskState))
    lane: str = Field(sa_type=Text)
    priority: int
    trace_id: str = Field(sa_type=Text)
    operations: list[bytes] = array(LargeBinary)
    input_file_ids: list[int] = array(BigInteger)
    input_names: list[str] = later_array(Text)
    output_file_ids: list[int] = array(BigInteger)
    notices: list[bytes] = array(LargeBinary)
    price_millicredits: int = Field(sa_type=BigInteger)
    multiplier_permille: int = with_default(Integer, "1000")
    reserved_millicredits: int = with_default(BigInteger, "0")
    charged_millicredits: int = with_default(BigInteger, "0")
    unlimited: bool = with_default(Boolean, "true")
    expected_outputs: int = with_default(Integer, "0")
    pooled: bool = with_default(Boolean, "false")
    """Counts towards `account_policy.pooled` while it is open."""

    attempt: int
    max_attempts: int
    handed_back: int = with_default(Integer, "0")
    run_at: datetime | None = moment()
    run_id: UUID | None = None
    lease_until: datetime | None = moment()

    progress: float
    progress_message: str = Field(sa_type=Text)
    error_reason: ErrorReason | None = Field(None, sa_type=EnumText(ErrorReason))
    error_message: str | None = Field(None, sa_type=Text)
    last_sequence: int = Field(sa_type=BigInteger)
    create_time: datetime = moment(nullable=False)
    update_time: datetime = moment(nullable=False)
    start_time: datetime | None = moment()
    end_time: datetime | None = moment()
    deadline: datetime | None = moment()
    deadline_to_start: bool | None = None
    webhook_url: str | None = Field(None, sa_type=Text)
    batch_id: int | None = Field(None, sa_column=Column(BigInteger, ForeignKey("batch.id", ondelete="CASCADE")))
    batch_index: int | None = None
    surface: str | None = Field(None, sa_type=Text)
    client_request: bytes | None = Field(None, sa_type=LargeBinary)
    later_inputs: list[bytes] | None = optional_array(LargeBinary)
    operation_bytes: list[int] | None = optional_array(BigInteger)
    unchanged: bool = with_default(Boolean, "false")
    destination: str | None = Field(None, sa_type=Text)
    deliveries: list[bytes] | None = optional_array(LargeBinary)
    """NULL until its results have arrived at the destination."""


def _task_key() -> Any:
    # No foreign key, which each insert would check: a trigger removes the rows with their task.
    return Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})


class TaskEventRow(TasksTable, table=True):
    """One numbered change of a task; written by the statement that made the change, and never changed."""

    __tablename__ = "task_event"

    task_id: int = _task_key()
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    state: TaskState = Field(sa_type=EnumText(TaskState))
    attempt: int
    progress: float
    message: str = Field(sa_type=Text)
    error_reason: ErrorReason | None = Field(None, sa_type=EnumText(ErrorReason))
    error_message: str | None = Field(None, sa_type=Text)
    time: datetime = moment(nullable=False)
    unchanged: bool = with_default(Boolean, "false")


class EventOutboxRow(TasksTable, table=True):
    """The events of one statement, until they are published."""

    __tablename__ = "event_outbox"

    id: int | None = Field(None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    task_ids: list[int] = array(BigInteger)
    sequences: list[int] = array(BigInteger)
    """The number of the event of each of the tasks."""
    time: datetime = moment(nullable=False)
    retry_at: datetime | None = moment()
    """While a relay publishes the events, when another may: it may have died."""


class EventRetentionRow(TasksTable, table=True):
    """A single row: the events of tasks that had ended by then have been removed, except the last of each."""

    __tablename__ = "event_retention"
    __table_args__ = (CheckConstraint("single", name="event_retention_single"),)

    single: bool = Field(True, sa_column=Column(Boolean, primary_key=True, server_default=text("true")))
    end_time: datetime = moment(nullable=False)
    task_id: int = Field(sa_type=BigInteger)
    """Among the tasks that ended at exactly that moment, those up to this id."""


class TaskAttemptRow(TasksTable, table=True):
    """The history: one row per attempt."""

    __tablename__ = "task_attempt"

    task_id: int = _task_key()
    attempt: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    run_id: UUID
    worker: str = Field(sa_type=Text)
    start_time: datetime = moment(nullable=False)
    end_time: datetime | None = moment()
    outcome: TaskState | None = Field(None, sa_type=EnumText(TaskState))
    error_reason: ErrorReason | None = Field(None, sa_type=EnumText(ErrorReason))
    error_message: str | None = Field(None, sa_type=Text)


class AuditRow(AuditColumns, TasksTable, table=True):
    """The actors that cancelled and deleted tasks and batches, changed webhooks, and granted credits."""

    __tablename__ = "audit"
    __table_args__ = indexes()


class IdempotencyRow(IdempotencyColumns, TasksTable, table=True):
    """Which task a call with an idempotency key created; `resource_ids` holds its id."""

    __tablename__ = "idempotency"
