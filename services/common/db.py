"""Names of `database` and `migrations` by which the tasks service and tests still import them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.common.database import engine, reaching_database
from services.common.migrations import CREATE_NEXT_ID, DROP_NEXT_ID, migrate, run_environment

__all__ = ["CREATE_NEXT_ID", "DROP_NEXT_ID", "engine", "migrate", "reaching_database", "run_environment", "transaction"]


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that commits with the block. Raises UNAVAILABLE while the database cannot be reached."""
    with reaching_database():
        async with engine.begin() as connection:
            yield connection
