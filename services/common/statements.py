"""Statements as the tasks service's store still runs them; `database.Database` is the way for everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.transaction import Transaction
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.database import Database, Rows, _connection, _fetch


class Borrowed:
    """A connection for some statements."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def run(self, statement: TextClause, values: Mapping[str, Any]) -> Rows:
        """The rows that a statement gives with its named values. Outside of a transaction it is one by itself."""
        return await _fetch(self._connection, statement, values)

    def transaction(self) -> Transaction:
        """A transaction, as `async with`."""
        return self._connection.transaction()


@asynccontextmanager
async def borrowed(engine: AsyncEngine) -> AsyncIterator[Borrowed]:
    """A connection of the engine's pool. Raises UNAVAILABLE while the database cannot be reached; asyncpg's other errors pass."""
    async with _connection(engine) as connection:
        yield Borrowed(connection)


async def run(engine: AsyncEngine, statement: TextClause, values: Mapping[str, Any]) -> Rows:
    """One statement on a connection of the engine's pool; see `Borrowed.run`."""
    return await Database(engine).fetch(statement, values)
