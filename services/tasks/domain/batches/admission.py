"""Which items of a batch an account may create: by its limit on open tasks and its balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.errors import DarkroomError, ErrorReason
from services.tasks.domain.batches.records import AccountState, NewItem, Refusal
from services.tasks.domain.credits.amounts import credits_text


@dataclass(frozen=True, slots=True)
class Admitted:
    """An item that is accepted, and what it costs the account."""

    item: NewItem
    price_millicredits: int


def admit_all(items: Sequence[NewItem], account: AccountState) -> list[Admitted]:
    """All items. Raises TOO_MANY_TASKS and INSUFFICIENT_CREDITS, with the numbers of the whole, if they do not all fit."""
    admitted = [Admitted(item, _price(item, account)) for item in items]
    price = sum(each.price_millicredits for each in admitted)
    if not account.unlimited and price > account.available_millicredits:
        raise _too_dear(f"The batch of {len(items)} tasks costs", price, account.available_millicredits)
    if account.open + len(items) > account.max_open:
        raise _too_many(f"a batch of {len(items)} does not fit", account.open, account.max_open)
    return admitted


def admit_each(items: Sequence[NewItem], account: AccountState) -> tuple[list[Admitted], list[Refusal]]:
    """In order, each item that fits when the ones before it are created; and the others."""
    admitted: list[Admitted] = []
    refusals: list[Refusal] = []
    available = account.available_millicredits
    for item in items:
        price = _price(item, account)
        if not account.unlimited and price > available:
            refusals.append(Refusal(item.index, _too_dear("The task costs", price, available)))
        elif account.open + len(admitted) >= account.max_open:
            error = _too_many("this one does not fit", account.open + len(admitted), account.max_open)
            refusals.append(Refusal(item.index, error))
        else:
            admitted.append(Admitted(item, price))
            available -= price
    return admitted, refusals


def _price(item: NewItem, account: AccountState) -> int:
    return item.list_price_millicredits * account.multiplier_permille // 1000


def _too_dear(what: str, price: int, available: int) -> DarkroomError:
    missing = price - available
    return DarkroomError(
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
