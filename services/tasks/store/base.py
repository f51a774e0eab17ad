"""The common parts of the stores: how they run a statement, and one statement for the transitions of many tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause

from services.platform.database import Database, Rows
from services.platform.idempotency import key_values, storing_key
from services.platform.idempotent_call import IdempotentCall
from services.tasks.model import Task
from services.tasks.store.rows import first, task_of

BATCH = 100
"""Transitions in one statement: enough to make the fixed cost of a call negligible."""
REPORT_SPACING = 0.005
"""Seconds between two statements for workers' reports: short compared with a task, yet many reports then take few statements."""


class Store:
    """Statements on the tasks database. Every method of a store raises UNAVAILABLE while PostgreSQL is unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _run(self, statement: TextClause, values: Mapping[str, Any]) -> Rows:
        return await self._database.fetch(statement, values)

    async def _run_keyed(self, statement: TextClause, values: Mapping[str, Any], call: IdempotentCall | None, now: datetime) -> Rows:
        """Like `_run`, storing the call's idempotency key together with the effect of the statement."""
        with storing_key():
            return await self._run(statement, {**values, **key_values(call, now)})

    async def _transition(self, statement: TextClause, values: Mapping[str, Any]) -> Task | None:
        return first(task_of, await self._run(statement, values))

    async def _transitions(self, statement: TextClause, asked: Sequence[Mapping[str, Any]]) -> Sequence[Task | None]:
        """One statement for the transitions of many tasks; the result for each."""
        rows = await self._run(statement, {"asked": numbered_json(asked)})
        moved = {row["number"]: task_of(row) for row in rows}
        return [moved.get(number) for number in range(len(asked))]


def numbered_json(asked: Sequence[Mapping[str, Any]]) -> str:
    """The values of many transitions as a JSON array for the statement, each with its `number`."""
    return json.dumps([{"number": number, **values} for number, values in enumerate(asked)], default=as_text)


def as_text(value: datetime | UUID | bytes) -> str:
    """Text that PostgreSQL reads, for values that JSON cannot represent."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
