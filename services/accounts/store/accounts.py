"""Accounts and keys in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.networks import texts
from services.accounts.records import UNLIMITED, Account, AccountLimits, ApiKey, KeyLimits, LimitChange, NewKey, RepeatableKey
from services.platform.audit.changes import details, enter
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database, Transaction
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import key_values, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall

_KEY_COLUMNS = tuple(field.name for field in fields(ApiKey))
_LIMIT_COLUMNS = tuple(field.name for field in fields(AccountLimits))

_OF_KEY = (
    "jsonb_build_object('name', name, 'scopes', array_to_string(scopes, ' '), 'expires_at', CAST(expires_at AS text), "
    "'allowed_networks', array_to_string(allowed_networks, ' '))"
)
_OF_ROTATION = "jsonb_build_object('replaces', CAST(replaces_id AS text), 'old_key_until', (SELECT CAST(until AS text) FROM ended))"
_OF_REVOCATION = "jsonb_build_object('name', name, 'with_key', CASE WHEN id <> :key_id THEN CAST(CAST(:key_id AS bigint) AS text) END)"

_ADD_ACCOUNT = text(f"""
WITH added AS (INSERT INTO account (name) VALUES (:name) RETURNING *, id AS account_id),
{audit_sql("added", audit_pb2.AUDIT_ACTION_ACCOUNT_CREATED, details="jsonb_build_object('name', name)")}
SELECT * FROM added
""")  # noqa: S608 - put together from constants

_ACCOUNT = text("SELECT * FROM account WHERE id = :account_id")
_ACCOUNTS = text("SELECT * FROM account ORDER BY id")
_KEY = text("SELECT * FROM api_key WHERE id = :key_id AND (CAST(:account_id AS bigint) IS NULL OR account_id = :account_id)")
_KEYS_OF_ACCOUNT = text("SELECT * FROM api_key WHERE account_id = :account_id ORDER BY id DESC")
_REPLACING = text("SELECT id FROM api_key WHERE replaces_id = :key_id")
_NONCE = text("SELECT nonce FROM idempotency WHERE account_id = :account_id AND method = :method AND key = :key")

_LOCK = text("SELECT id FROM account WHERE id = :account_id FOR NO KEY UPDATE")
"""Changes of an account's keys come one after the other: a key that is being revoked creates no other meanwhile."""

_ADD_KEY = text(f"""
WITH added AS (
  INSERT INTO api_key (account_id, name, prefix, sha256, scopes, expires_at, allowed_networks, creator_id)
  SELECT :account_id, :name, :prefix, :sha256, :scopes, :expires_at, :allowed_networks, :creator_id
  WHERE CAST(:creator_id AS bigint) IS NULL OR EXISTS (SELECT FROM api_key WHERE id = :creator_id AND revoked_at IS NULL)
  RETURNING *
),
{store_key_sql("added", nonce="CAST(:nonce AS bytea)")},
{audit_sql("added", audit_pb2.AUDIT_ACTION_KEY_CREATED, details=_OF_KEY)}
SELECT * FROM added
""")  # noqa: S608 - put together from constants
"""Inserts a key, and the idempotency key of the call that creates it, if any; nothing if its creator has been revoked."""

_ROTATE = text(f"""
WITH replaced AS (
  SELECT * FROM api_key
  WHERE id = :key_id AND account_id = :account_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
    AND NOT EXISTS (SELECT FROM api_key AS newer WHERE newer.replaces_id = :key_id)
    AND (CAST(:caller_id AS bigint) IS NULL
      OR EXISTS (SELECT FROM api_key AS caller WHERE caller.id = :caller_id AND caller.revoked_at IS NULL))
),
ended AS (
  UPDATE api_key SET expires_at = least(api_key.expires_at, :until) FROM replaced WHERE api_key.id = replaced.id
  RETURNING api_key.expires_at AS until
),
added AS (
  INSERT INTO api_key (account_id, name, prefix, sha256, scopes, expires_at, allowed_networks, creator_id, replaces_id)
  SELECT account_id, name, :prefix, :sha256, scopes, expires_at, allowed_networks,
    CASE WHEN id = :caller_id THEN creator_id ELSE :caller_id END, id
  FROM replaced
  RETURNING *
),
{store_key_sql("added", nonce="CAST(:nonce AS bytea)")},
{audit_sql("added", audit_pb2.AUDIT_ACTION_KEY_ROTATED, details=_OF_ROTATION)}
SELECT * FROM added
""")  # noqa: S608 - put together from constants
"""Inserts a key like another one, which ends at `:until` or when it would have anyway; nothing if that one cannot be rotated."""

_LIMITS = ", ".join(_LIMIT_COLUMNS)

_KEYS = text(f"""
SELECT {_LIMITS}, (
  SELECT count(*) FROM api_key
  WHERE account_id = :account_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
    AND EXISTS (SELECT FROM api_key AS newer WHERE newer.replaces_id = api_key.id) = :replaced
) AS keys
FROM account WHERE id = :account_id
""")  # noqa: S608 - put together from constants
"""How many usable keys an account has, either those that others replace or all others, and its own limits. A change of keys runs it after
_LOCK, so that it counts what a call at the same time has added."""

