"""The common parts of changes of people, roles and teams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from services.accounts.people import DEFAULT_TEAM, DEFAULT_TEAM_ID
from services.platform.database import Database, Transaction

_LOCK = text("SELECT id FROM account WHERE id = :account_id FOR NO KEY UPDATE")
_ADD_TEAM = text("INSERT INTO team (account_id, id, name) VALUES (:account_id, :id, :name) ON CONFLICT DO NOTHING")


class GoneError(Exception):
    """The role or the team that was named has been removed or renamed meanwhile; nothing has changed."""


@asynccontextmanager
async def changing(database: Database, account_id: int) -> AsyncIterator[Transaction]:
    """A transaction. Those of an account come one after the other: there is always an administrator, never one person too many, and nobody
    has a role or a team that does not exist."""
    async with database.transaction() as transaction:
        await transaction.fetch(_LOCK, {"account_id": account_id})
        yield transaction


async def add_default_team(database: Database, account_id: int) -> None:
    """Every account has the team `Default`, under whatever name."""
    await database.fetch(_ADD_TEAM, {"account_id": account_id, "id": DEFAULT_TEAM_ID, "name": DEFAULT_TEAM})


def ids(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Those of rows."""
    return [row["id"] for row in rows]
