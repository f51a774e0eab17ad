"""Balances and ledger in the tasks database. How tasks change them is part of the tasks' transitions, in `parts.py`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.platform.audit.changes import details, enter
from services.platform.audit.log import actor_values, audit_sql
from services.tasks.model import LedgerEntry
from services.tasks.model.records import Balance, CreditTerms
from services.tasks.store.base import Store
from services.tasks.store.rows import entry_of, first

BALANCE = text("""
SELECT
  coalesce(policy.available_millicredits, 0) AS available_millicredits,
  coalesce(policy.reserved_millicredits, 0) AS reserved_millicredits,
  coalesce(policy.unlimited, :unlimited) AS unlimited,
  coalesce(policy.multiplier_permille, :multiplier_permille) AS multiplier_permille
FROM (VALUES (CAST(:account_id AS bigint))) AS asked (account_id) LEFT JOIN account_policy AS policy USING (account_id)
""")
"""An account's balance; exactly one row, even for an unknown account."""

ENTRIES = text("SELECT * FROM ledger_entry WHERE account_id = :account_id AND id < :before_id ORDER BY id DESC LIMIT :limit")
"""A page of the account's entries, newest first."""

_CREDITS = "'credits', CAST(trim_scale(amount_millicredits / 1000.0) AS text)"

GRANT = text(f"""
WITH entered AS (
  INSERT INTO ledger_entry (account_id, kind, amount_millicredits, unlimited, time, note, reference)
  VALUES (:account_id, 'GRANT', :amount_millicredits, false, :now, :note, :reference)
  ON CONFLICT (account_id, reference) WHERE reference IS NOT NULL DO NOTHING
  RETURNING *
), granted AS (
  INSERT INTO account_policy AS policy (account_id, open, available_millicredits)
  SELECT account_id, 0, amount_millicredits FROM entered
  ON CONFLICT (account_id) DO UPDATE SET available_millicredits = policy.available_millicredits + excluded.available_millicredits
),{audit_sql("entered", audit_pb2.AUDIT_ACTION_CREDITS_GRANTED, details=f"jsonb_build_object({_CREDITS}, 'reference', reference)")}
SELECT * FROM entered
""")  # noqa: S608 - put together from constants
"""Add to an account's balance; no row if the account already has a grant with this reference."""

GRANTED = text("SELECT * FROM ledger_entry WHERE account_id = :account_id AND reference = :reference")
"""The grant with a reference."""

REFUND = text(f"""
WITH entered AS (
  INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time, note)
  SELECT account_id, task_id, 'REFUND', amount_millicredits, unlimited, :now, :note
  FROM ledger_entry
  WHERE task_id = :task_id AND kind = 'SETTLE'
  ON CONFLICT ON CONSTRAINT ledger_entry_once_a_task DO NOTHING
  RETURNING *
), refunded AS (
  UPDATE account_policy SET available_millicredits = available_millicredits + entered.amount_millicredits
  FROM entered
  WHERE account_policy.account_id = entered.account_id AND NOT entered.unlimited
),{audit_sql("entered", audit_pb2.AUDIT_ACTION_CREDITS_REFUNDED, details=f"jsonb_build_object({_CREDITS}, 'task', CAST(task_id AS text))")}
SELECT * FROM entered
""")  # noqa: S608 - put together from constants
"""Give back what a task cost, once. No row if it cost nothing or was already refunded."""

REFUNDED = text("SELECT * FROM ledger_entry WHERE task_id = :task_id AND kind = 'REFUND'")
"""The refund of a task."""

TERMS = text("""
SELECT CAST(unlimited AS text) AS unlimited, CAST(trim_scale(multiplier_permille / 1000.0) AS text) AS multiplier
FROM account_policy WHERE account_id = :account_id FOR NO KEY UPDATE
""")
"""An account's own terms as the audit log shows them. The row stays locked."""

SET_TERMS = text("""
INSERT INTO account_policy (account_id, open, unlimited, multiplier_permille)
VALUES (:account_id, 0, :unlimited, :multiplier_permille)
ON CONFLICT (account_id) DO UPDATE SET unlimited = excluded.unlimited, multiplier_permille = excluded.multiplier_permille
""")
"""Set an account's terms for future tasks; NULL: those of the settings."""


class LedgerStore(Store):
    """The reads of the API, and the changes of the operator."""

    async def balance(self, account_id: int, terms: CreditTerms) -> Balance:
        """An account's balance, with its own terms where it has them, else the given ones."""
        [row] = await self._run(BALANCE, {"account_id": account_id, **asdict(terms)})
        return Balance(
            row["available_millicredits"], row["reserved_millicredits"], CreditTerms(row["unlimited"], row["multiplier_permille"])
        )

    async def entries(self, account_id: int, *, before_id: int, limit: int) -> list[LedgerEntry]:
        """The account's newest entries below `before_id`."""
        rows = await self._run(ENTRIES, {"account_id": account_id, "before_id": before_id, "limit": limit})
        return [entry_of(row) for row in rows]

    async def grant(
        self, account_id: int, *, amount_millicredits: int, note: str, reference: str | None, now: datetime
    ) -> LedgerEntry | None:
        """Add to a balance; None if the account already has a grant with this reference."""
        values = {
            "account_id": account_id,
            "amount_millicredits": amount_millicredits,
            "note": note,
            "reference": reference,
            "now": now,
            **actor_values(),
        }
        return first(entry_of, await self._run(GRANT, values))

    async def find_grant(self, account_id: int, reference: str | None) -> LedgerEntry | None:
        return first(entry_of, await self._run(GRANTED, {"account_id": account_id, "reference": reference}))

    async def refund(self, task_id: int, *, note: str, now: datetime) -> LedgerEntry | None:
        """Give back what a task cost; None if it cost nothing or was already refunded."""
        return first(entry_of, await self._run(REFUND, {"task_id": task_id, "note": note, "now": now, **actor_values()}))

    async def find_refund(self, task_id: int) -> LedgerEntry | None:
        """The task's refund."""
        return first(entry_of, await self._run(REFUNDED, {"task_id": task_id}))

    async def set_terms(self, account_id: int, *, unlimited: bool | None, multiplier_permille: int | None) -> None:
        """Set the terms of an account's future tasks; None: those of the settings."""
        values = {"account_id": account_id, "unlimited": unlimited, "multiplier_permille": multiplier_permille}
        async with self._database.transaction() as transaction:
            before = await transaction.fetch(TERMS, values)
            await transaction.fetch(SET_TERMS, values)
            after = dict((await transaction.fetch(TERMS, values))[0])
            told = details(dict(before[0]) if before else {}, after, **after)
            await enter(transaction, audit_pb2.AUDIT_ACTION_ACCOUNT_TERMS_SET, account_id, account_id, told=told)
