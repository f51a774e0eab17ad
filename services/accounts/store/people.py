"""People, teams and roles in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable.

Texts must not hold NUL, which PostgreSQL refuses. Methods that end or change sessions and keys return their ids, so that caches forget
them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.people import NewPerson, Person
from services.accounts.permissions import ADMIN, BUILT_IN
from services.accounts.records import OneCall
from services.accounts.store.call_records import store_call
from services.accounts.store.changes import GoneError, add_default_team, changing, ids
from services.accounts.store.departures import LEAVES_FOR
from services.accounts.store.stored_links import ADD_LINK, StoredLink, link_values
from services.platform.audit.actor import Actor
from services.platform.audit.changes import Values, details, enter
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database, Transaction
from services.platform.errors import DarkroomError, ErrorReason

PERSON_COLUMNS = """person.id, person.account_id, person.public_id, person.name, person.password_hash, person.role, person.must_change,
  person.created_at, person.analytics_enabled, person.analytics_asked_at, person.analytics_remind_at,
  team.name AS team, role.permissions AS role_permissions"""
"""The columns that `person_of` reads, of a person joined by PERSON_JOINS."""
PERSON_JOINS = """JOIN team ON team.account_id = person.account_id AND team.id = person.team_id
  LEFT JOIN role ON role.account_id = person.account_id AND role.name = person.role"""

_PEOPLE = f"SELECT {PERSON_COLUMNS} FROM person {PERSON_JOINS}"  # noqa: S608 - constants
_ALL = text(f"{_PEOPLE} WHERE person.account_id = :account_id ORDER BY person.id")
_BY_NAME = text(f"{_PEOPLE} WHERE person.account_id = :account_id AND person.name = :name")
_BY_ID = text(f"{_PEOPLE} WHERE person.account_id = :account_id AND person.public_id = :public_id")
_BY_NUMBER = text(f"{_PEOPLE} WHERE person.account_id = :account_id AND person.id = :id")

_HOME = text("SELECT min(id) AS id FROM account WHERE CAST(:named AS bigint) IS NULL OR id = :named")
_COUNT = text("SELECT count(*) AS people, count(*) FILTER (WHERE role = :admin) AS admins FROM person WHERE account_id = :account_id")
_EXISTING = text("SELECT public_id FROM person WHERE account_id = :account_id AND public_id = ANY(:public_ids)")
_SET_ANALYTICS = text("""
UPDATE person SET analytics_enabled = :enabled, analytics_asked_at = :asked_at, analytics_remind_at = :remind_at
WHERE account_id = :account_id AND public_id = :public_id
""")
_HAS_TEAM = text("SELECT id FROM team WHERE account_id = :account_id AND id = :id")
_TEAM = text("""
SELECT id FROM team
WHERE account_id = :account_id AND (name = :team OR id = :team OR (:any_case AND lower(name) = lower(:team)))
ORDER BY name = :team DESC, created_at, id LIMIT 1
""")
_ROLE = text("SELECT permissions FROM role WHERE account_id = :account_id AND name = :name")

_ADD = text("""
INSERT INTO person (account_id, name, password_hash, role, team_id, must_change)
VALUES (:account_id, :name, :password_hash, :role, :team_id, :must_change)
""")

_UPDATE = text("""
UPDATE person SET role = coalesce(:role, role), team_id = coalesce(:team_id, team_id)
WHERE id = :id AND (role <> :admin OR coalesce(:role, role) = :admin
  OR EXISTS (SELECT FROM person AS other WHERE other.account_id = :account_id AND other.role = :admin AND other.id <> :id))
