"""Which tasks an account may create, given its limit on open tasks and its balance. The store calls this while it holds the account's
row."""

from __future__ import annotations

from collections.abc import Sequence

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.credits.amounts import MILLI, credits_text
from services.tasks.model.records import AccountState, Admission, AdmittedTask, NewTask, Refusal


def admit_task(tasks: Sequence[NewTask], account: AccountState) -> Admission:
    """One task. Raises INSUFFICIENT_CREDITS and TOO_MANY_TASKS."""
    [task] = tasks
    price = _price(task, account)
    _check_credits("The task costs", price, account, account.available_millicredits)
    pool_is_full = account.max_pooled is not None and account.pooled >= account.max_pooled
    if pool_is_full or account.open >= account.max_open:
        limit = account.max_pooled if pool_is_full else account.max_open
        raise DarkroomError(
            ErrorReason.TOO_MANY_TASKS,
            f"The account has reached its limit of {limit} open tasks for this call. Wait until one has ended.",
            metadata={"max_open": str(limit)},
        )
    return Admission([AdmittedTask(task, price)])


def admit_all(tasks: Sequence[NewTask], account: AccountState) -> Admission:
    """All tasks. Raises INSUFFICIENT_CREDITS and TOO_MANY_TASKS, with the totals, if they do not all fit."""
    admitted = [AdmittedTask(task, _price(task, account)) for task in tasks]
    price = sum(each.price_millicredits for each in admitted)
    _check_credits(f"The batch of {len(tasks)} tasks costs", price, account, account.available_millicredits)
    if account.open + len(tasks) > account.max_open:
        raise _too_many(f"a batch of {len(tasks)} does not fit", account.open, account.max_open)
    return Admission(admitted)


def admit_each(tasks: Sequence[NewTask], account: AccountState) -> Admission:
    """In order, each task that still fits after the ones before it; the others become refusals."""
    admitted: list[AdmittedTask] = []
    refusals: list[Refusal] = []
    available = account.available_millicredits
    for task in tasks:
        price, open_ = _price(task, account), account.open + len(admitted)
        try:
            _check_credits("The task costs", price, account, available)
            if open_ >= account.max_open:
                raise _too_many("this one does not fit", open_, account.max_open)
        except DarkroomError as error:
            refusals.append(Refusal(task.index, error))
            continue
        admitted.append(AdmittedTask(task, price))
        available -= price
    return Admission(admitted, refusals)


def _price(task: NewTask, account: AccountState) -> int:
    return task.list_price_millicredits * account.multiplier_permille // MILLI


def _check_credits(what: str, price: int, account: AccountState, available: int) -> None:
    missing = price - available
    if account.unlimited or missing <= 0:
        return
    raise DarkroomError(
        ErrorReason.INSUFFICIENT_CREDITS,
        f"{what} {credits_text(price)} credits, and the account has {credits_text(available)}: {credits_text(missing)} are missing.",
        metadata={"price_millicredits": str(price), "available_millicredits": str(available), "missing_millicredits": str(missing)},
    )


def _too_many(what: str, open_: int, max_open: int) -> DarkroomError:
    return DarkroomError(
        ErrorReason.TOO_MANY_TASKS,
        f"The account has {open_} open tasks and may have {max_open}: {what}. Wait until some have ended.",
        metadata={"open": str(open_), "max_open": str(max_open)},
    )
