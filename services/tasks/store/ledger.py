"""Balances and ledger in the tasks database. What tasks do to them is part of their transitions, in `parts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from services.tasks.model import LedgerEntry, LedgerKind
from services.tasks.model.records import Balance, CreditTerms
from services.tasks.store.base import CoreStore

BALANCE = text("""
SELECT
  coalesce(policy.available_millicredits, 0) AS available_millicredits,
  coalesce(policy.reserved_millicredits, 0) AS reserved_millicredits,
  coalesce(policy.unlimited, :unlimited) AS unlimited,
  coalesce(policy.multiplier_permille, :multiplier_permille) AS multiplier_permille
FROM (VALUES (CAST(:account_id AS bigint))) AS asked (account_id) LEFT JOIN account_policy AS policy USING (account_id)
""")
"""An account's balance; one row for any account."""

ENTRIES = text("""
SELECT * FROM ledger_entry
WHERE account_id = :account_id AND id < :before_id
ORDER BY id DESC
LIMIT :limit
""")
"""A page of the account's entries, newest first."""

GRANT = text("""
WITH entered AS (
  INSERT INTO ledger_entry (account_id, kind, amount_millicredits, unlimited, time, note, reference)
  VALUES (:account_id, 'GRANT', :amount_millicredits, false, :now, :note, :reference)
  ON CONFLICT (account_id, reference) WHERE reference IS NOT NULL DO NOTHING
  RETURNING *
), granted AS (
  INSERT INTO account_policy AS policy (account_id, open, available_millicredits)
  SELECT account_id, 0, amount_millicredits FROM entered
  ON CONFLICT (account_id) DO UPDATE SET available_millicredits = policy.available_millicredits + excluded.available_millicredits
)
SELECT * FROM entered
""")
"""Add to an account's balance, unless the account has been granted something under this reference: then no row."""

GRANTED = text("SELECT * FROM ledger_entry WHERE account_id = :account_id AND reference = :reference")
"""The grant that has used a reference."""

REFUND = text("""
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
)
SELECT * FROM entered
""")
"""Give back what a task has cost, once. No row: it has cost nothing, or that has been given back."""

REFUNDED = text("SELECT * FROM ledger_entry WHERE task_id = :task_id AND kind = 'REFUND'")
"""The refund that a task has had."""

SET_TERMS = text("""
INSERT INTO account_policy (account_id, open, unlimited, multiplier_permille)
VALUES (:account_id, 0, :unlimited, :multiplier_permille)
ON CONFLICT (account_id) DO UPDATE SET unlimited = excluded.unlimited, multiplier_permille = excluded.multiplier_permille
""")
"""Set an account's terms for tasks to come; NULL: those of the settings."""


class LedgerStore(CoreStore):
    """What the API reads and the operator changes."""

    async def balance(self, account_id: int, terms: CreditTerms) -> Balance:
        """What an account has, and its terms where they are not the given ones."""
        [row] = await self._run(BALANCE, {"account_id": account_id, **asdict(terms)})
        return Balance(row.available_millicredits, row.reserved_millicredits, CreditTerms(row.unlimited, row.multiplier_permille))

    async def entries(self, account_id: int, *, before_id: int, limit: int) -> list[LedgerEntry]:
        """The account's newest entries below `before_id`."""
        rows = await self._run(ENTRIES, {"account_id": account_id, "before_id": before_id, "limit": limit})
        return [_entry(row) for row in rows]

    async def grant(
        self, account_id: int, *, amount_millicredits: int, note: str, reference: str | None, now: datetime
    ) -> LedgerEntry | None:
        """Add to a balance; None if the account has had a grant of this reference."""
        values = {
            "account_id": account_id,
            "amount_millicredits": amount_millicredits,
            "note": note,
            "reference": reference,
            "now": now,
        }
        return _first(await self._run(GRANT, values))

    async def granted(self, account_id: int, reference: str | None) -> LedgerEntry | None:
        """The grant of this reference."""
        return _first(await self._run(GRANTED, {"account_id": account_id, "reference": reference}))

    async def refund(self, task_id: int, *, note: str, now: datetime) -> LedgerEntry | None:
        """Give back what a task has cost; None if that is nothing, or has been given back."""
        return _first(await self._run(REFUND, {"task_id": task_id, "note": note, "now": now}))

    async def refunded(self, task_id: int) -> LedgerEntry | None:
        """The task's refund."""
        return _first(await self._run(REFUNDED, {"task_id": task_id}))

    async def set_terms(self, account_id: int, *, unlimited: bool | None, multiplier_permille: int | None) -> None:
        """Set the terms of an account's tasks to come; None: those of the settings."""
        values = {"account_id": account_id, "unlimited": unlimited, "multiplier_permille": multiplier_permille}
        await self._run(SET_TERMS, values)


def _first(rows: Sequence[Row[Any]]) -> LedgerEntry | None:
    return _entry(rows[0]) if rows else None


def _entry(row: Row[Any]) -> LedgerEntry:
    return LedgerEntry(**{**row._mapping, "kind": LedgerKind(row.kind)})
