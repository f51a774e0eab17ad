"""What the operator sets for an account, in the tasks database."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import transaction
from services.tasks.model import AccountPolicy
from services.tasks.model.records import Keep, PolicyChange

SET_POLICY = text("""
INSERT INTO account_policy AS known (account_id, open, weight, priority_class, max_open, max_running)
VALUES (:account_id, 0, coalesce(CAST(:weight AS float8), 1), coalesce(:priority_class, 0), :max_open, :max_running)
ON CONFLICT (account_id) DO UPDATE SET
  weight = coalesce(:weight, known.weight),
  priority_class = coalesce(:priority_class, known.priority_class),
  max_open = CASE WHEN :keep_max_open THEN known.max_open ELSE :max_open END,
  max_running = CASE WHEN :keep_max_running THEN known.max_running ELSE :max_running END
RETURNING *
""")
"""The operator's word on an account. It locks the row, so that no CREATE brings the account into a lane while RECLASSIFY is under way."""

RECLASSIFY = text("""
UPDATE lane_account SET priority_class = :priority_class, virtual_time = 0
WHERE account_id = :account_id AND priority_class <> :priority_class
""")
"""Carry a new class to the account's lanes, where it starts at the time of that class. After SET_POLICY, in the same transaction."""


class PolicyStore:
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
            row = (await connection.execute(SET_POLICY, values)).one()
            policy = AccountPolicy(**row._mapping)
            await connection.execute(RECLASSIFY, {"account_id": account_id, "priority_class": policy.priority_class})
        return policy


def _limit(value: int | Keep | None) -> int | None:
    return None if isinstance(value, Keep) else value
