"""Rows as the messages of the protos."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.internal.tasks.v1 import attempt_service_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import balance_pb2, task_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.tasks.domain.owner.details import Details
from services.tasks.domain.records import Balance, OutgoingEvent, Standing
from services.tasks.domain.state import TaskState
from services.tasks.store.models import LedgerEntry, Task, TaskAttempt, TaskEvent

_PREFIX = "TASK_STATE_"


def state_number(state: TaskState) -> task_pb2.TaskState.ValueType:
    """The proto enum's value."""
    return task_pb2.TaskState.Value(_PREFIX + state.value)


def state_of(number: task_pb2.TaskState.ValueType) -> TaskState:
    """The state for a proto enum value, which validation has found to be one."""
    return TaskState(task_pb2.TaskState.Name(number).removeprefix(_PREFIX))


def timestamp(moment: datetime) -> Timestamp:
    """A moment for the wire."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def moment(message: Timestamp) -> datetime:
    """A moment from the wire."""
    return message.ToDatetime(tzinfo=UTC)


class HasDeadline(Protocol):
    """A request with a field `deadline`."""

    @property
    def deadline(self) -> Timestamp:
        """The field."""

    def HasField(self, field_name: Literal["deadline"]) -> bool:
        """Whether it is set."""


def deadline_of(request: HasDeadline) -> datetime | None:
    """The deadline that a request sets. Raises FIELD_INVALID for one that no clock shows."""
    if not request.HasField("deadline"):
        return None
    try:
        return moment(request.deadline)
    except (ValueError, OverflowError):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "deadline: must be a time before the year 10000.", field="deadline") from None


def operations_of(task: Task) -> list[operation_pb2.Operation]:
    """What the task does, in order."""
    return [operation_pb2.Operation.FromString(operation) for operation in task.operations]


def notices_of(task: Task) -> list[task_pb2.Notice]:
    """What its owner should know."""
    return [task_pb2.Notice.FromString(notice) for notice in task.notices]


def duration(span: timedelta) -> Duration:
    """A span of time for the wire."""
    message = Duration()
    message.FromTimedelta(span)
    return message


def task_message(task: Task, details: Details | None = None, *, kept: timedelta | None = None) -> task_pb2.Task:
    """The task as its owner sees it, with the details if they were looked up, and with when it expires if it is `kept` so long."""
    message = task_pb2.Task(
        id=task.id,
        state=state_number(task.state),
        operations=operations_of(task),
        input_file_ids=task.input_file_ids,
        output_file_ids=task.output_file_ids,
        lane=task.lane,
        priority=task.priority,
        attempt=task.attempt,
        max_attempts=task.max_attempts + task.handed_back,
        progress=task.progress,
        progress_message=task.progress_message,
        error=_error(task.error_reason, task.error_message),
        notices=notices_of(task),
        price=_price(task),
        create_time=timestamp(task.create_time),
        update_time=timestamp(task.update_time),
        start_time=timestamp(task.start_time) if task.start_time is not None else None,
        end_time=timestamp(task.end_time) if task.end_time is not None else None,
        last_sequence=task.last_sequence,
        deadline=timestamp(task.deadline) if task.deadline is not None else None,
        webhook_url=task.webhook_url or "",
        expire_time=timestamp(task.end_time + kept) if task.end_time is not None and kept is not None else None,
        batch_id=task.batch_id or 0,
        batch_index=task.batch_index or 0,
    )
    if details is not None:
        message.MergeFrom(_details(details))
    return message


def _details(details: Details) -> task_pb2.Task:
    return task_pb2.Task(
        queue_position=details.queue_position,
        estimated_wait=duration(details.estimated_wait) if details.estimated_wait is not None else None,
        attempts=map(_attempt, details.attempts),
    )


def _attempt(attempt: TaskAttempt) -> task_pb2.Attempt:
    return task_pb2.Attempt(
        number=attempt.attempt,
        worker=attempt.worker,
        start_time=timestamp(attempt.start_time),
        end_time=timestamp(attempt.end_time) if attempt.end_time is not None else None,
        outcome=state_number(attempt.outcome) if attempt.outcome is not None else task_pb2.TASK_STATE_UNSPECIFIED,
        error=_error(attempt.error_reason, attempt.error_message),
    )


def event_message(event: TaskEvent) -> task_pb2.TaskEvent:
    """The event as a watcher sees it."""
    return task_pb2.TaskEvent(
        task_id=event.task_id,
        sequence=event.sequence,
        state=state_number(event.state),
        attempt=event.attempt,
        progress=event.progress,
        message=event.message,
        error=_error(event.error_reason, event.error_message),
        time=timestamp(event.time),
    )


def published_event(outgoing: OutgoingEvent) -> attempt_service_pb2.PublishedEvent:
    """The event as it goes to EVENTS."""
    return attempt_service_pb2.PublishedEvent(
        account_id=outgoing.account_id,
        event=event_message(outgoing.event),
        output_file_ids=outgoing.output_file_ids,
        trace_parent=outgoing.trace_parent,
    )


def standing_message(standing: Standing) -> attempt_service_pb2.TaskStanding:
    """How a task stands, for other services."""
    return attempt_service_pb2.TaskStanding(
        task_id=standing.id, state=state_number(standing.state), output_file_ids=standing.output_file_ids
    )


def balance_message(balance: Balance) -> balance_pb2.Balance:
    """The balance as its owner sees it."""
    return balance_pb2.Balance(
        available_millicredits=balance.available_millicredits,
        reserved_millicredits=balance.reserved_millicredits,
        unlimited=balance.terms.unlimited,
        multiplier_permille=balance.terms.multiplier_permille,
    )


def ledger_entry_message(entry: LedgerEntry) -> balance_pb2.LedgerEntry:
    """The entry as the account's owner sees it."""
    return balance_pb2.LedgerEntry(
        id=entry.id or 0,
        kind=balance_pb2.LedgerKind.Value(f"LEDGER_KIND_{entry.kind.value}"),
        task_id=entry.task_id or 0,
        amount_millicredits=entry.amount_millicredits,
        unlimited=entry.unlimited,
        time=timestamp(entry.time),
        note=entry.note,
    )


def _price(task: Task) -> task_pb2.TaskPrice:
    return task_pb2.TaskPrice(
        millicredits=task.price_millicredits,
        multiplier_permille=task.multiplier_permille,
        reserved_millicredits=0 if task.state.terminal else task.reserved_millicredits,
        charged_millicredits=task.charged_millicredits,
        unlimited=task.unlimited,
    )


def _error(reason: ErrorReason | None, message: str | None) -> task_pb2.TaskError | None:
    return task_pb2.TaskError(reason=reason.number, message=message or "") if reason is not None else None
