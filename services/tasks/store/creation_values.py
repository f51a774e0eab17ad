"""The calls that create tasks: what of them is admitted, and their values for the statements of `creation.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.platform.idempotency import key_values
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model import Task
from services.tasks.model.records import AccountState, Admission, AdmittedTask, CreditTerms, FinishedRun, NewTasks
from services.tasks.model.state import TaskState
from services.tasks.store.base import as_text
from services.tasks.store.rows import Row, make_task, refusal_bytes, task_of

# How many more tasks than when it was last seen an account may have open meanwhile, besides twice as many.
_MARGIN = 8

Admit = Callable[[AccountState], Admission]
"""Decides which tasks an account may create, given its state; raises if it refuses all. Tasks that it admits, it also admits, at the same
price, with fewer tasks open and more credits available."""


@dataclass(frozen=True, slots=True)
class CreationRequest:
    """A call that creates tasks."""

    new: NewTasks
    admit: Admit
    terms: CreditTerms
    now: datetime
    call: IdempotentCall | None


@dataclass(frozen=True, slots=True)
class TaskToStore:
    """A task that a call may create."""

    request: int
    """Which of the calls of the statement."""
    asked: CreationRequest
    state: AccountState
    admitted: AdmittedTask
    common: Mapping[str, Any]
    """Its values that it shares with the other tasks of the call."""

    def stored(self, row: Row) -> Task:
        """The task, once the statement has returned this row for it."""
        new, task = self.asked.new, self.admitted.task
        if new.finished is not None:
            return task_of(row)
        return make_task(
            id=row["id"],
            account_id=new.account_id,
            state=TaskState.QUEUED,
            lane=task.lane,
            priority=new.priority,
            trace_id=new.trace_id,
            operations=task.operations,
            input_file_ids=task.input_file_ids,
            input_names=task.input_names,
            output_file_ids=[],
            notices=list(new.notices),
            price_millicredits=self.admitted.price_millicredits,
            multiplier_permille=self.state.multiplier_permille,
            reserved_millicredits=self.admitted.price_millicredits,
            charged_millicredits=0,
            unlimited=self.state.unlimited,
            expected_outputs=task.expected_outputs,
            attempt=0,
            max_attempts=new.max_attempts,
            handed_back=0,
            run_at=None,
            run_id=None,
            lease_until=None,
            progress=0.0,
            progress_message="",
            error_reason=None,
            error_message=None,
            last_sequence=1,
            create_time=self.asked.now,
            update_time=self.asked.now,
            start_time=None,
            end_time=None,
            deadline=new.deadline,
            webhook_url=self.common.get("webhook_url"),
            batch_id=new.batch_id,
            batch_index=None if new.batch_id is None else task.index,
            surface=new.surface,
            client_request=task.client_request,
            later_inputs=task.later_inputs or (),
            destination=task.destination,
            outbox_id=row["outbox_id"],
            outbox_events=row["outbox_events"],
        )

    def started(self, row: Row) -> Task:
        """The task, once it has started with the statement that stored it."""
        slot = self.asked.new.slot
        assert slot is not None
        return replace(
            self.stored(row),
            state=TaskState.RUNNING,
            attempt=1,
            run_id=slot.run_id,
            lease_until=slot.lease_until,
            start_time=self.asked.now,
            last_sequence=2,
        )


def worse(account: Mapping[str, Any], tasks: int = 0) -> dict[str, Any]:
    """An account with less room than it was seen with, to allow for what happens meanwhile, here or in other replicas, and for other
    batches of so many tasks."""
    return {
        **account,
        "open": 2 * (account["open"] + tasks) + _MARGIN,
        "pooled": 2 * account["pooled"] + _MARGIN,
        "available_millicredits": account["available_millicredits"] // 2,
    }


def admit(request: int, asked: CreationRequest, account: dict[str, Any]) -> tuple[Admission, list[TaskToStore]]:
    """Which tasks of a call are admitted; the account then has less room. Raises what `admit` raises."""
    state = _state(account, asked)
    admission = asked.admit(state)
    account["open"] += len(admission.admitted)
    account["pooled"] += len(admission.admitted) if asked.new.max_pooled is not None else 0
    if not state.unlimited:
        account["available_millicredits"] -= sum(each.price_millicredits for each in admission.admitted)
    common = _call_values(asked, state)
    return admission, [TaskToStore(request, asked, state, each, common) for each in admission.admitted]


def admits_all(asked: CreationRequest, account: Mapping[str, Any]) -> bool:
    """Whether it is certain that an account in this state may create all tasks of a call, so that its `admit` refuses none."""
    state, tasks = _state(account, asked), asked.new.tasks
    price = sum(each.list_price_millicredits for each in tasks) * state.multiplier_permille // 1000
    return state.open + len(tasks) <= state.max_open and (state.unlimited or price <= state.available_millicredits)


def _state(account: Mapping[str, Any], asked: CreationRequest) -> AccountState:
    def own_or(name: str, default: Any) -> Any:
        return account[name] if account[name] is not None else default

    return AccountState(
        open=account["open"],
        max_open=own_or("max_open", asked.new.max_open),
        available_millicredits=account["available_millicredits"],
        unlimited=own_or("unlimited", asked.terms.unlimited),
        multiplier_permille=own_or("multiplier_permille", asked.terms.multiplier_permille),
        pooled=account["pooled"],
        # An account's own limit is the only one.
        max_pooled=asked.new.max_pooled if account["max_open"] is None else None,
    )


def batch_values(asked: CreationRequest, admission: Admission) -> dict[str, Any]:
    """The values of a call for CREATE_BATCH."""
    new = asked.new
    return {
        "batch_id": new.batch_id,
        "account_id": new.account_id,
        "task_count": len(admission.admitted),
        "refused": [refusal_bytes(refusal) for refusal in admission.refusals],
        "webhook_url": new.webhook_url,
        "now": asked.now,
        **key_values(asked.call, asked.now),
    }


def values_json(tasks: Sequence[TaskToStore]) -> dict[str, str]:
    """The values of tasks for a statement: once those that all of them have, and for each the others."""
    calls = {id(task.common) for task in tasks}
    own = [_own_values(task) if len(calls) == 1 else {**task.common, **_own_values(task)} for task in tasks]
    shared = {name: value for name, value in own[0].items() if all(each.get(name) == value for each in own)}
    asked = [{"number": number, **{name: value for name, value in each.items() if name not in shared}} for number, each in enumerate(own)]
    if len(calls) == 1:
        shared = {**tasks[0].common, **shared}
    return {"asked": json.dumps(asked, default=as_text), "shared": json.dumps(shared, default=as_text)}


def _own_values(task: TaskToStore) -> dict[str, Any]:
    """A task's values besides those of its call. Missing ones are NULL."""
    new = task.admitted.task
    values: dict[str, Any] = {
        "given_id": new.id,
        "batch_index": new.index if task.asked.new.batch_id is not None else None,
        "lane": new.lane,
        "operations": new.operations,
        "input_file_ids": new.input_file_ids,
        "input_names": new.input_names,
        "price_millicredits": task.admitted.price_millicredits,
        "expected_outputs": new.expected_outputs,
    }
    if new.client_request:
        values["client_request"] = new.client_request
    if new.later_inputs:
        values["later_inputs"] = new.later_inputs
    if new.destination:
        values["destination"] = new.destination
    if task.asked.new.finished is not None:
        values["charged_millicredits"] = 0 if task.asked.new.finished.unchanged else task.admitted.price_millicredits
    return values


