"""An audit log that takes nothing: no change may be without its entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text

from services.platform.database import Database

Change = Callable[[], Awaitable[object]]
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'audit' ORDER BY 1")


async def assert_none_without_an_entry(database: Database, changes: dict[str, Change], actions: Callable[[], Awaitable[list[str]]]) -> None:
    """Each of the changes, by the action that it enters, is tried while the log takes nothing, and then again. `actions` are all that the
    log has."""
    for action, change in changes.items():
        before = await _stored(database)
        async with _refusing(database):
            with pytest.raises(asyncpg.CheckViolationError):
                await change()
        assert await _stored(database) == before, action
        entered = await actions()
        await change()
        assert action.partition(" ")[0] in (await actions())[len(entered) :], action
        assert await _stored(database) != before, action


@asynccontextmanager
async def _refusing(database: Database) -> AsyncIterator[None]:
    await database.fetch(text("ALTER TABLE audit ADD CONSTRAINT refuse CHECK (false) NOT VALID"))
    try:
        yield
    finally:
        await database.fetch(text("ALTER TABLE audit DROP CONSTRAINT refuse"))


async def _stored(database: Database) -> dict[str, list[str]]:
    """The content of every other table."""
    names = [row["tablename"] for row in await database.fetch(_TABLES)]
    return {name: sorted(map(repr, await database.fetch(text(f'SELECT * FROM "{name}"')))) for name in names}
