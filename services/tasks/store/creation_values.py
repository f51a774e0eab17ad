"""The calls that create tasks: what of them is admitted, and their values for the statements of `creation.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.platform.idempotency import key_values
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model.records import AccountState, Admission, CreditTerms, FinishedRun, NewTasks
from services.tasks.store.base import as_text
from services.tasks.store.rows import refusal_bytes

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


def worse(account: Mapping[str, Any], tasks: int = 0) -> dict[str, Any]:
    """An account with less room than it was seen with, to allow for what happens meanwhile, here or in other replicas, and for other
    batches of so many tasks."""
    return {
        **account,
        "open": 2 * (account["open"] + tasks) + _MARGIN,
        "pooled": 2 * account["pooled"] + _MARGIN,
        "available_millicredits": account["available_millicredits"] // 2,
    }


def admit(request: int, asked: CreationRequest, account: dict[str, Any]) -> tuple[Admission, list[dict[str, Any]]]:
    """Which tasks of a call are admitted, and their values for CREATE; the account then has less room. Raises what `admit` raises."""
    state = _state(account, asked)
    admission = asked.admit(state)
    account["open"] += len(admission.admitted)
    account["pooled"] += len(admission.admitted) if asked.new.max_pooled is not None else 0
    if not state.unlimited:
        account["available_millicredits"] -= sum(each.price_millicredits for each in admission.admitted)
    return admission, _task_values(request, asked, state, admission)


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


def _task_values(request: int, asked: CreationRequest, state: AccountState, admission: Admission) -> list[dict[str, Any]]:
    new, batch = asked.new, asked.new.batch_id is not None
    common = {
        "request": request,
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
        **key_values(None if batch else asked.call, asked.now),
    }
    if new.surface:
        common["surface"] = new.surface
    if new.finished is not None:
        common |= _finished_values(new.finished)
        common["notices"] = [*new.notices, *new.finished.notices]
    if new.deadline_to_start:
        common["deadline_to_start"] = True
    # Missing keys are NULL. The values that all tasks share are turned into text once.
    common = {name: as_text(value) if isinstance(value, datetime) else value for name, value in common.items() if value is not None}
    return [
        {
            **common,
            "given_id": each.task.id,
            "batch_index": each.task.index if batch else None,
            "lane": each.task.lane,
            "operations": each.task.operations,
            "input_file_ids": each.task.input_file_ids,
            "input_names": each.task.input_names,
            "price_millicredits": each.price_millicredits,
            "expected_outputs": each.task.expected_outputs,
            **({"client_request": each.task.client_request} if each.task.client_request else {}),
            **({"later_inputs": each.task.later_inputs} if each.task.later_inputs else {}),
            **({} if new.finished is None else {"charged_millicredits": 0 if new.finished.unchanged else each.price_millicredits}),
        }
        for each in admission.admitted
    ]


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
