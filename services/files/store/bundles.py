"""Bundles: uploads that were sent together, under the names that their sender knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from services.common.audit.actor import Actor
from services.common.audit.log import actor_values
from services.files.records import BundledFile
from services.files.store.rows import Store
from services.files.store.uploads_audited import upload_values, uploaded

_INSERT = text(f"""
WITH made AS (
  INSERT INTO bundle (account_id, file_ids, names, expires_at) VALUES (:account_id, :file_ids, :names, :expires_at) RETURNING *
),
sent AS (SELECT account_id, file_ids[1] AS id FROM made),
{uploaded("sent")}
SELECT id FROM made
""")  # noqa: S608 - put together from constants
_SELECT = text("SELECT file_ids, names FROM bundle WHERE id = :id AND account_id = :account_id AND expires_at > :now")
_DELETE = text("""
DELETE FROM bundle WHERE id IN (SELECT id FROM bundle WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit) RETURNING id
""")


class BundleStore(Store):
    """The table `bundle`."""

    async def insert(self, account_id: int, files: Sequence[BundledFile], expires_at: datetime, uploader: Actor | None = None) -> int:
        """Store a bundle; returns its id. The audit log tells of it, by the one who has uploaded the files; None: whoever calls."""
        file_ids, names = [each.file_id for each in files], [each.name for each in files]
        told = {**upload_values(names), **actor_values(uploader)}
        [bundle_id] = await self._ids(_INSERT, account_id=account_id, file_ids=file_ids, names=names, expires_at=expires_at, **told)
        return bundle_id

    async def find(self, account_id: int, bundle_id: int, now: datetime) -> list[BundledFile]:
        """The files of an account's bundle, in order; none for one that does not exist."""
        rows = await self._database.fetch(_SELECT, {"id": bundle_id, "account_id": account_id, "now": now})
        return [BundledFile(*each) for row in rows for each in zip(row["file_ids"], row["names"], strict=True)]

    async def sweep(self, now: datetime, limit: int) -> int:
        """Delete expired bundles, up to `limit`; returns how many. Their files expire by themselves."""
        return len(await self._ids(_DELETE, now=now, limit=limit))
