"""Access to PostgreSQL for every store: named statements that asyncpg runs itself, and SQLModel sessions for plain reads and writes.

SQLAlchemy's own execution takes as much processor time as asyncpg's plus the handling of the rows. So statements bypass it: they run
through asyncpg, on connections of the engine's pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any

import asyncpg
from sqlalchemy import TextClause, event
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from services.common.errors import DarkroomError, ErrorReason

Rows = Sequence[asyncpg.Record]
_NONE: Mapping[str, Any] = MappingProxyType({})


class Transaction:
    """Statements that take effect together, or not at all."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Rows:
        """The rows that a statement returns for its named values."""
        return await _fetch(self._connection, statement, values)


class Database:
    """A service's database. Every method raises UNAVAILABLE while it cannot be reached; other errors of asyncpg propagate.

    Statements are constants: each is compiled once and kept.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def fetch(self, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Rows:
        """The rows that a statement returns for its named values. It is its own transaction, without the cost of BEGIN and COMMIT."""
        async with _connection(self.engine) as connection:
            return await _fetch(connection, statement, values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that commits with the block, and is rolled back when the block raises."""
        async with _connection(self.engine) as connection, connection.transaction():
            yield Transaction(connection)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A SQLModel session in a transaction that commits with the block. Its rows can still be read afterwards."""
        with reaching_database():
            async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
                yield session


@asynccontextmanager
async def opened(url: str, pool: int) -> AsyncIterator[Database]:
    """A database with up to `pool` connections, closed when the block ends."""
    async with engine(url, pool) as made:
        yield Database(made)


@asynccontextmanager
async def engine(url: str, pool: int) -> AsyncIterator[AsyncEngine]:
    """An engine with up to `pool` connections that survives restarts of the server, disposed of when the block ends."""
    # Last in, first out: few connections do most of the work, and their plans and caches stay warm.
    made = create_async_engine(url, pool_size=pool, max_overflow=0, pool_timeout=10, pool_use_lifo=True)
    event.listen(made.sync_engine, "checkout", _refuse_closed)
    try:
        yield made
    finally:
        await made.dispose()


def _refuse_closed(connection: AdaptedConnection, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """Let the pool replace a connection that the server has closed. A ping would also find out, but costs two round trips each time."""
    if connection.driver_connection is None or connection.driver_connection.is_closed():
        raise DisconnectionError


@asynccontextmanager
async def _connection(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the engine's pool."""
    with reaching_database():
        pooled = await engine.raw_connection()
        try:
            yield pooled.driver_connection
        except asyncio.CancelledError as error:
            # The server may still be working on a statement, so this connection must not be reused.
            pooled.invalidate(error)
            raise
        finally:
            await greenlet_spawn(pooled.close)


async def _fetch(connection: asyncpg.Connection, statement: TextClause, values: Mapping[str, Any]) -> Rows:
    query, names = _compiled(statement)
    rows: Rows = await connection.fetch(query, *[values[name] for name in names])
    return rows


@cache
def _compiled(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """The statement in asyncpg's form, and the names of its values in the order of its arguments."""
    compiled = statement.compile(dialect=dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup or ())


@contextmanager
def reaching_database() -> Iterator[None]:
    """Raise UNAVAILABLE when the block cannot reach the database. A statement that was under way may or may not have taken effect.

    Other errors of the database are defects and propagate unchanged.
    """
    try:
        yield
    except (OSError, PoolTimeoutError) as error:
        raise _away() from error
    except asyncpg.PostgresError as error:
        if not _gone(error.sqlstate):
            raise
        raise _away() from error
    except asyncpg.InterfaceError as error:
        # asyncpg's message for a connection that the server has closed; its other errors of this type are defects, too.
        if "closed" not in str(error):
            raise
        raise _away() from error
    except DBAPIError as error:
        if not error.connection_invalidated and not _gone(getattr(error.orig, "sqlstate", None)):
            raise
        raise _away() from error


def _gone(state: str | None) -> bool:
    # Class 08: connection exceptions; 57P: the server is shutting down, has crashed, or is starting (PostgreSQL's appendix of error codes).
    return (state or "").startswith(("08", "57P"))


def _away() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.")
