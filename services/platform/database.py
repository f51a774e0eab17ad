"""Access to PostgreSQL for every store: named statements that asyncpg runs itself.

SQLAlchemy's own execution takes as much processor time as asyncpg's plus the handling of the rows, and its pool takes four times as much
as asyncpg for a statement. So statements bypass both: they run through asyncpg, on connections that are kept from one to the next.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import Context
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
from sqlalchemy import Engine, TextClause, event, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi, dialect
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from services.platform.database_address import DatabaseAddress
from services.platform.database_engine import PooledConnection, is_gone, new_engine
from services.platform.database_pool import WAIT_SECONDS, KeepingPool
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.process import end

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

Rows = Sequence[asyncpg.Record]
_NOTHING = text("SELECT 1")
_NONE: Mapping[str, Any] = MappingProxyType({})
# A free connection holds 2 to 6 MiB in the server. To open one costs a call some 10 ms, and its first statements a little more each.
_UNUSED_SECONDS = 10.0
_ANSWERED_SECONDS = 2.0


class HasPool(Protocol):
    """An engine of SQLAlchemy's, of either kind."""

    @property
    def pool(self) -> Pool:
        """A KeepingPool."""


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

    def __init__(self, engine: HasPool) -> None:
        assert isinstance(engine.pool, KeepingPool)
        self.pool = engine.pool
        self._answered_at = -math.inf

    async def fetch(self, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Rows:
        """The rows that a statement returns for its named values. It is its own transaction, without the cost of BEGIN and COMMIT."""
        async with _connection(self.pool) as connection:
            rows = await _fetch(connection, statement, values)
        self._answered_at = time.monotonic()
        return rows

    async def answers(self) -> None:
        """Check that it can be reached. It can be if it has answered a statement within the last two seconds."""
        if time.monotonic() - self._answered_at >= _ANSWERED_SECONDS:
            await self.fetch(_NOTHING)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction that commits with the block, and is rolled back when the block raises."""
        async with _connection(self.pool) as connection, connection.transaction():
            yield Transaction(connection)

    async def fetch_in_turn(self, space: int, name: str, statement: TextClause, values: Mapping[str, Any] = _NONE) -> Rows:
        """Like `fetch`, one at a time for a name in a space of advisory locks: a statement sees what the one before has committed.

        The lock is the connection's, not a transaction's, so that the rows that the statement locks are free as soon as it has ended.
        Behind a pooler, where a connection is one for a transaction only, it is the transaction's.
        """
        quoted = name.replace("'", "''")
        lock = f"({space:d}, hashtext('{quoted}'))"
        unlock = f"SELECT pg_advisory_unlock{lock}"
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(_connection(self.pool))
            # Every connection of asyncpg's is an instance of all its kinds.
            if type(connection) is PooledConnection:
                async with connection.transaction():
                    await connection.execute(f"SELECT pg_advisory_xact_lock{lock}")
                    return await _fetch(connection, statement, values)
            await connection.execute(f"SELECT pg_advisory_lock{lock}")
            try:
                rows = await _fetch(connection, statement, values)
            except (asyncio.CancelledError, asyncpg.InternalClientError):
                # The connection is given up, and with it goes the lock.
                raise
            except BaseException:
                if not connection.is_closed():
                    await connection.execute(unlock)
                raise
            # The caller does not wait for this.
            unlocking = asyncio.create_task(_unlock(connection, unlock, stack.pop_all()), context=Context())
            known = self.pool.unlocking
            known.add(unlocking)
            unlocking.add_done_callback(known.discard)
            return rows


@asynccontextmanager
async def open_database(where: DatabaseAddress | str, pool: int) -> AsyncIterator[Database]:
    """A database, or that of a URL, with up to `pool` connections, closed when the block ends."""
    async with _opened(where, pool) as made:
        yield Database(made)


@asynccontextmanager
async def engine(where: DatabaseAddress | str, pool: int) -> AsyncIterator[AsyncEngine]:
    """The engine of such a database, for programs that use SQLAlchemy's own execution too. Services do not: it loads the ORM."""
    from sqlalchemy.ext.asyncio import AsyncEngine

    async with _opened(where, pool) as made:
        yield AsyncEngine(made)


@asynccontextmanager
async def _opened(where: DatabaseAddress | str, pool: int) -> AsyncIterator[Engine]:
    """An engine with up to `pool` connections that survives restarts of the server, disposed of when the block ends.

    It has as many connections as calls have needed at once lately, and at least one after the first call.
    """
    # Last in, first out: few connections do most of the work, and their plans and caches stay warm.
    made = new_engine(where, poolclass=KeepingPool, pool_size=pool, max_overflow=0, pool_timeout=WAIT_SECONDS, pool_use_lifo=True)
    event.listen(made, "checkout", _refuse_closed)
    assert isinstance(made.pool, KeepingPool)
    kept = made.pool
    closing = asyncio.create_task(_closing_unused(kept))
    try:
        yield made
    finally:
        await end(closing)
        await asyncio.gather(*kept.unlocking, return_exceptions=True)
        await kept.give_back(pool)
        await greenlet_spawn(made.dispose)


async def _closing_unused(pool: KeepingPool) -> None:
    while True:
        await asyncio.sleep(_UNUSED_SECONDS)
        await pool.close_unused()


def _refuse_closed(connection: AdaptedConnection, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """Let the pool replace a connection that the server has closed. A ping would also find out, but costs two round trips each time."""
    if connection.driver_connection is None or connection.driver_connection.is_closed():
        raise DisconnectionError


@asynccontextmanager
async def _connection(pool: KeepingPool) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool."""
    with reaching_database():
        pooled = await pool.take()
        try:
            yield pooled.driver_connection
        except (asyncio.CancelledError, asyncpg.InternalClientError) as error:
            # The server may still be working on a statement, or be ending the connection, so it must not be reused.
            pooled.invalidate(error)
            raise
        except asyncpg.ReadOnlySQLTransactionError as error:
            # All of them lead to a server that only follows another. The next may reach that one.
            pool.give_up(pooled, error)
            raise
        finally:
            await pool.put_back(pooled)


async def _unlock(connection: asyncpg.Connection, unlock: str, held: AsyncExitStack) -> None:
    """Release a lock of a connection, and then the connection. If that fails, the connection is given up, and with it goes the lock."""
    async with held:
        try:
            await connection.execute(unlock)
        except Exception:  # noqa: BLE001 - the statement that the lock was for has succeeded
            connection.terminate()


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
        if not is_gone(error.sqlstate):
            raise
        raise _away() from error
    except AsyncAdapt_asyncpg_dbapi.Error as error:
        # The exceptions that SQLAlchemy makes of asyncpg's errors while it connects.
        if not is_gone(error.sqlstate):
            raise
        raise _away() from error
    except asyncpg.InterfaceError as error:
        # asyncpg's message for a connection that the server has closed; its other errors of this type are defects, too.
        if "closed" not in str(error):
            raise
        raise _away() from error
    except asyncpg.InternalClientError as error:
        # The connection was taken while the server's last message on it was being read.
        raise _away() from error
    except DBAPIError as error:
        if not error.connection_invalidated and not is_gone(getattr(error.orig, "sqlstate", None)):
            raise
        raise _away() from error


def _away() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.")
