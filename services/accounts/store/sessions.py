"""Sessions and API keys of people in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.people import Person, PersonKey, Session
from services.accounts.records import OneCall
from services.accounts.store.call_records import store_call
from services.accounts.store.familiar_networks import IS_FAMILIAR, NOTE_NETWORK, SWEEP_NETWORKS
from services.accounts.store.people import PERSON_COLUMNS, PERSON_JOINS, person_of
from services.platform.audit.actor import Actor
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason

_SWEEP_ROWS = 1000
_KEPT_FOR = timedelta(hours=1)
REFRESHED = "coalesce(CAST(extract(epoch FROM refreshed_at) * 1000000 AS bigint), 0) AS refreshed"

_ADD_SESSION = text(f"""
WITH owner AS (SELECT * FROM person WHERE id = :person_id AND password_hash = :password_hash FOR SHARE),
added AS (INSERT INTO session (person_id, sha256, expires_at) SELECT id, :sha256, :expires_at FROM owner RETURNING id),
{NOTE_NETWORK},
{audit_sql("owner", audit_pb2.AUDIT_ACTION_SESSION_CREATED, details="jsonb_build_object('user_id', public_id, 'user_name', name)")}
SELECT id FROM added
""")  # noqa: S608 - put together from constants
"""Nothing if the password is another one by now; a password that is being replaced is waited for."""

_REFUSED = text(f"""
WITH refused AS (SELECT CAST(:account_id AS bigint) AS account_id, CAST(:person_id AS bigint) AS person_id),
{
    audit_sql(
        "refused",
        audit_pb2.AUDIT_ACTION_SESSION_REFUSED,
        resource="person_id",
        details="jsonb_build_object('user_name', CAST(:name AS text), 'why', CAST(:why AS text))",
    )
}
SELECT 1
""")

_SESSION_COLUMNS = f"session.id AS session_id, session.expires_at AS session_ends, session.by_link, {PERSON_COLUMNS}"
_SESSION = text(f"""
SELECT {_SESSION_COLUMNS}
FROM session JOIN person ON person.id = session.person_id {PERSON_JOINS}
WHERE session.sha256 = :sha256 AND session.ended_at IS NULL AND session.expires_at > :now
""")  # noqa: S608 - put together from constants

_SESSION_BY_ID = text(f"""
SELECT {_SESSION_COLUMNS}
FROM session JOIN person ON person.id = session.person_id {PERSON_JOINS}
WHERE session.id = :id AND session.ended_at IS NULL AND session.expires_at > :now
""")  # noqa: S608 - put together from constants

_END_SESSION = text(f"""
WITH ended AS (UPDATE session SET ended_at = now() WHERE id = :id AND ended_at IS NULL RETURNING person_id),
owner AS (SELECT person.* FROM person JOIN ended ON ended.person_id = person.id),
{audit_sql("owner", audit_pb2.AUDIT_ACTION_SESSION_DELETED, details="jsonb_build_object('user_id', public_id, 'user_name', name)")}
SELECT person_id FROM ended
""")  # noqa: S608 - put together from constants

_LOCK_PERSON = text("SELECT id FROM person WHERE account_id = :account_id AND public_id = :owner FOR UPDATE")
"""While a password is being replaced, which ends all keys, none is made; and a person's keys are counted one after the other."""
_COUNT_KEYS = text("""
SELECT count(*) AS keys, (SELECT max_keys FROM account WHERE id = :account_id) AS max_keys
FROM person_key WHERE person_id = :person_id AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
""")
_OF_KEY = (
    "jsonb_build_object('user_id', CAST(:owner AS text), 'user_key_id', public_id, 'name', name, "
    "'permissions', array_to_string(permissions, ' '), 'expires_at', CAST(expires_at AS text))"
)
_ADD_KEY = text(f"""
WITH added AS (
  INSERT INTO person_key (person_id, name, sha256, permissions, expires_at)
  SELECT :person_id, :name, :sha256, :permissions, :expires_at
  WHERE EXISTS (SELECT FROM session WHERE id = :caller_id AND ended_at IS NULL)
    OR EXISTS (SELECT FROM person_key AS caller WHERE caller.id = :caller_id AND caller.ended_at IS NULL)
  RETURNING *
),
entered AS (SELECT *, CAST(:account_id AS bigint) AS account_id FROM added),
{audit_sql("entered", audit_pb2.AUDIT_ACTION_KEY_CREATED, details=_OF_KEY)}
SELECT id FROM added
""")  # noqa: S608 - put together from constants
"""Nothing if what calls has been ended."""

