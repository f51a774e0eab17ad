"""Idempotency keys: repeating a creating call with the same key returns what the first call created.

A record says which resources a call created. A service inserts it in the same transaction that creates them, so that one never exists
without the other: after a crash either both are stored, and a repeat finds them, or neither, and a repeat starts over. A call
that is refused or fails leaves no record. Of two concurrent calls, the primary key lets only one store what it created; the other is
rolled back and answers with what is stored.

A creating method goes through `IdempotencyRecords.once`, and its statement includes the part `remembered`, with the values of
`key_values`, inside `storing_key`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from services.common.batching import Batched
from services.common.clock import Clock
from services.common.database import Database
from services.common.errors import DarkroomError, ErrorReason
from services.common.idempotent_call import HEADER, IdempotentCall

Made = TypeVar("Made")

KEPT = timedelta(hours=24)
"""How long a key is remembered."""
_BATCH = 1000
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
DROP_TABLE = "DROP TABLE idempotency"

_FIND = text("""
SELECT asked.number, digest, resource_ids, expire_time <= asked.now AS expired
FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS asked (number integer, account_id bigint, method text, key text, now timestamptz)
JOIN idempotency USING (account_id, method, key)
""")
_FORGET = text("DELETE FROM idempotency WHERE account_id = :account_id AND method = :method AND key = :key AND expire_time <= :now")
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


class IdempotencyColumns(SQLModel):
    """The columns of a service's `idempotency` table, which its migration makes with `CREATE_TABLE` and `CREATE_INDEX`."""

    account_id: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    method: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    resource_ids: list[int] = Field(sa_type=ARRAY(BigInteger))
    expire_time: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class IdempotencyRecords:
    """The records of one service. They are written by the statements that create the resources they name."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._finds = Batched(self._find, _BATCH, _SPACING)

    async def once(
        self, call: IdempotentCall | None, make: Callable[[], Awaitable[Made]], made: Callable[[Sequence[int]], Awaitable[Made]]
    ) -> Made:
        """What `make` creates, storing its key; or, if an earlier call with the same key created something, what `made` finds by those ids.

        Raises what `make` and `made` raise, and IDEMPOTENCY_KEY_MISMATCH.
        """
        ids = await self.resources(call)
        if ids is not None:
            return await made(ids)
        try:
            return await make()
        except DarkroomError:
            # A concurrent call may have stored its result meanwhile, or this one did and lost the answer.
            ids = await self.resources(call)
            if ids is None:
                raise
            return await made(ids)

    async def resources(self, call: IdempotentCall | None) -> list[int] | None:
        """Ids of what an earlier call with the same key created; None if there was none in the last 24 hours, or without a key.

        Raises IDEMPOTENCY_KEY_MISMATCH when that call's request was different.
        """
        if call is None:
            return None
        values = {"account_id": call.account_id, "method": call.method, "key": call.key, "now": self._clock()}
        record = await self._finds(values)
        if record is not None and record["expired"]:
            # Make room for the record of this call.
            await self._database.fetch(_FORGET, values)
        if record is None or record["expired"]:
            return None
        if record["digest"] != call.digest:
            raise DarkroomError(
                ErrorReason.IDEMPOTENCY_KEY_MISMATCH,
                "This idempotency key was used with another request in the last 24 hours. Use a new key for a new request.",
                field=HEADER,
            )
        return list(record["resource_ids"])

    async def _find(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[asyncpg.Record | None]:
        asked = [{**call, "number": number, "now": call["now"].isoformat()} for number, call in enumerate(calls)]
        records = {row["number"]: row for row in await self._database.fetch(_FIND, {"asked": json.dumps(asked)})}
        return [records.get(number) for number in range(len(calls))]

    async def sweep(self) -> bool:
        """Delete one batch of expired records; True if there may be more."""
        return len(await self._database.fetch(_SWEEP, {"now": self._clock(), "limit": _BATCH})) == _BATCH


def remembered(made: str, calls: str = _ONE_CALL, *, ids: str = "", **columns: str) -> str:
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
    """The values for a statement with `remembered`; without a call nothing is stored."""
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
    return DarkroomError(
        ErrorReason.IDEMPOTENCY_IN_PROGRESS,
        "A request with the same idempotency key is being worked on. Repeat this one in a second to get what it made.",
    )
