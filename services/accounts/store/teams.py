"""An account's teams in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable. Texts must not
hold NUL, which PostgreSQL refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.people import DEFAULT_TEAM
from services.accounts.records import OneCall
from services.accounts.roles import Team
from services.accounts.store.call_records import numbers_of, store_call
from services.accounts.store.changes import add_default_team, changing
from services.platform.audit.changes import details, enter
from services.platform.database import Database, Transaction
from services.platform.errors import DarkroomError, ErrorReason

_TEAMS = """
SELECT team.*, (SELECT count(*) FROM person WHERE person.account_id = team.account_id AND person.team_id = team.id) AS members
FROM team WHERE team.account_id = :account_id
"""
_ALL = text(f"{_TEAMS} ORDER BY created_at, id")
_BY_ID = text(f"{_TEAMS} AND team.id = :team_id")
_NAMED = text("SELECT id FROM team WHERE account_id = :account_id AND lower(name) = lower(:name) AND id <> :but")
_ADD = text("INSERT INTO team (account_id, id, name) VALUES (:account_id, CAST(gen_random_uuid() AS text), :name) RETURNING id")
_RENAME = text("UPDATE team SET name = :name WHERE account_id = :account_id AND id = :team_id")
_DELETE = text("DELETE FROM team WHERE account_id = :account_id AND id = :team_id")


class TeamStore:
    """The table `team`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, account_id: int) -> Sequence[Team]:
        """All, the oldest first."""
        await add_default_team(self._database, account_id)
        return [_team(row) for row in await self._database.fetch(_ALL, {"account_id": account_id})]

    async def team(self, account_id: int, team_id: str) -> Team | None:
        await add_default_team(self._database, account_id)
        rows = await self._database.fetch(_BY_ID, {"account_id": account_id, "team_id": team_id})
        return _team(rows[0]) if rows else None

    async def add(self, account_id: int, name: str, one: OneCall | None = None) -> Team:
        """Add one by a call, which is stored with it. Raises NAME_TAKEN, and as `store_call`."""
        await add_default_team(self._database, account_id)
        async with changing(self._database, account_id) as transaction:
            await _check_free(transaction, account_id, name)
            [added] = await transaction.fetch(_ADD, {"account_id": account_id, "name": name})
            told = details(after={"name": name}, team_id=added["id"], team_name=name)
            await enter(transaction, audit_pb2.AUDIT_ACTION_TEAM_CREATED, account_id, told=told)
            await store_call(transaction, one, account_id, numbers_of(added["id"]))
            return _team((await transaction.fetch(_BY_ID, {"account_id": account_id, "team_id": added["id"]}))[0])

    async def rename(self, account_id: int, team_id: str, name: str) -> Team | None:
        """Give one another name; None if it is gone. Raises NAME_TAKEN."""
        values = {"account_id": account_id, "team_id": team_id}
        async with changing(self._database, account_id) as transaction:
            await _check_free(transaction, account_id, name, team_id)
            rows = await transaction.fetch(_BY_ID, values)
            if not rows:
                return None
            await transaction.fetch(_RENAME, {**values, "name": name})
            told = details({"name": rows[0]["name"]}, {"name": name}, team_id=team_id, team_name=name)
            await enter(transaction, audit_pb2.AUDIT_ACTION_TEAM_UPDATED, account_id, told=told)
            return _team((await transaction.fetch(_BY_ID, values))[0])

    async def delete(self, account_id: int, team_id: str) -> Team | None:
        """Remove one; None if it is gone already. Raises FIELD_INVALID for `Default`, and for one with people."""
        values = {"account_id": account_id, "team_id": team_id}
        async with changing(self._database, account_id) as transaction:
            rows = await transaction.fetch(_BY_ID, values)
            if not rows:
                return None
            team = _team(rows[0])
            if team.name == DEFAULT_TEAM:
                raise DarkroomError(ErrorReason.FIELD_INVALID, "Cannot delete the Default team", field="team_id")
            if team.member_count:
                raise DarkroomError(ErrorReason.FIELD_INVALID, "Cannot delete a team that has members", field="team_id")
            await transaction.fetch(_DELETE, values)
            told = details(before={"name": team.name}, team_id=team_id, team_name=team.name)
            await enter(transaction, audit_pb2.AUDIT_ACTION_TEAM_DELETED, account_id, told=told)
            return team


async def _check_free(transaction: Transaction, account_id: int, name: str, but: str = "") -> None:
    if await transaction.fetch(_NAMED, {"account_id": account_id, "name": name, "but": but}):
        raise DarkroomError(ErrorReason.NAME_TAKEN, "Team name already exists", field="name")


def _team(row: Mapping[str, Any]) -> Team:
    return Team(id=row["id"], name=row["name"], member_count=row["members"], created_at=row["created_at"])
