"""Bundles: uploads that were sent together, under the names that their sender knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from services.files.records import BundledFile
from services.files.store.rows import Store

_INSERT = text("""
INSERT INTO bundle (account_id, file_ids, names, expires_at) VALUES (:account_id, :file_ids, :names, :expires_at) RETURNING id
""")
_SELECT = text("SELECT file_ids, names FROM bundle WHERE id = :id AND account_id = :account_id AND expires_at > :now")
_DELETE = text("""
DELETE FROM bundle WHERE id IN (SELECT id FROM bundle WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit) RETURNING id
""")


class BundleStore(Store):
    """The table `bundle`."""

    async def insert(self, account_id: int, files: Sequence[BundledFile], expires_at: datetime) -> int:
        """Store a bundle; returns its id."""
        file_ids, names = [each.file_id for each in files], [each.name for each in files]
        [bundle_id] = await self._ids(_INSERT, account_id=account_id, file_ids=file_ids, names=names, expires_at=expires_at)
        return bundle_id

    async def find(self, account_id: int, bundle_id: int, now: datetime) -> list[BundledFile]:
        """The files of an account's bundle, in order; none for one that does not exist."""
        rows = await self._database.fetch(_SELECT, {"id": bundle_id, "account_id": account_id, "now": now})
        return [BundledFile(*each) for row in rows for each in zip(row["file_ids"], row["names"], strict=True)]

    async def sweep(self, now: datetime, limit: int) -> int:
        """Delete expired bundles, up to `limit`; returns how many. Their files expire by themselves."""
        return len(await self._ids(_DELETE, now=now, limit=limit))
