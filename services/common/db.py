"""PostgreSQL: engine, migrations, ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from services.common.errors import DarkroomError, ErrorReason

# Arbitrary; the same for every service, since each has a database of its own.
_MIGRATION_LOCK = 7_245_091

CREATE_NEXT_ID = """
DO $block$
BEGIN
  CREATE SEQUENCE id_sequence;
  CREATE FUNCTION next_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    -- Milliseconds since 2025 and a three-digit counter: below 1e15 until 2056, and growing with time.
    SELECT (extract(epoch FROM clock_timestamp()) * 1000 - 1735689600000)::bigint * 1000 + nextval('id_sequence') % 1000
  $$;
END
$block$
"""
"""SQL for a service's first migration: `next_id()`, unique as long as fewer than 1,000 ids are made in one millisecond.

One statement, because asyncpg prepares what it runs, and only one statement can be prepared.
"""
DROP_NEXT_ID = "DO $block$ BEGIN DROP FUNCTION next_id(); DROP SEQUENCE id_sequence; END $block$"


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
    """Let the pool replace a connection that the server has closed. A ping would find that out too, for two round trips each time."""
    if connection.driver_connection is None or connection.driver_connection.is_closed():
        raise DisconnectionError


@contextmanager
def reaching_database() -> Iterator[None]:
    """Turn the database's absence, met inside the block, into UNAVAILABLE. Whether a statement that was under way took effect is unknown.

    Other errors of the database are defects and pass as they are.
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
        # What asyncpg says of a connection that the server has closed; its other errors of this kind are defects, too.
        if "closed" not in str(error):
            raise
        raise _away() from error
    except DBAPIError as error:
        if not error.connection_invalidated and not _gone(getattr(error.orig, "sqlstate", None)):
            raise
        raise _away() from error


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that commits with the block. Raises UNAVAILABLE while the database cannot be reached."""
    with reaching_database():
        async with engine.begin() as connection:
            yield connection


def _gone(state: str | None) -> bool:
    # Class 08: connection exceptions; 57P: the server shuts down, has crashed, or is starting (PostgreSQL's appendix of error codes).
    return (state or "").startswith(("08", "57P"))


def _away() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later.")


def migrate(service: str, url: str) -> None:
    """Bring the database of `services.<service>` to the newest version. Replicas may do so at the same time."""
    config = Config()
    config.set_main_option("script_location", f"services.{service}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    command.upgrade(config, "head")


def run_environment(metadata: MetaData) -> None:
    """What a service's `migrations/env.py` calls: run the migrations in one transaction under a lock."""
    asyncio.run(_run(metadata, context.config.attributes["url"]))


async def _run(metadata: MetaData, url: str) -> None:
    made = create_async_engine(url)
    async with made.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        await connection.run_sync(_upgrade, metadata)
    await made.dispose()


def _upgrade(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    context.run_migrations()
