"""Idempotency keys, stored with the files that their calls make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.common.idempotency import KEPT, IdempotentCall, in_progress
from services.files.store.rows import run

# How long to wait for another call that has inserted the same key and not committed.
_PATIENCE = "3s"
_LOCK_NOT_AVAILABLE = "55P03"


async def remember(connection: AsyncConnection, call: IdempotentCall, file_ids: Sequence[int], now: datetime) -> None:
    """Store the key in the connection's transaction.

    Raises IDEMPOTENCY_IN_PROGRESS, upon which the transaction must be rolled back, when another call has stored it, at once or after
    waiting a moment for the end of that call's transaction, or when that end does not come.
    """
    await run(connection, f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    try:
        inserted = await run(
            connection,
            """
            INSERT INTO idempotency (account_id, method, key, digest, resource_ids, expire_time)
            VALUES (:account_id, :method, :key, :digest, :file_ids, :expire_time)
            ON CONFLICT DO NOTHING
            """,
            account_id=call.account_id,
            method=call.method,
            key=call.key,
            digest=call.digest,
            file_ids=list(file_ids),
            expire_time=now + KEPT,
        )
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise in_progress() from error
    if inserted.rowcount == 0:
        raise in_progress()