def _call_values(asked: CreationRequest, state: AccountState) -> dict[str, Any]:
    """The values that the tasks of a call share. Missing ones are NULL."""
    new, batch = asked.new, asked.new.batch_id is not None
    common = {
        "account_id": new.account_id,
        "priority": new.priority,
        "trace_id": new.trace_id,
        "max_attempts": new.max_attempts,
        "deadline": new.deadline,
        "multiplier_permille": state.multiplier_permille,
        "unlimited": state.unlimited,
        "pooled": new.max_pooled is not None,
        "batch_id": new.batch_id,
        # A batch has its own URL and its own key.
        "webhook_url": None if batch else new.webhook_url,
        "notices": list(new.notices),
        "now": asked.now,
        "surface": new.surface or None,
        "deadline_to_start": new.deadline_to_start or None,
        **key_values(None if batch else asked.call, asked.now),
    }
    if new.slot is not None:
        common |= {"run_id": new.slot.run_id, "worker": new.slot.worker, "lease_until": new.slot.lease_until}
    if new.finished is not None:
        common |= _finished_values(new.finished)
        common["notices"] = [*new.notices, *new.finished.notices]
    return {name: value for name, value in common.items() if value is not None}


def _finished_values(finished: FinishedRun) -> dict[str, Any]:
    """The further columns of CREATE_FINISHED but the charge."""
    return {
        "run_id": finished.run_id,
        "worker": finished.worker,
        "start_time": finished.start_time,
        "output_file_ids": [finished.output_file_id],
        "operation_bytes": list(finished.operation_bytes) or None,
        "unchanged": finished.unchanged,
    }
