"""The operator's settings for an account, in the tasks database."""

from __future__ import annotations

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.changes import details, enter
from services.platform.database import Database
from services.tasks.model import AccountPolicy
from services.tasks.model.records import AccountCounts, Keep, PolicyChange
from services.tasks.store.rows import policy_of

SET_POLICY = text("""
INSERT INTO account_policy AS known (account_id, open, weight, priority_class, max_open, max_running, max_webhooks)
VALUES (:account_id, 0, coalesce(CAST(:weight AS float8), 1), coalesce(:priority_class, 0), :max_open, :max_running, :max_webhooks)
ON CONFLICT (account_id) DO UPDATE SET
  weight = coalesce(:weight, known.weight),
  priority_class = coalesce(:priority_class, known.priority_class),
  max_open = CASE WHEN :keep_max_open THEN known.max_open ELSE :max_open END,
  max_running = CASE WHEN :keep_max_running THEN known.max_running ELSE :max_running END,
  max_webhooks = CASE WHEN :keep_max_webhooks THEN known.max_webhooks ELSE :max_webhooks END
RETURNING *
""")
"""Set the operator's policy for an account. It locks the row, so that no CREATE adds the account to a lane during RECLASSIFY."""

RECLASSIFY = text("""
UPDATE lane_account SET priority_class = :priority_class, virtual_time = 0
WHERE account_id = :account_id AND priority_class <> :priority_class
""")
"""Apply a new class to the account's lanes, where the account starts at that class's virtual time. Runs after SET_POLICY, in the same
transaction."""

AUDITED = text("""
SELECT CAST(weight AS text) AS weight, CAST(priority_class AS text) AS class,
  CAST(max_open AS text) AS max_open, CAST(max_running AS text) AS max_running, CAST(max_webhooks AS text) AS max_webhooks
FROM account_policy WHERE account_id = :account_id FOR NO KEY UPDATE
""")
"""The policy as the audit log shows it. The row stays locked."""

COUNTS = text("""
SELECT
  coalesce(open, 0) AS open, coalesce(least(pooled, open), 0) AS pooled, greatest(coalesce(running, 0), 0) AS running,
  (SELECT count(*) FROM webhook WHERE webhook.account_id = asked.account_id) AS webhooks,
  max_open, max_running, max_webhooks
FROM (VALUES (CAST(:account_id AS bigint))) AS asked (account_id) LEFT JOIN account_policy USING (account_id)
""")
"""An account's balance, and its own limits; exactly one row, even for an unknown account."""

_NO_CHANGE = PolicyChange()


class PolicyStore:
    """The operator's side of `account_policy`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, account_id: int, change: PolicyChange) -> AccountPolicy:
        """Make the change, effective from the next create and dispatch, and return the new policy. An account that is not known yet gets
        one. Raises UNAVAILABLE while the database is unavailable."""
        values = {
            "account_id": account_id,
            "weight": change.weight,
            "priority_class": change.priority_class,
            "keep_max_open": change.max_open is Keep.KEEP,
            "max_open": _limit(change.max_open),
            "keep_max_running": change.max_running is Keep.KEEP,
            "max_running": _limit(change.max_running),
            "keep_max_webhooks": change.max_webhooks is Keep.KEEP,
            "max_webhooks": _limit(change.max_webhooks),
        }
        async with self._database.transaction() as transaction:
            before = await transaction.fetch(AUDITED, values)
            [row] = await transaction.fetch(SET_POLICY, values)
            policy = policy_of(row)
            await transaction.fetch(RECLASSIFY, {"account_id": account_id, "priority_class": policy.priority_class})
            if change != _NO_CHANGE:
                after = dict((await transaction.fetch(AUDITED, values))[0])
                told = details(dict(before[0]) if before else {}, after, **after)
                await enter(transaction, audit_pb2.AUDIT_ACTION_ACCOUNT_POLICY_SET, account_id, account_id, told=told)
        return policy

    async def counts(self, account_id: int) -> AccountCounts:
        """The account's running work. Raises UNAVAILABLE while the database is unavailable."""
        [row] = await self._database.fetch(COUNTS, {"account_id": account_id})
        return AccountCounts(*row)


def _limit(value: int | Keep | None) -> int | None:
    return None if isinstance(value, Keep) else value