_KEY_COLUMNS = """person_key.id, person_key.public_id, person_key.name, person_key.permissions, person_key.created_at,
  person_key.expires_at, person_key.last_used_at, person.public_id AS owner"""
_KEYS = text(f"""
SELECT {_KEY_COLUMNS} FROM person_key JOIN person ON person.id = person_key.person_id
WHERE person.account_id = :account_id AND (CAST(:owner AS text) IS NULL OR person.public_id = :owner) AND person_key.ended_at IS NULL
ORDER BY person_key.id
""")  # noqa: S608 - put together from constants
_KEY = text(f"""
SELECT {_KEY_COLUMNS} FROM person_key JOIN person ON person.id = person_key.person_id
WHERE person_key.id = :key_id AND person_key.ended_at IS NULL
""")  # noqa: S608 - put together from constants
_END_KEY = text(f"""
WITH ended AS (
  UPDATE person_key SET ended_at = now() FROM person
  WHERE person_key.person_id = person.id AND person.account_id = :account_id AND person.public_id = :owner
    AND person_key.public_id = :public_id AND person_key.ended_at IS NULL
  RETURNING person_key.*, person.account_id
),
{
    audit_sql(
        "ended",
        audit_pb2.AUDIT_ACTION_KEY_REVOKED,
        details="jsonb_build_object('user_id', CAST(:owner AS text), 'user_key_id', public_id, 'name', name)",
    )
}
SELECT id FROM ended
""")  # noqa: S608 - put together from constants

_RECORD_USE = text("""
WITH used AS (SELECT * FROM unnest(CAST(:key_ids AS bigint[]), CAST(:moments AS timestamptz[])) AS used (id, moment)),
locked AS (SELECT id FROM person_key WHERE id = ANY(:key_ids) ORDER BY id FOR NO KEY UPDATE)
UPDATE person_key SET last_used_at = greatest(last_used_at, used.moment)
FROM used JOIN locked USING (id) WHERE person_key.id = used.id
""")
"""Locks the keys in the order of their ids, so that two replicas cannot wait for each other."""


_SWEEP_SESSIONS = text("""
DELETE FROM session WHERE id IN (
  SELECT id FROM session WHERE expires_at < :before OR ended_at < :before LIMIT :limit FOR UPDATE SKIP LOCKED
) RETURNING 1
""")
_SWEEP_KEYS = text("""
DELETE FROM person_key WHERE id IN (SELECT id FROM person_key WHERE ended_at < :before LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING 1
""")


