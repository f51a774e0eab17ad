"""The statements by which the tasks service stores, starts and ends tasks, for the bare queue: the text and the rows are the service's own,
with none of the code that decides on their values or reads what they return."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from darkroom.operations.v1 import noop_pb2, operation_pb2
from services.platform import migrations
from services.tasks.store.attempts import COMPLETE
from services.tasks.store.creation import CREATE
from services.tasks.store.order import TAKE

_ACCOUNT, _LANE = 1, "bare"
_OPERATION = operation_pb2.Operation(noop=noop_pb2.Noop()).SerializeToString()
_NEW = {
    "request": 0,
    "account_id": _ACCOUNT,
    "lane": _LANE,
    "priority": 0,
    "trace_id": uuid.uuid4().hex,
    "operations": [f"\\x{_OPERATION.hex()}"],
    "input_file_ids": [],
    "input_names": [],
    "notices": [],
    "price_millicredits": 0,
    "multiplier_permille": 1000,
    "unlimited": False,
    "expected_outputs": 1,
    "max_attempts": 3,
    "pooled": False,
}
_DONE = {"attempt": 1, "output_file_ids": [], "copies": 0, "notices": []}
_MOST_RUNNING = 10_000


class PlatformStatements:
    """Tasks of one account in one lane, each by its number as its id. Each statement has a connection of its own."""

    def __init__(self, create: asyncpg.Connection, take: asyncpg.Connection, end: asyncpg.Connection) -> None:
        now = datetime.now(UTC)
        self._create, self._take, self._end = _prepared(create, CREATE), _prepared(take, TAKE), _prepared(end, COMPLETE)
        self._new, self._done = ({**values, "now": str(now)} for values in (_NEW, _DONE))
        self._taken = {"lane": _LANE, "max_running": _MOST_RUNNING, "lease_until": now + timedelta(hours=1), "now": now}

    async def create(self, numbers: list[int]) -> list[int]:
        """Store tasks as QUEUED."""
        await self._create({"asked": _asked(self._new, "given_id", numbers), "assumed": "[]"})
        return numbers

    async def take(self, numbers: list[int]) -> list[int]:
        """Start as many tasks as there are numbers, those whose turn it is; returns theirs."""
        run_ids = [uuid.uuid4() for _ in numbers]
        slots = {"places": len(numbers), "run_ids": run_ids, "workers": ["bare"] * len(numbers)}
        return [row["id"] for row in await self._take({**self._taken, **slots})]

    async def end(self, numbers: list[int]) -> list[int]:
        """End tasks as SUCCEEDED."""
        await self._end({"asked": _asked(self._done, "id", numbers)})
        return numbers


def migrate(database: str) -> None:
    """Make the tables. It runs an event loop of its own."""
    migrations.migrate("tasks", database.replace("postgresql:", "postgresql+asyncpg:", 1))


async def add_account(connection: asyncpg.Connection) -> None:
    """Add the account of all tasks."""
    await connection.execute("INSERT INTO account_policy (account_id, open) VALUES ($1, 0)", _ACCOUNT)


def _asked(values: dict[str, Any], key: str, numbers: list[int]) -> str:
    rest = json.dumps(values)[:-1]
    return "[" + ",".join(f'{rest}, "number": {place}, "{key}": {number}}}' for place, number in enumerate(numbers)) + "]"


def _prepared(connection: asyncpg.Connection, statement: TextClause) -> Any:
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    query, names = str(compiled), tuple(compiled.positiontup or ())
    return lambda values: connection.fetch(query, *[values[name] for name in names])
