"""Logos of accounts, in PostgreSQL. Each method is one transaction; it raises UNAVAILABLE while PostgreSQL is unreachable."""

from __future__ import annotations

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.accounts.installation import Logo
from services.accounts.store.account_settings import write
from services.platform.audit.changes import Values, details, enter
from services.platform.database import Database, Transaction

_FLAG = "customLogo"
_FIND = text("SELECT png, updated_at FROM logo WHERE account_id = :account_id")
_LOCKED = text("SELECT png FROM logo WHERE account_id = :account_id FOR UPDATE")
_REPLACE = text("""
INSERT INTO logo (account_id, png) VALUES (:account_id, :png)
ON CONFLICT (account_id) DO UPDATE SET png = excluded.png, updated_at = now()
RETURNING 1
""")
_DELETE = text("DELETE FROM logo WHERE account_id = :account_id RETURNING 1")


class LogoStore:
    """The logos, and the setting that says whether there is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, account_id: int) -> Logo | None:
        rows = await self._database.fetch(_FIND, {"account_id": account_id})
        return Logo(*rows[0]) if rows else None

    async def replace(self, account_id: int, png: bytes) -> None:
        """Set it."""
        async with self._database.transaction() as transaction:
            before = await _locked(transaction, account_id)
            await transaction.fetch(_REPLACE, {"account_id": account_id, "png": png})
            told = details(before, {"logo": png})
            await enter(transaction, audit_pb2.AUDIT_ACTION_LOGO_REPLACED, account_id, account_id, told=told)
            await write(transaction, account_id, {_FLAG: "true"})

    async def delete(self, account_id: int) -> None:
        """Remove it, if there is one."""
        async with self._database.transaction() as transaction:
            before = await _locked(transaction, account_id)
            await transaction.fetch(_DELETE, {"account_id": account_id})
            await write(transaction, account_id, {_FLAG: "false"})
            if before is not None:
                await enter(transaction, audit_pb2.AUDIT_ACTION_LOGO_DELETED, account_id, account_id, told=details(before))


async def _locked(transaction: Transaction, account_id: int) -> Values | None:
    rows = await transaction.fetch(_LOCKED, {"account_id": account_id})
    return {"logo": rows[0]["png"]} if rows else None
