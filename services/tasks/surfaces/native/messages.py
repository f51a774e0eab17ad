"""Rows as the messages of the native API."""

from __future__ import annotations

from datetime import timedelta

from darkroom.tasks.v1 import balance_pb2, task_pb2
from services.tasks.domain.lifecycle.delivering import delivered_uris
from services.tasks.domain.order.waiting import WaitingFor
from services.tasks.domain.owner.account_tasks import Details
from services.tasks.model import LedgerEntry, Task, TaskAttempt
from services.tasks.model.records import Balance
from services.tasks.surfaces.rendering import duration, error_message, notices_of, shown_operations, state_number, timestamp


def task_message(task: Task, details: Details | None = None, *, kept: timedelta | None = None) -> task_pb2.Task:
    """The task as its owner sees it, with the details if they were looked up, and with its expiry time if `kept` is given."""
    message = task_pb2.Task(
        id=task.id,
        state=state_number(task.state),
        operations=shown_operations(task),
        input_file_ids=task.input_file_ids,
        input_names=task.input_names,
        output_file_ids=task.output_file_ids,
        lane=task.lane,
        priority=task.priority,
        attempt=task.attempt,
        max_attempts=task.max_attempts + task.handed_back,
        progress=task.progress,
        progress_message=task.progress_message,
        error=error_message(task.error_reason, task.error_message),
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
        estimated_seconds=task.estimated_seconds,
        unchanged=task.unchanged,
        destination=task.destination,
        delivered_uris=delivered_uris(task),
    )
    if details is not None:
        message.MergeFrom(_details(details))
    return message


def _details(details: Details) -> task_pb2.Task:
    return task_pb2.Task(
        queue_position=details.queue_position,
        estimated_wait=duration(details.estimated_wait) if details.estimated_wait is not None else None,
        waiting_for=_waiting_for(details.waiting_for) if details.waiting_for is not None else None,
        attempts=map(_attempt, details.attempts),
    )


def _waiting_for(waiting: WaitingFor) -> task_pb2.WaitingFor:
    machine = waiting.machine
    if machine is None:
        return task_pb2.WaitingFor(reason=task_pb2.WAITING_REASON_NO_WORKER)
    return task_pb2.WaitingFor(reason=task_pb2.WAITING_REASON_WORKER_AWAY, worker=machine.name, last_seen_time=timestamp(machine.seen_time))


def _attempt(attempt: TaskAttempt) -> task_pb2.Attempt:
    return task_pb2.Attempt(
        number=attempt.attempt,
        worker=attempt.worker,
        start_time=timestamp(attempt.start_time),
        end_time=timestamp(attempt.end_time) if attempt.end_time is not None else None,
        outcome=state_number(attempt.outcome) if attempt.outcome is not None else task_pb2.TASK_STATE_UNSPECIFIED,
        error=error_message(attempt.error_reason, attempt.error_message),
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