class SessionStore:
    """The credentials of people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, person: Person, sha256: bytes, expires_at: datetime, actor: Actor, network: str = "") -> bool:
        """Add a session of a person, who signs in from a network (empty: unknown); False if the password has been changed since the person
        was read, or the person is gone."""
        values = {
            "person_id": person.id,
            "password_hash": person.password_hash,
            "sha256": sha256,
            "expires_at": expires_at,
            "network": network,
            **actor_values(actor),
        }
        return bool(await self._database.fetch(_ADD_SESSION, values))

    async def is_familiar(self, account_id: int, name: str, network: str) -> bool:
        """Whether the person of a name has signed in from a network in the last 90 days."""
        values = {"account_id": account_id, "name": name, "network": network}
        return bool(await self._database.fetch(IS_FAMILIAR, values))

    async def note_refusal(self, account_id: int, person_id: int, name: str, why: str, actor: Actor) -> None:
        """Enter into the audit log that somebody tried to sign in; person 0 is nobody."""
        values = {"account_id": account_id, "person_id": person_id, "name": name, "why": why, **actor_values(actor)}
        await self._database.fetch(_REFUSED, values)

    async def session(self, sha256: bytes, now: datetime) -> Session | None:
        """The session with that token, unless it has ended or expired."""
        rows = await self._database.fetch(_SESSION, {"sha256": sha256, "now": now})
        return _session(rows[0]) if rows else None

    async def session_by_id(self, session_id: int, now: datetime) -> Session | None:
        """The session of that number, unless it has ended or expired."""
        rows = await self._database.fetch(_SESSION_BY_ID, {"id": session_id, "now": now})
        return _session(rows[0]) if rows else None

    async def end(self, session: Session, actor: Actor) -> None:
        """End a session. Repeating it is harmless."""
        await self._database.fetch(_END_SESSION, {"id": session.id, **actor_values(actor)})

    async def add_key(
        self,
        account_id: int,
        owner: str,
        name: str,
        sha256: bytes,
        permissions: Sequence[str] | None,
        expires_at: datetime | None,
        *,
        caller_id: int,
        max_keys: int,
        one: OneCall,
    ) -> PersonKey | None:
        """Add a key of a person, by a call with a session or a key of that person, which is stored with it. None if that has been ended, or
        the person is gone.

        A person may have `max_keys` (0: any number) unless the account has a number of its own. Raises TOO_MANY_API_KEYS, and as
        `store_call`.
        """
        named = {"account_id": account_id, "owner": owner}
        async with self._database.transaction() as transaction:
            locked = await transaction.fetch(_LOCK_PERSON, named)
            if not locked:
                return None
            person_id = locked[0]["id"]
            [count] = await transaction.fetch(_COUNT_KEYS, {"account_id": account_id, "person_id": person_id, "now": one.moment})
            most = max_keys if count["max_keys"] is None else count["max_keys"]
            if most and count["keys"] >= most:
                raise DarkroomError(
                    ErrorReason.TOO_MANY_API_KEYS,
                    f"You have reached the limit of {most} API keys. Delete one first.",
                    metadata={"max_keys": str(most)},
                )
            values = {
                **named,
                "person_id": person_id,
                "name": name,
                "sha256": sha256,
                "permissions": list(permissions) if permissions is not None else None,
                "expires_at": expires_at,
                "caller_id": caller_id,
                **actor_values(),
            }
            added = await transaction.fetch(_ADD_KEY, values)
            if not added:
                return None
            await store_call(transaction, one, account_id, [added[0]["id"]])
            return _key((await transaction.fetch(_KEY, {"key_id": added[0]["id"]}))[0])

    async def keys(self, account_id: int, owner: str | None) -> Sequence[PersonKey]:
        """The keys of a person, or of all people of the account (None), the oldest first."""
        return [_key(row) for row in await self._database.fetch(_KEYS, {"account_id": account_id, "owner": owner})]

    async def key(self, key_id: int) -> PersonKey | None:
        """One key, by its number."""
        rows = await self._database.fetch(_KEY, {"key_id": key_id})
        return _key(rows[0]) if rows else None

    async def end_key(self, account_id: int, owner: str, public_id: str) -> int | None:
        """Delete a key of a person; its number. None if the person has none with that id."""
        values = {"account_id": account_id, "owner": owner, "public_id": public_id, **actor_values()}
        rows = await self._database.fetch(_END_KEY, values)
        return rows[0]["id"] if rows else None

    async def record_use(self, used: Mapping[int, datetime]) -> None:
        """Record when keys were last used; a time earlier than the recorded one changes nothing."""
        await self._database.fetch(_RECORD_USE, {"key_ids": list(used), "moments": list(used.values())})

    async def sweep(self, now: datetime) -> bool:
        """Delete one batch of what ended or expired an hour ago, and of networks that are familiar no more; True if there may be more.
        Expired keys stay until their owner deletes them."""
        values = {"before": now - _KEPT_FOR, "limit": _SWEEP_ROWS}
        swept = [len(await self._database.fetch(statement, values)) for statement in (_SWEEP_SESSIONS, _SWEEP_KEYS)]
        swept.append(len(await self._database.fetch(SWEEP_NETWORKS, {"limit": _SWEEP_ROWS})))
        return _SWEEP_ROWS in swept


def _session(row: Mapping[str, Any]) -> Session:
    return Session(row["session_id"], person_of(row), row["session_ends"], row["by_link"])


def _key(row: Mapping[str, Any]) -> PersonKey:
    return PersonKey(
        id=row["id"],
        public_id=row["public_id"],
        name=row["name"],
        permissions=tuple(row["permissions"]) if row["permissions"] is not None else None,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        owner=row["owner"],
    )
