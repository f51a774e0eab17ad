"""The databases as they were at one moment, although they are three."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from deploy.admin.checks.postgres_connection import connected_to_primary
from deploy.local.errors import StackError
from services.files.store.deletions import WITHOUT_LIMITS, held
from services.platform.database_address import DatabaseAddress

Databases = Mapping[str, DatabaseAddress]
"""By the service that owns each."""
Connections = Mapping[str, asyncpg.Connection]
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.002
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@asynccontextmanager
async def one_moment(databases: Databases) -> AsyncIterator[Connections]:
    """Connections in transactions that see all databases as they were at one moment; nothing waits for that.

    The databases must be those of one PostgreSQL server, which numbers the transactions of all databases together: two snapshots with the
    same text are the same moment, whichever databases they were taken in. So they are taken at the same time, and again until they are
    the same. Raises StackError and Unreachable.
    """
    async with AsyncExitStack() as stack:
        opened = {name: await stack.enter_async_context(connected_to_primary(where)) for name, where in databases.items()}
        await _check_server(opened)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not await _taken_together(opened):
            if time.monotonic() > deadline:
                raise StackError(f"no moment was found within {_PATIENCE_SECONDS:.0f} s: too much is written; try again")
            await asyncio.sleep(_PAUSE_SECONDS)
        yield opened


@asynccontextmanager
async def deletions_held(files: DatabaseAddress) -> AsyncIterator[None]:
    """No object is deleted that is there when the block begins. Raises StackError if that cannot be said for all of the block."""
    async with connected_to_primary(files) as connection, AsyncExitStack() as stack:
        await stack.enter_async_context(held(connection))
        yield
        try:
            await stack.aclose()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise StackError(f"PostgreSQL ended the connection that held deletions back; try again ({error})") from error


async def _check_server(connections: Connections) -> None:
    found = {name: await one.fetchval("SELECT system_identifier FROM pg_control_system()") for name, one in connections.items()}
    if len(set(found.values())) > 1:
        raise StackError(
            f"the databases of {', '.join(found)} are on different PostgreSQL servers, which have no moment in common; put them on one "
            "server, or stop the services and use the servers' own tools"
        )


async def _taken_together(connections: Connections) -> bool:
    """Begin transactions, and end them again unless they see the same moment."""
    each = connections.values()
    await asyncio.gather(*(one.execute(_BEGIN) for one in each))
    snapshots = await asyncio.gather(*(one.fetchval("SELECT pg_current_snapshot()::text") for one in each))
    if len(set(snapshots)) > 1:
        await asyncio.gather(*(one.execute("ROLLBACK") for one in each))
        return False
    for one in each:
        await one.execute(WITHOUT_LIMITS)
    return True
