"""Calls about people that may be repeated, in the table `idempotency`."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from services.accounts.records import OneCall
from services.platform.database import Database, Transaction
from services.platform.idempotency import key_values, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall

_STORE = text(f"""
WITH made AS (SELECT CAST(:account_id AS bigint) AS account_id, CAST(:ids AS bigint[]) AS ids),
{store_key_sql("made", ids="made.ids", nonce="CAST(:nonce AS bytea)")}
SELECT 1
""")
_FIND = text("SELECT nonce, expire_time FROM idempotency WHERE account_id = :account_id AND method = :method AND key = :key")
_UUID = struct.Struct(">qq")


class CallRecords:
    """Records of calls that have created something."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, call: IdempotentCall) -> tuple[bytes, datetime] | None:
        """The nonce of a call, and when its record expires; None if it has none."""
        rows = await self._database.fetch(_FIND, {"account_id": call.account_id, "method": call.method, "key": call.key})
        return (rows[0]["nonce"], rows[0]["expire_time"]) if rows else None


async def store_call(transaction: Transaction, one: OneCall | None, account_id: int, ids: Sequence[int]) -> None:
    """Store a call, if it may be repeated, with the ids of what it has created, in the transaction that creates that.

    Raises IDEMPOTENCY_IN_PROGRESS when the call is stored already.
    """
    if one is not None and one.call is not None:
        values = {"account_id": account_id, "ids": list(ids), "nonce": one.nonce, **key_values(one.call, one.moment)}
        with storing_key():
            await transaction.fetch(_STORE, values)


def numbers_of(public_id: str) -> list[int]:
    """A UUID as two numbers, as the ids of a record."""
    return list(_UUID.unpack(uuid.UUID(public_id).bytes))


def public_id_of(numbers: Sequence[int]) -> str:
    """The UUID of `numbers_of`."""
    return str(uuid.UUID(bytes=_UUID.pack(*numbers)))