RETURNING id
""")
"""Changes nothing if there would be no administrator left."""

_CHANGED = """
WITH changed AS (
  UPDATE person SET password_hash = :password_hash, must_change = :must_change
  WHERE id = :id AND (CAST(:old_hash AS text) IS NULL OR password_hash = :old_hash)
  RETURNING *
),
{entry}
SELECT id FROM changed
"""
_OF_PERSON = "jsonb_build_object('user_id', public_id, 'user_name', name)"
_RESET_PASSWORD = text(_CHANGED.format(entry=audit_sql("changed", audit_pb2.AUDIT_ACTION_PASSWORD_RESET, details=_OF_PERSON)))
_CHANGE_PASSWORD = text(_CHANGED.format(entry=audit_sql("changed", audit_pb2.AUDIT_ACTION_PASSWORD_CHANGED, details=_OF_PERSON)))

_DELETE = text("""
WITH removed AS (DELETE FROM person WHERE id = :id RETURNING *)
INSERT INTO departure (public_id, account_id, next_at, until)
SELECT public_id, account_id, now(), now() + CAST(:leaves_for AS interval) FROM removed
""")

_END_ALL = text("""
WITH sessions AS (
  UPDATE session SET ended_at = now() WHERE person_id = :id AND ended_at IS NULL AND id IS DISTINCT FROM :keep RETURNING id
),
keys AS (UPDATE person_key SET ended_at = now() WHERE person_id = :id AND ended_at IS NULL RETURNING id),
links AS (DELETE FROM sign_in_link WHERE person_id = :id)
SELECT id FROM sessions UNION ALL SELECT id FROM keys
""")
_REFRESH = text("""
WITH sessions AS (
  UPDATE session SET refreshed_at = clock_timestamp()
  WHERE person_id = :id AND ended_at IS NULL AND (CAST(:only AS bigint) IS NULL OR id = :only) RETURNING id
),
keys AS (
  UPDATE person_key SET refreshed_at = clock_timestamp()
  WHERE person_id = :id AND ended_at IS NULL AND (CAST(:only AS bigint) IS NULL OR id = :only) RETURNING id
)
SELECT id FROM sessions UNION ALL SELECT id FROM keys
""")
"""Not `now()`, which is when the transaction began: it may have waited for another, whose moment then is later."""


class PeopleStore:
    """The people of accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def home(self, named: int | None) -> int | None:
        """The account with that id, or, without one, the account that was created first; None if there is none."""
        [row] = await self._database.fetch(_HOME, {"named": named})
        account_id: int | None = row["id"]
        return account_id

    async def people(self, account_id: int) -> Sequence[Person]:
        """An account's people, the oldest first."""
        return [person_of(row) for row in await self._database.fetch(_ALL, {"account_id": account_id})]

    async def by_name(self, account_id: int, name: str) -> Person | None:
        rows = await self._database.fetch(_BY_NAME, {"account_id": account_id, "name": name})
        return person_of(rows[0]) if rows else None

    async def by_id(self, account_id: int, public_id: str) -> Person | None:
        rows = await self._database.fetch(_BY_ID, {"account_id": account_id, "public_id": public_id})
        return person_of(rows[0]) if rows else None

    async def by_number(self, account_id: int, number: int) -> Person | None:
        rows = await self._database.fetch(_BY_NUMBER, {"account_id": account_id, "id": number})
        return person_of(rows[0]) if rows else None

    async def existing(self, account_id: int, public_ids: Collection[str]) -> set[str]:
        """Those of the ids that somebody has."""
        rows = await self._database.fetch(_EXISTING, {"account_id": account_id, "public_ids": list(public_ids)})
        return {row["public_id"] for row in rows}

    async def set_analytics(
        self, account_id: int, public_id: str, enabled: bool | None, asked_at: datetime, remind_at: datetime | None
    ) -> None:
        """Keep what a person has answered about usage statistics."""
        values = {"account_id": account_id, "public_id": public_id, "enabled": enabled, "asked_at": asked_at, "remind_at": remind_at}
        async with changing(self._database, account_id) as transaction:
            before = await _found(transaction, account_id, public_id)
            if before is None:
                return
            await transaction.fetch(_SET_ANALYTICS, values)
            told = _told(before, {"analytics": before.analytics_enabled}, {"analytics": enabled})
            await enter(transaction, audit_pb2.AUDIT_ACTION_USER_ANALYTICS_SET, account_id, before.id, told=told)

    async def count(self, account_id: int) -> tuple[int, int]:
        """How many people an account has, and how many of them are administrators."""
        [row] = await self._database.fetch(_COUNT, {"account_id": account_id, "admin": ADMIN})
        return row["people"], row["admins"]

    async def team(self, account_id: int, name: str, *, any_case: bool = False) -> str | None:
        await add_default_team(self._database, account_id)
        rows = await self._database.fetch(_TEAM, {"account_id": account_id, "team": name, "any_case": any_case})
        return rows[0]["id"] if rows else None

    async def role(self, account_id: int, name: str) -> frozenset[str] | None:
        """The permissions of a role; None if no role has that name."""
        if name in BUILT_IN:
            return BUILT_IN[name]
        rows = await self._database.fetch(_ROLE, {"account_id": account_id, "name": name})
        return frozenset(rows[0]["permissions"]) if rows else None

    async def add(
        self, account_id: int, person: NewPerson, one: OneCall | None = None, link: StoredLink | None = None, *, max_users: int
    ) -> Person:
        """Add a person, to a team that exists, and perhaps a link for the first sign-in, by a call, which is stored with them.

        Raises NAME_TAKEN, USER_LIMIT_REACHED when there are `max_users` (0: any number), GoneError, and as `store_call`.
        """
        async with changing(self._database, account_id) as transaction:
            await _check(transaction, account_id, person.role, person.team_id)
            [count] = await transaction.fetch(_COUNT, {"account_id": account_id, "admin": ADMIN})
            if await transaction.fetch(_BY_NAME, {"account_id": account_id, "name": person.name}):
                raise DarkroomError(ErrorReason.NAME_TAKEN, "Username already exists", field="user_name")
            if max_users and count["people"] >= max_users:
                message = f"User limit reached ({max_users} max)"
                raise DarkroomError(ErrorReason.USER_LIMIT_REACHED, message, metadata={"max_users": str(max_users)})
            added = await _added(transaction, account_id, person)
            if link is not None:
                await transaction.fetch(ADD_LINK, link_values(account_id, added.id, added.name, link))
            await store_call(transaction, one, account_id, [added.id])
            return added

    async def add_first(self, account_id: int, person: NewPerson, actor: Actor) -> None:
        """Add a person unless there is somebody."""
        async with changing(self._database, account_id) as transaction:
            [count] = await transaction.fetch(_COUNT, {"account_id": account_id, "admin": ADMIN})
            if not count["people"]:
                await _added(transaction, account_id, person, actor)

    async def update(self, person: Person, *, role: str | None, team_id: str | None) -> Sequence[int] | None:
        """Give a person another role or team (None: it stays). None if there would be no administrator left, or the person is gone.

        Raises GoneError.
        """
        values = {"account_id": person.account_id, "id": person.id, "role": role, "team_id": team_id, "admin": ADMIN}
        async with changing(self._database, person.account_id) as transaction:
            await _check(transaction, person.account_id, role, team_id)
            before = await _found(transaction, person.account_id, person.public_id)
            if before is None or not await transaction.fetch(_UPDATE, values):
                return None
            after = await _found(transaction, person.account_id, person.public_id)
            assert after is not None
            told = _told(before, _audited(before), _audited(after), role=role, team=team_id)
            await enter(transaction, audit_pb2.AUDIT_ACTION_USER_UPDATED, person.account_id, person.id, told=told)
            return ids(await transaction.fetch(_REFRESH, {"id": person.id, "only": None})) if role not in (None, person.role) else ()

    async def reset_password(self, person: Person, password_hash: str) -> Sequence[int] | None:
        """Set a password that has to be changed, and end all sessions and keys of the person. None if the person is gone."""
        values = {"id": person.id, "password_hash": password_hash, "must_change": True, "old_hash": None, **actor_values()}
        async with changing(self._database, person.account_id) as transaction:
            if not await transaction.fetch(_RESET_PASSWORD, values):
                return None
            return ids(await transaction.fetch(_END_ALL, {"id": person.id, "keep": None}))

    async def change_password(self, person: Person, password_hash: str, keep: int) -> Sequence[int] | None:
        """Replace the person's own password, and end all sessions but one, and all keys. None if the password is another one by now."""
        values = {
            "id": person.id,
            "password_hash": password_hash,
            "must_change": False,
            "old_hash": person.password_hash,
            **actor_values(),
        }
        async with changing(self._database, person.account_id) as transaction:
            if not await transaction.fetch(_CHANGE_PASSWORD, values):
                return None
            ended = await transaction.fetch(_END_ALL, {"id": person.id, "keep": keep})
            refreshed = await transaction.fetch(_REFRESH, {"id": person.id, "only": keep}) if person.must_change else ()
            return [*ids(ended), *ids(refreshed)]

    async def delete(self, person: Person) -> Sequence[int] | None:
        """Remove a person, and end all sessions and keys. None if the person is gone. Raises LAST_ADMIN."""
        async with changing(self._database, person.account_id) as transaction:
            found = await _found(transaction, person.account_id, person.public_id)
            if found is None:
                return None
            [count] = await transaction.fetch(_COUNT, {"account_id": person.account_id, "admin": ADMIN})
            if found.is_admin and count["admins"] <= 1:
                raise DarkroomError(ErrorReason.LAST_ADMIN, "Cannot delete the last admin")
            ended = ids(await transaction.fetch(_END_ALL, {"id": person.id, "keep": None}))
            await transaction.fetch(_DELETE, {"id": person.id, "leaves_for": LEAVES_FOR})
            told = _told(found, _audited(found), None)
            await enter(transaction, audit_pb2.AUDIT_ACTION_USER_DELETED, person.account_id, person.id, told=told)
            return ended


