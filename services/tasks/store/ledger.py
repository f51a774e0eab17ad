"""Balances and ledger in the tasks database: one method a statement. Every method raises UNAVAILABLE while PostgreSQL is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import reaching_database
from services.tasks.domain.records import Balance, CreditTerms
from services.tasks.store import ledger_statements as statements
from services.tasks.store.models import LedgerEntry, LedgerKind


class LedgerStore:
    """What the API reads and the operator changes. Tasks reserve, settle and release by their transitions, in `TaskStore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._single = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def balance(self, account_id: int, terms: CreditTerms) -> Balance:
        """What an account has, and its terms where they are not the given ones."""
        [row] = await self._run(statements.BALANCE, {"account_id": account_id, **asdict(terms)})
        return Balance(row.available_millicredits, row.reserved_millicredits, CreditTerms(row.unlimited, row.multiplier_permille))

    async def entries(self, account_id: int, *, before_id: int, limit: int) -> list[LedgerEntry]:
        """The account's newest entries below `before_id`."""
        rows = await self._run(statements.ENTRIES, {"account_id": account_id, "before_id": before_id, "limit": limit})
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
        return _first(await self._run(statements.GRANT, values))

    async def granted(self, account_id: int, reference: str | None) -> LedgerEntry | None:
        """The grant of this reference."""
        return _first(await self._run(statements.GRANTED, {"account_id": account_id, "reference": reference}))

    async def refund(self, task_id: int, *, note: str, now: datetime) -> LedgerEntry | None:
        """Give back what a task has cost; None if that is nothing, or has been given back."""
        return _first(await self._run(statements.REFUND, {"task_id": task_id, "note": note, "now": now}))

    async def refunded(self, task_id: int) -> LedgerEntry | None:
        """The task's refund."""
        return _first(await self._run(statements.REFUNDED, {"task_id": task_id}))

    async def set_terms(self, account_id: int, *, unlimited: bool | None, multiplier_permille: int | None) -> None:
        """Set the terms of an account's tasks to come; None: those of the settings."""
        values = {"account_id": account_id, "unlimited": unlimited, "multiplier_permille": multiplier_permille}
        with reaching_database():
            async with self._single.connect() as connection:
                await connection.execute(statements.SET_TERMS, values)

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with reaching_database():
            async with self._single.connect() as connection:
                return (await connection.execute(statement, dict(values))).all()


def _first(rows: Sequence[Row[Any]]) -> LedgerEntry | None:
    return _entry(rows[0]) if rows else None


def _entry(row: Row[Any]) -> LedgerEntry:
    return LedgerEntry(**{**row._mapping, "kind": LedgerKind(row.kind)})
