"""What the stores have in common: statements by the shortest way, and one statement for the transitions of many tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.db import reaching_database
from services.common.idempotency import IdempotentCall, key_values, storing_key
from services.common.statements import run
from services.tasks.model import Task
from services.tasks.store.rows import first_task, task_of

BATCH = 100
"""Transitions in one statement: enough that the cost of a call by itself does not count."""
REPORT_SPACING = 0.005
"""Seconds between two statements for workers' reports: short beside a task, yet a load of many reports then takes few statements."""


class Store:
    """Statements on the tasks database. Every method of a store raises UNAVAILABLE while PostgreSQL is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
        return await run(self._engine, statement, values)

    async def _transition(self, statement: TextClause, values: Mapping[str, Any]) -> Task | None:
        return first_task(await self._run(statement, values))

    async def _transitions(self, statement: TextClause, asked: Sequence[Mapping[str, Any]]) -> Sequence[Task | None]:
        """One statement for the transitions of many tasks; the result for each."""
        rows = await self._run(statement, {"asked": numbered(asked)})
        moved = {row["number"]: task_of(row) for row in rows}
        return [moved.get(number) for number in range(len(asked))]


class CoreStore:
    """Statements by SQLAlchemy's own execution, which tells PostgreSQL the types of their values: for what does not run with every task."""

    def __init__(self, engine: AsyncEngine) -> None:
        # Each statement is atomic by itself; without BEGIN and COMMIT it takes one round trip instead of three.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with reaching_database():
            async with self._engine.connect() as connection:
                result = await connection.execute(statement, dict(values))
                return result.all() if result.returns_rows else ()

    async def _run_keyed(
        self, statement: TextClause, values: Mapping[str, Any], call: IdempotentCall | None, now: datetime
    ) -> Sequence[Row[Any]]:
        """`_run`, storing the idempotency key of a call with what the statement does."""
        with storing_key():
            return await self._run(statement, {**values, **key_values(call, now)})


def numbered(asked: Sequence[Mapping[str, Any]]) -> str:
    """The values of many transitions as the JSON array that a statement takes them from, each with its `number`."""
    return json.dumps([{"number": number, **values} for number, values in enumerate(asked)], default=_as_text)


def _as_text(value: datetime | UUID | bytes) -> str:
    """What JSON has no form for, as PostgreSQL reads it."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