_CHANGED_LIMITS = ",\n    ".join(f"{name} = CASE WHEN :keep_{name} THEN {name} ELSE :{name} END" for name in _LIMIT_COLUMNS)

_OWN_LIMITS = text(f"SELECT {_LIMITS} FROM account WHERE id = :account_id FOR NO KEY UPDATE")  # noqa: S608 - put together from constants
_SET_LIMITS = text(f"UPDATE account SET {_CHANGED_LIMITS} WHERE id = :account_id RETURNING {_LIMITS}")  # noqa: S608 - put together from constants

_REVOKE = text(f"""
WITH RECURSIVE family (id, created) AS (
  SELECT id, false FROM api_key WHERE id = :key_id AND account_id = :account_id
  UNION
  SELECT other.id, family.created OR other.creator_id IS NOT DISTINCT FROM family.id
  FROM family JOIN api_key AS member USING (id) JOIN api_key AS other
    ON other.account_id = :account_id
    AND (other.creator_id = member.id OR CASE WHEN created THEN other.replaces_id = member.id ELSE other.id = member.replaces_id END)
),
revoked AS (
  UPDATE api_key SET revoked_at = now() WHERE id IN (SELECT id FROM family) AND revoked_at IS NULL RETURNING *
),
{audit_sql("revoked", audit_pb2.AUDIT_ACTION_KEY_REVOKED, details=_OF_REVOCATION)}
SELECT * FROM revoked
""")  # noqa: S608 - put together from constants
"""Revokes a key, those that it replaces, all that these created, and so on; also what replaces a created one, but not what replaces the key
itself. Returns those that were not revoked before."""

_RECORD_USE = text("""
WITH used AS (SELECT * FROM unnest(CAST(:key_ids AS bigint[]), CAST(:moments AS timestamptz[])) AS used (id, moment)),
locked AS (SELECT id FROM api_key WHERE id = ANY(:key_ids) ORDER BY id FOR NO KEY UPDATE)
UPDATE api_key SET last_used_at = greatest(last_used_at, used.moment)
FROM used JOIN locked USING (id) WHERE api_key.id = used.id
""")
"""Locks the keys in the order of their ids, so that two replicas cannot wait for each other."""


