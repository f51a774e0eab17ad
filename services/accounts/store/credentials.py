"""The owners of credentials in PostgreSQL: API keys of accounts and of people, and sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import text

from services.accounts.networks import networks
from services.accounts.permissions import scopes_of
from services.accounts.records import AccountLimits, KeyOwner
from services.accounts.store.people import PERSON_COLUMNS, PERSON_JOINS, person_of
from services.accounts.store.sessions import REFRESHED
from services.platform.batching import Batcher
from services.platform.database import Database
from services.platform.identity import UserIdentity

_BATCH = 200
_LIMIT_COLUMNS = tuple(field.name for field in fields(AccountLimits))
_LIMITS = ", ".join(f"account.{name}" for name in _LIMIT_COLUMNS)

_OF_ACCOUNTS = text(f"""
SELECT sha256, api_key.id, account_id, api_key.name, scopes, expires_at, allowed_networks, {_LIMITS}
FROM api_key JOIN account ON account.id = account_id
WHERE sha256 = ANY(CAST(:digests AS bytea[])) AND revoked_at IS NULL
""")  # noqa: S608 - put together from constants

_OF_PEOPLE = text(f"""
WITH used AS (
  SELECT sha256, id AS key_id, person_id, '' AS key_name, NULL AS key_permissions, expires_at AS ends, true AS is_session, {REFRESHED}
  FROM session WHERE sha256 = ANY(CAST(:digests AS bytea[])) AND ended_at IS NULL
  UNION ALL
  SELECT sha256, id, person_id, name, permissions, expires_at, false, {REFRESHED}
  FROM person_key WHERE sha256 = ANY(CAST(:digests AS bytea[])) AND ended_at IS NULL
)
SELECT used.*, {PERSON_COLUMNS}, {_LIMITS}
FROM used JOIN person ON person.id = used.person_id {PERSON_JOINS} JOIN account ON account.id = person.account_id
""")  # noqa: S608 - put together from constants


class CredentialStore:
    """Finds owners. Lookups that come while others are under way share the next statements, so that a flood of guesses takes one
    connection, and hardly delays the lookup of a valid key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found = Batcher(self._find, _BATCH)

    async def owner(self, digest: bytes) -> KeyOwner | None:
        """The owner of the key or session with this digest, expired or not; None for one that is unknown, revoked or ended. Unique indexes
        alone are read. Raises UNAVAILABLE while PostgreSQL is unreachable."""
        return await self._found(digest)

    async def _find(self, digests: Sequence[bytes]) -> Sequence[KeyOwner | None]:
        owners = {row["sha256"]: _account_owner(row) for row in await self._database.fetch(_OF_ACCOUNTS, {"digests": list(digests)})}
        others = [digest for digest in digests if digest not in owners]
        if others:
            owners |= {row["sha256"]: _person_owner(row) for row in await self._database.fetch(_OF_PEOPLE, {"digests": others})}
        return [owners.get(digest) for digest in digests]


def _account_owner(row: Mapping[str, Any]) -> KeyOwner:
    scopes = frozenset(row["scopes"]) if row["scopes"] is not None else None
    from_where = networks(row["allowed_networks"]) if row["allowed_networks"] is not None else None
    return KeyOwner(row["id"], row["account_id"], scopes, row["expires_at"], _own_limits(row), row["name"], from_where)


def _person_owner(row: Mapping[str, Any]) -> KeyOwner:
    person = person_of(row)
    permissions, must_change = person.permissions, person.must_change and row["is_session"]
    if row["key_permissions"] is not None:
        permissions &= frozenset(row["key_permissions"])
    user = UserIdentity(person.public_id, person.name, person.role, permissions, must_change, row["is_session"])
    scopes = scopes_of(permissions, must_change=must_change)
    return KeyOwner(
        row["key_id"], person.account_id, scopes, row["ends"], _own_limits(row), row["key_name"], user=user, refreshed=row["refreshed"]
    )


def _own_limits(row: Mapping[str, Any]) -> AccountLimits:
    return AccountLimits(*(row[name] for name in _LIMIT_COLUMNS))
