"""Idempotency keys: repeating a creating call with the same key returns what the first call created.

A record says which resources a call created. A service inserts it in the same transaction that creates them, so that one never exists
without the other: after a crash either both are stored, and a repeat finds them, or neither, and a repeat starts over. A call
that is refused or fails leaves no record. The primary key lets only one of two concurrent calls store what it created; the other is
rolled back and answers with what is stored.

A creating method goes through `IdempotencyRecords.once`, and its statement includes the part `store_key_sql`, with the values of
`key_values`, inside `storing_key`. One whose transaction begins with another statement anyway can look the key up in that, by `KNOWN` and
`known_values`, and spare the look before it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import text

from services.platform.batching import Batcher
from services.platform.clock import Clock
from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import HEADER, IdempotentCall

Made = TypeVar("Made")

KEPT = timedelta(hours=24)
"""How long a key is remembered."""
_BATCH = 1000
_IN_PROGRESS = "A request with the same idempotency key is in progress. Repeat this request in a second to get its result."
# Seconds between two lookups: short compared to a call, yet long enough that many concurrent calls need few lookups.
_SPACING = 0.015

CREATE_TABLE = """
CREATE TABLE idempotency (
    account_id bigint NOT NULL,
    method text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    resource_ids bigint[] NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (account_id, method, key)
)
"""
CREATE_INDEX = "CREATE INDEX ix_idempotency_expire_time ON idempotency (expire_time)"

KNOWN = """
SELECT keyed.number, account_id, digest, resource_ids, expire_time <= keyed.now AS expired
FROM jsonb_to_recordset(CAST(:keyed AS jsonb)) AS keyed (number integer, account_id bigint, method text, key text, now timestamptz)
JOIN idempotency USING (account_id, method, key)
"""
"""The stored values for the calls of `known_values`; `number` says for which."""
_FIND = text(KNOWN)
FORGET = text("DELETE FROM idempotency WHERE account_id = :account_id AND method = :method AND key = :key AND expire_time <= :now")
"""Make room for a call, by the values of `lookup`, whose key has expired."""
_SWEEP = text("""
WITH expired AS (
  SELECT account_id, method, key FROM idempotency
  WHERE expire_time <= :now
  ORDER BY expire_time
  LIMIT :limit
  FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency USING expired
WHERE (idempotency.account_id, idempotency.method, idempotency.key) = (expired.account_id, expired.method, expired.key)
RETURNING 1
""")
_ONE_CALL = """CROSS JOIN (
    SELECT
      CAST(:idempotency_method AS text) AS idempotency_method, CAST(:idempotency_key AS text) AS idempotency_key,
      CAST(:idempotency_digest AS bytea) AS idempotency_digest, CAST(:idempotency_expire_time AS timestamptz) AS idempotency_expire_time
  ) AS call"""


class AlreadyMade(DarkroomError):
    """An earlier call with the same key has created something: what `once` answers with, if it is raised there."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(ErrorReason.IDEMPOTENCY_IN_PROGRESS, _IN_PROGRESS)
        self.ids = list(ids)


class IdempotencyRecords:
    """The records of one service. They are written by the statements that create the resources they name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._finds = Batcher(self._find, _BATCH, _SPACING)

    async def once(
        self,
        call: IdempotentCall | None,
        make: Callable[[], Awaitable[Made]],
        made: Callable[[Sequence[int]], Awaitable[Made]],
        *,
        looks_first: bool = True,
    ) -> Made:
        """The result of `make`, storing its key; or that of `made` for the ids of an earlier call with the same key.

        Without `looks_first`, `make` looks the key up itself, before it changes anything, or all that it changes is rolled back where the
        key is stored. Raises what `make` and `made` raise, and IDEMPOTENCY_KEY_MISMATCH.
        """
        ids = await self.resources(call) if looks_first else None
        if ids is not None:
            return await made(ids)
        try:
            return await make()
        except AlreadyMade as known:
            return await made(known.ids)
        except DarkroomError:
            # A concurrent call may have stored its result meanwhile, or this one did and lost the answer.
            ids, expired = await self._known(call)
            if ids is not None:
                return await made(ids)
            if not expired:
                raise
        return await make()

    async def resources(self, call: IdempotentCall | None) -> list[int] | None:
        """Ids of what an earlier call with the same key created; None if there was none in the last 24 hours, or without a key.

        Raises IDEMPOTENCY_KEY_MISMATCH when that call's request was different.
        """
        return (await self._known(call))[0]

    async def _known(self, call: IdempotentCall | None) -> tuple[list[int] | None, bool]:
        """As `resources`, and whether there was a key that had expired, which is then deleted."""
        if call is None:
            return None, False
        now = self._clock()
        record = await self._finds((call, now))
        if record is None:
            return None, False
        if record["expired"]:
            await self._database.fetch(FORGET, lookup(call, now))
            return None, True
        answer = answer_of(record, call)
        if isinstance(answer, AlreadyMade):
            return answer.ids, False
        raise answer

    async def require_new(self, call: IdempotentCall | None) -> None:
        """Raise AlreadyMade if an earlier call with the same key has created something, or IDEMPOTENCY_KEY_MISMATCH."""
        if (ids := await self.resources(call)) is not None:
            raise AlreadyMade(ids)

    async def _find(self, calls: Sequence[tuple[IdempotentCall, datetime]]) -> Sequence[asyncpg.Record | None]:
        records = {row["number"]: row for row in await self._database.fetch(_FIND, known_values(calls))}
        return [records.get(number) for number in range(len(calls))]

    async def sweep(self) -> bool:
        """Delete one batch of expired records; True if there may be more."""
        return len(await self._database.fetch(_SWEEP, {"now": self._clock(), "limit": _BATCH})) == _BATCH


def known_values(calls: Sequence[tuple[IdempotentCall | None, datetime]]) -> dict[str, str]:
    """The values for a statement with `KNOWN`: calls, each with the time that it is made at."""
    keyed = [
        {"number": number, **lookup(call, now), "now": now.isoformat()} for number, (call, now) in enumerate(calls) if call is not None
    ]
    return {"keyed": json.dumps(keyed)}


def lookup(call: IdempotentCall, now: datetime) -> dict[str, Any]:
    """The identity of a call's key, and the time of the call."""
    return {"account_id": call.account_id, "method": call.method, "key": call.key, "now": now}


def answer_of(record: Mapping[str, Any], call: IdempotentCall) -> DarkroomError:
    """The error for a call whose key is stored and has not expired: AlreadyMade, or IDEMPOTENCY_KEY_MISMATCH if that call's request was
    different."""
    if record["digest"] == call.digest:
        return AlreadyMade(record["resource_ids"])
    message = "This idempotency key was used with another request in the last 24 hours. Use a new key for a new request."
    return DarkroomError(ErrorReason.IDEMPOTENCY_KEY_MISMATCH, message, field=HEADER)


def store_key_sql(made: str, calls: str = _ONE_CALL, *, ids: str = "", **columns: str) -> str:
    """The part of a creating statement that stores the key of its call: the only INSERT into `idempotency`.

    `made` names the part that creates; its rows have `account_id`, and either an `id` or the columns that `ids` turns into an array. There
    is one row for the one call of `key_values`. For a statement that serves many calls, `calls` says how each row is joined with its call,
    whose columns have the names of those values. `columns` are further columns of the service's table.

    No ON CONFLICT: when another call has stored the same key meanwhile, the whole statement must fail, so that nothing is created.
    """
    names, values = "".join(f", {name}" for name in columns), "".join(f", {value}" for value in columns.values())
    return f"""
remembered AS (
  INSERT INTO idempotency (account_id, method, key, digest, resource_ids, expire_time{names})
  SELECT {made}.account_id, idempotency_method, idempotency_key, idempotency_digest, {ids or f"ARRAY[{made}.id]"},
    idempotency_expire_time{values}
  FROM {made} {calls}
  WHERE idempotency_key IS NOT NULL
)"""  # noqa: S608 - put together from constants


def key_values(call: IdempotentCall | None, now: datetime) -> dict[str, Any]:
    """The values for a statement with `store_key_sql`; without a call nothing is stored."""
    return {
        "idempotency_method": call and call.method,
        "idempotency_key": call and call.key,
        "idempotency_digest": call and call.digest,
        "idempotency_expire_time": now + KEPT,
    }


@contextmanager
def storing_key() -> Iterator[None]:
    """Raise IDEMPOTENCY_IN_PROGRESS when the block fails because another transaction has stored the same key or locks it for too long."""
    try:
        yield
    except asyncpg.LockNotAvailableError as error:
        raise in_progress() from error
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "idempotency_pkey":
            raise
        raise in_progress() from error


def in_progress() -> DarkroomError:
    """The error for when another call with the same key is under way, or has just stored its result."""
    return DarkroomError(ErrorReason.IDEMPOTENCY_IN_PROGRESS, _IN_PROGRESS)