class AccountStore:
    """Accounts and their keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_account(self, name: str) -> Account:
        """A new account."""
        [row] = await self._database.fetch(_ADD_ACCOUNT, {"name": name, **actor_values()})
        return _account(row)

    async def account(self, account_id: int) -> Account | None:
        rows = await self._database.fetch(_ACCOUNT, {"account_id": account_id})
        return _account(rows[0]) if rows else None

    async def accounts(self) -> Sequence[Account]:
        """All of them, oldest first. For the administration command only: it reads the whole table."""
        return [_account(row) for row in await self._database.fetch(_ACCOUNTS)]

    async def add_key(
        self,
        account_id: int,
        name: str,
        key: NewKey,
        limits: KeyLimits = UNLIMITED,
        repeatable: RepeatableKey | None = None,
        *,
        creator_id: int | None = None,
        max_keys: int | None = None,
        now: datetime,
    ) -> ApiKey | None:
        """Add a key to an existing account; with `repeatable`, also the record of its call. None if the key that creates it has been
        revoked.

        With `max_keys`, the account may have that many (0: any number) unless it has a number of its own. Raises TOO_MANY_API_KEYS, and
        IDEMPOTENCY_IN_PROGRESS when the record of the call already exists.
        """
        values = {
            "account_id": account_id,
            "name": name,
            "prefix": key.prefix,
            "sha256": key.digest,
            "scopes": sorted(limits.scopes) if limits.scopes is not None else None,
            "expires_at": limits.expires_at,
            "allowed_networks": texts(limits.networks) if limits.networks is not None else None,
            "creator_id": creator_id,
            **actor_values(),
            **_call_values(repeatable, now),
        }
        with storing_key():
            async with self._changing_keys(account_id) as transaction:
                if max_keys is not None:
                    await _check_room(transaction, account_id, max_keys, now, replaced=False)
                rows = await transaction.fetch(_ADD_KEY, values)
        return _api_key(rows[0]) if rows else None

    async def rotate(
        self,
        key: ApiKey,
        new: NewKey,
        *,
        until: datetime,
        caller_id: int | None,
        repeatable: RepeatableKey | None,
        max_keys: int,
        now: datetime,
    ) -> ApiKey | None:
        """Add a key like `key`, which ends at `until` at the latest. None if `key` has ended or been replaced, or the calling key has been
        revoked.

        As many keys as the account may have may be on their way out. Raises TOO_MANY_API_KEYS when there are, and IDEMPOTENCY_IN_PROGRESS
        as `add_key` does.
        """
        values = {
            "key_id": key.id,
            "account_id": key.account_id,
            "prefix": new.prefix,
            "sha256": new.digest,
            "until": until,
            "caller_id": caller_id,
            "now": now,
            **actor_values(),
            **_call_values(repeatable, now),
        }
        with storing_key():
            async with self._changing_keys(key.account_id) as transaction:
                if until > now:
                    await _check_room(transaction, key.account_id, max_keys, now, replaced=True)
                rows = await transaction.fetch(_ROTATE, values)
        return _api_key(rows[0]) if rows else None

    async def nonce(self, call: IdempotentCall) -> bytes | None:
        """The nonce of the key that a call created; None if no record of the call is left."""
        rows = await self._database.fetch(_NONCE, {"account_id": call.account_id, "method": call.method, "key": call.key})
        return rows[0]["nonce"] if rows else None

    async def key(self, key_id: int, account_id: int | None) -> ApiKey | None:
        """One key of an account, or of any (None)."""
        rows = await self._database.fetch(_KEY, {"key_id": key_id, "account_id": account_id})
        return _api_key(rows[0]) if rows else None

    async def keys(self, account_id: int) -> Sequence[ApiKey]:
        """An account's keys, newest first, revoked ones included."""
        return [_api_key(row) for row in await self._database.fetch(_KEYS_OF_ACCOUNT, {"account_id": account_id})]

    async def set_limits(self, account_id: int, change: LimitChange) -> AccountLimits | None:
        """Set some of an account's limits; returns the current value of all of them. None if there is no such account."""
        values: dict[str, object] = {"account_id": account_id}
        for field in fields(AccountLimits):
            values[field.name], values[f"keep_{field.name}"] = change.get(field.name), field.name not in change
        async with self._database.transaction() as transaction:
            before = await transaction.fetch(_OWN_LIMITS, values)
            if not before or not change:
                return AccountLimits(*before[0]) if before else None
            [after] = await transaction.fetch(_SET_LIMITS, values)
            own = {name: str(value) for name, value in after.items() if value is not None}
            told = details(dict(before[0]), dict(after), **own)
            await enter(transaction, audit_pb2.AUDIT_ACTION_ACCOUNT_LIMITS_SET, account_id, account_id, told=told)
        return AccountLimits(*after)

    async def usage(self, account_id: int, now: datetime) -> tuple[int, AccountLimits] | None:
        """How many usable keys an account has, those aside that others replace, and its own limits. None if there is no such account."""
        rows = await self._database.fetch(_KEYS, {"account_id": account_id, "replaced": False, "now": now})
        return (rows[0]["keys"], _limits(rows[0])) if rows else None

    async def replacing(self, key_id: int) -> int | None:
        """The key that replaces a key; None if there is none."""
        rows = await self._database.fetch(_REPLACING, {"key_id": key_id})
        return rows[0]["id"] if rows else None

    async def revoke(self, key_id: int, account_id: int) -> Sequence[ApiKey]:
        """Revoke a key of an account, the keys that it replaces, and all that these created. Returns those that were not revoked before."""
        async with self._changing_keys(account_id) as transaction:
            rows = await transaction.fetch(_REVOKE, {"key_id": key_id, "account_id": account_id, **actor_values()})
        return [_api_key(row) for row in rows]

    @asynccontextmanager
    async def _changing_keys(self, account_id: int) -> AsyncIterator[Transaction]:
        async with self._database.transaction() as transaction:
            await transaction.fetch(_LOCK, {"account_id": account_id})
            yield transaction

    async def record_use(self, used: Mapping[int, datetime]) -> None:
        """Record when keys were last used; a time earlier than the recorded one changes nothing."""
        await self._database.fetch(_RECORD_USE, {"key_ids": list(used), "moments": list(used.values())})


def _call_values(repeatable: RepeatableKey | None, now: datetime) -> dict[str, Any]:
    if repeatable is None:
        return {"nonce": None, **key_values(None, now)}
    return {"nonce": repeatable.nonce, **key_values(repeatable.call, now)}


async def _check_room(transaction: Transaction, account_id: int, max_keys: int, now: datetime, *, replaced: bool) -> None:
    rows = await transaction.fetch(_KEYS, {"account_id": account_id, "replaced": replaced, "now": now})
    for row in rows:
        most = max_keys if row["max_keys"] is None else row["max_keys"]
        if most and row["keys"] >= most:
            raise DarkroomError(
                ErrorReason.TOO_MANY_API_KEYS,
                f"The account has reached its limit of {most} {'replaced ' if replaced else ''}API keys. Revoke one first.",
                metadata={"max_keys": str(most)},
            )


def _limits(row: Mapping[str, object]) -> AccountLimits:
    return AccountLimits(**{name: row[name] for name in _LIMIT_COLUMNS})  # type: ignore[arg-type]  # a row has its columns' types


def _account(row: Mapping[str, Any]) -> Account:
    return Account(row["id"], row["name"], row["created_at"])


def _api_key(row: Mapping[str, object]) -> ApiKey:
    return ApiKey(**{name: row[name] for name in _KEY_COLUMNS})  # type: ignore[arg-type]  # a row has its columns' types
