"""The limits of an account, and its credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """An account's running work, its limits, its rank among others, and its credits. None means the value from the settings.

    `available_millicredits` and `reserved_millicredits` are the sums of the account's ledger entries that are not `unlimited`.
    """

    account_id: int
    open: int
    """Tasks that have not ended; kept by the statements that create and end tasks."""
    max_open: int | None
    """The operator's limit for this account; None: the default of the API that creates the task."""
    running: int
    """Tasks RUNNING in all lanes; kept by the transitions between that state and others."""
    max_running: int | None
    """The operator's limit for this account; None: the default."""
    max_webhooks: int | None
    """The operator's limit for this account; None: the default."""
    weight: float
    """Share of its class: an account of weight 2 gets two turns where one of weight 1 gets one."""
    priority_class: int
    """A larger class goes strictly first."""
    available_millicredits: int
    """The amount that new tasks may reserve."""
    reserved_millicredits: int
    """The amount that open tasks have reserved."""
    unlimited: bool | None
    """Whether new tasks need no balance."""
    multiplier_permille: int | None
    """Multiplier of list prices for new tasks, in thousandths."""


class LedgerKind(StrEnum):
    """The effect of an entry on the balance. The names are those of `darkroom.tasks.v1.LedgerKind`, which explains them."""

    GRANT = "GRANT"
    RESERVE = "RESERVE"
    SETTLE = "SETTLE"
    RELEASE = "RELEASE"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of a balance. It is never deleted: it outlives its task. It is never changed, but that a task's reservation grows by pages
    that are known only when its inputs have been fetched."""

    id: int
    account_id: int
    task_id: int | None
    kind: LedgerKind
    amount_millicredits: int
    unlimited: bool
    """Records usage without having changed the balance."""
    time: datetime
    note: str
    reference: str | None
    """The operator's name for a grant, which makes repeating it harmless."""