async def _check(transaction: Transaction, account_id: int, role: str | None, team_id: str | None) -> None:
    if role is not None and role not in BUILT_IN and not await transaction.fetch(_ROLE, {"account_id": account_id, "name": role}):
        raise GoneError
    if team_id is not None and not await transaction.fetch(_HAS_TEAM, {"account_id": account_id, "id": team_id}):
        raise GoneError


async def _found(transaction: Transaction, account_id: int, public_id: str) -> Person | None:
    rows = await transaction.fetch(_BY_ID, {"account_id": account_id, "public_id": public_id})
    return person_of(rows[0]) if rows else None


async def _added(transaction: Transaction, account_id: int, new: NewPerson, actor: Actor | None = None) -> Person:
    await transaction.fetch(_ADD, {"account_id": account_id, **asdict(new)})
    person = person_of((await transaction.fetch(_BY_NAME, {"account_id": account_id, "name": new.name}))[0])
    told = _told(person, None, _audited(person), role=person.role)
    await enter(transaction, audit_pb2.AUDIT_ACTION_USER_CREATED, account_id, person.id, told=told, actor=actor)
    return person


def _audited(person: Person) -> Values:
    return {"role": person.role, "team": person.team}


def _told(person: Person, before: Values | None, after: Values | None, **others: str | None) -> str:
    return details(before, after, user_id=person.public_id, user_name=person.name, **others)


def person_of(row: Mapping[str, Any]) -> Person:
    """The person of a row with PERSON_COLUMNS. A role that is gone permits nothing."""
    of_role = BUILT_IN.get(row["role"]) or frozenset(row["role_permissions"] or ())
    return Person(
        id=row["id"],
        account_id=row["account_id"],
        public_id=row["public_id"],
        name=row["name"],
        password_hash=row["password_hash"],
        role=row["role"],
        permissions=of_role,
        team=row["team"],
        must_change=row["must_change"],
        created_at=row["created_at"],
        analytics_enabled=row["analytics_enabled"],
        analytics_asked_at=row["analytics_asked_at"],
        analytics_remind_at=row["analytics_remind_at"],
    )
