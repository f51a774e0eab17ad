"""Statements by the shortest way: on a connection of the engine's pool, but through asyncpg itself.

SQLAlchemy's own execution takes as much processor time as asyncpg's and what is done with the rows together. Where statements are run for
every task, that is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import asyncpg
from asyncpg.transaction import Transaction
from sqlalchemy import TextClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from services.common.db import reaching_database


class Borrowed:
    """A connection for some statements."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def run(self, statement: TextClause, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
        """The rows that a statement gives with its named values. Outside of a transaction it is one by itself."""
        query, names = _compiled(statement)
        rows: Sequence[asyncpg.Record] = await self._connection.fetch(query, *[values[name] for name in names])
        return rows

    def transaction(self) -> Transaction:
        """A transaction, as `async with`."""
        return self._connection.transaction()


@asynccontextmanager
async def borrowed(engine: AsyncEngine) -> AsyncIterator[Borrowed]:
    """A connection of the engine's pool. Raises UNAVAILABLE while the database cannot be reached; asyncpg's other errors pass."""
    with reaching_database():
        pooled = await engine.raw_connection()
        try:
            yield Borrowed(pooled.driver_connection)
        except asyncio.CancelledError as error:
            # Whatever the server was doing, it may still be at it: nobody else may have this connection.
            pooled.invalidate(error)
            raise
        finally:
            await greenlet_spawn(pooled.close)


async def run(engine: AsyncEngine, statement: TextClause, values: Mapping[str, Any]) -> Sequence[asyncpg.Record]:
    """One statement on a connection of the engine's pool; see `Borrowed.run`."""
    async with borrowed(engine) as connection:
        return await connection.run(statement, values)


@cache
def _compiled(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """The statement as asyncpg takes it, and which value is which of its arguments. Statements are constants, so there are few."""
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup or ())
