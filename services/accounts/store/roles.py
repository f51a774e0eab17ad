"""An account's roles in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable. Texts must not
hold NUL, which PostgreSQL refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.permissions import BUILT_IN, USER, built_in_id
from services.accounts.records import OneCall
from services.accounts.roles import Role, RoleChange
from services.accounts.store.call_records import numbers_of, store_call
from services.accounts.store.changes import changing, ids
from services.platform.audit.changes import Values, details, enter
from services.platform.database import Database, Transaction
from services.platform.errors import DarkroomError, ErrorReason

_COUNTS = text("SELECT role, count(*) AS people FROM person WHERE account_id = :account_id GROUP BY role")
_ACCOUNT = text("SELECT created_at FROM account WHERE id = :account_id")
_OWN = """
SELECT role.*, (SELECT count(*) FROM person WHERE person.account_id = role.account_id AND person.role = role.name) AS people
FROM role WHERE role.account_id = :account_id
"""
_ALL = text(f"{_OWN} ORDER BY created_at, id")
_BY_ID = text(f"{_OWN} AND role.id = :role_id")
_NAMED = text("SELECT id FROM role WHERE account_id = :account_id AND name = :name")
_ADD = text("""
INSERT INTO role (account_id, name, description, permissions) VALUES (:account_id, :name, :description, :permissions) RETURNING id
""")
_UPDATE = text("""
UPDATE role SET name = coalesce(:name, name), description = coalesce(:description, description),
  permissions = coalesce(CAST(:permissions AS text[]), permissions), updated_at = now()
WHERE account_id = :account_id AND id = :role_id
""")
_DELETE = text("DELETE FROM role WHERE account_id = :account_id AND id = :role_id")
_MOVE = text("""
WITH moved AS (UPDATE person SET role = :to WHERE account_id = :account_id AND role = :name RETURNING id),
sessions AS (
  UPDATE session SET refreshed_at = clock_timestamp() FROM moved WHERE person_id = moved.id AND ended_at IS NULL RETURNING session.id
),
keys AS (
  UPDATE person_key SET refreshed_at = clock_timestamp() FROM moved WHERE person_id = moved.id AND ended_at IS NULL RETURNING person_key.id
)
SELECT id FROM sessions UNION ALL SELECT id FROM keys
""")
"""Also to the role that they have, if that has come to permit something else. Returns the sessions and keys of those people."""


class RoleStore:
    """The table `role`, and those that every account has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, account_id: int) -> Sequence[Role]:
        """Those that every account has, and the account's own, the oldest first."""
        values = {"account_id": account_id}
        [account] = await self._database.fetch(_ACCOUNT, values)
        counts = {row["role"]: row["people"] for row in await self._database.fetch(_COUNTS, values)}
        built_in = [
            Role(
                id=built_in_id(name),
                name=name,
                description="",
                permissions=permissions,
                built_in=True,
                user_count=counts.get(name, 0),
                created_at=account["created_at"],
                updated_at=account["created_at"],
            )
            for name, permissions in BUILT_IN.items()
        ]
        return [*built_in, *map(_role, await self._database.fetch(_ALL, values))]

    async def role(self, account_id: int, role_id: str) -> Role | None:
        """One of the account's own."""
        rows = await self._database.fetch(_BY_ID, {"account_id": account_id, "role_id": role_id})
        return _role(rows[0]) if rows else None

    async def check_free(self, account_id: int, name: str, role_id: str = "") -> None:
        """Raise NAME_TAKEN if another role than that has the name."""
        _check_free(name, role_id, await self._database.fetch(_NAMED, {"account_id": account_id, "name": name}))

    async def add(self, account_id: int, name: str, description: str, permissions: frozenset[str], one: OneCall) -> Role:
        """Add one by a call, which is stored with it. Raises NAME_TAKEN, and as `store_call`."""
        values = {"name": name, "description": description, "permissions": sorted(permissions)}
        async with changing(self._database, account_id) as transaction:
            _check_free(name, "", await transaction.fetch(_NAMED, {"account_id": account_id, "name": name}))
            [added] = await transaction.fetch(_ADD, {"account_id": account_id, **values})
            role = await _found(transaction, account_id, added["id"])
            assert role is not None
            await _enter(transaction, audit_pb2.AUDIT_ACTION_ROLE_CREATED, account_id, None, role)
            await store_call(transaction, one, account_id, numbers_of(role.id))
            return role

    async def update(self, account_id: int, role_id: str, change: RoleChange) -> Sequence[int] | None:
        """Change one; returns the sessions and keys of those who have it, or None if it is gone. Raises NAME_TAKEN."""
        values = {
            "account_id": account_id,
            "role_id": role_id,
            "name": change.name,
            "description": change.description,
            "permissions": sorted(change.permissions) if change.permissions is not None else None,
        }
        async with changing(self._database, account_id) as transaction:
            before = await _found(transaction, account_id, role_id)
            if before is None:
                return None
            if change.name is not None:
                _check_free(change.name, role_id, await transaction.fetch(_NAMED, {"account_id": account_id, "name": change.name}))
            await transaction.fetch(_UPDATE, values)
            after = await _found(transaction, account_id, role_id)
            assert after is not None
            await _enter(transaction, audit_pb2.AUDIT_ACTION_ROLE_UPDATED, account_id, before, after)
            return ids(await transaction.fetch(_MOVE, {"account_id": account_id, "name": before.name, "to": after.name}))

    async def delete(self, account_id: int, role_id: str) -> Sequence[int] | None:
        """Remove one, whose people are `user` then; returns their sessions and keys, or None if it is gone."""
        async with changing(self._database, account_id) as transaction:
            role = await _found(transaction, account_id, role_id)
            if role is None:
                return None
            moved = ids(await transaction.fetch(_MOVE, {"account_id": account_id, "name": role.name, "to": USER}))
            await transaction.fetch(_DELETE, {"account_id": account_id, "role_id": role_id})
            await _enter(transaction, audit_pb2.AUDIT_ACTION_ROLE_DELETED, account_id, role, None)
            return moved


async def _found(transaction: Transaction, account_id: int, role_id: str) -> Role | None:
    rows = await transaction.fetch(_BY_ID, {"account_id": account_id, "role_id": role_id})
    return _role(rows[0]) if rows else None


async def _enter(
    transaction: Transaction, action: audit_pb2.AuditAction.ValueType, account_id: int, before: Role | None, after: Role | None
) -> None:
    role = after or before
    assert role is not None
    told = details(_audited(before), _audited(after), role_id=role.id, role_name=role.name)
    await enter(transaction, action, account_id, told=told)


def _audited(role: Role | None) -> Values | None:
    if role is None:
        return None
    return {"name": role.name, "description": role.description, "permissions": " ".join(sorted(role.permissions))}


def _check_free(name: str, role_id: str, named: Sequence[Mapping[str, Any]]) -> None:
    if name in BUILT_IN or any(row["id"] != role_id for row in named):
        raise DarkroomError(ErrorReason.NAME_TAKEN, "Role name already exists", field="name")


def _role(row: Mapping[str, Any]) -> Role:
    return Role(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        permissions=frozenset(row["permissions"]),
        built_in=False,
        user_count=row["people"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
