"""What the operator sets for an account: its share, its class and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import transaction
from services.tasks.store import order_statements
from services.tasks.store.models import AccountPolicy


class Keep(Enum):
    """Says that a limit stays as it is, since None takes it away."""

    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What to set; what is left out stays."""

    weight: float | None = None
    """Above 0."""
    priority_class: int | None = None
    max_open: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""
    max_running: int | Keep | None = Keep.KEEP
    """0 or more; None: the default."""


class AccountPolicies:
    """The operator's side of `account_policy`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def change(self, account_id: int, change: PolicyChange) -> AccountPolicy:
        """Make the change, in force from the next create and dispatch on, and return the policy as it is then. An account that is not known
        yet gets one. Raises UNAVAILABLE while the database is away."""
        values = {
            "account_id": account_id,
            "weight": change.weight,
            "priority_class": change.priority_class,
            "keep_max_open": change.max_open is Keep.KEEP,
            "max_open": _limit(change.max_open),
            "keep_max_running": change.max_running is Keep.KEEP,
            "max_running": _limit(change.max_running),
        }
        async with transaction(self._engine) as connection:
            row = (await connection.execute(order_statements.SET_POLICY, values)).one()
            policy = AccountPolicy(**row._mapping)
            new_class = {"account_id": account_id, "priority_class": policy.priority_class}
            await connection.execute(order_statements.RECLASSIFY, new_class)
        return policy


def _limit(value: int | Keep | None) -> int | None:
    return None if isinstance(value, Keep) else value
