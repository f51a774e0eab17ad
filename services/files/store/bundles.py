"""Bundles: uploads that were sent together, under the names that their sender knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from services.files.records import BundledFile
from services.files.store.rows import Store
from services.files.store.uploads_audited import upload_audit_sql, upload_values
from services.platform.audit.actor import Actor
from services.platform.audit.log import actor_values

_INSERT = text(f"""
WITH made AS (
  INSERT INTO bundle (account_id, file_ids, names, expires_at) VALUES (:account_id, :file_ids, :names, :expires_at) RETURNING *
),
sent AS (SELECT account_id, file_ids[1] AS id FROM made),
{upload_audit_sql("sent")}
SELECT id FROM made
""")  # noqa: S608 - put together from constants
_SELECT = text("SELECT file_ids, names FROM bundle WHERE id = :id AND account_id = :account_id")
_SWEEP = text("""
WITH due AS (
  SELECT id, account_id, file_ids FROM bundle WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
),
needed AS (
  SELECT due.id, max(file.expires_at) AS until
  FROM due JOIN file ON file.id = ANY(due.file_ids) AND file.account_id = due.account_id
  WHERE file.state = 'ready' AND NOT file.in_library AND file.expires_at > :now
  GROUP BY due.id
),
kept AS (UPDATE bundle SET expires_at = needed.until FROM needed WHERE bundle.id = needed.id),
gone AS (DELETE FROM bundle USING due WHERE bundle.id = due.id AND due.id NOT IN (SELECT id FROM needed))
SELECT id FROM due
""")
"""A bundle stays for as long as one of its files."""


class BundleStore(Store):
    """The table `bundle`."""

    async def insert(self, account_id: int, files: Sequence[BundledFile], expires_at: datetime, uploader: Actor | None = None) -> int:
        """Store a bundle; returns its id. The audit log records the uploader; None: the caller."""
        file_ids, names = [each.file_id for each in files], [each.name for each in files]
        told = {**upload_values(names), **actor_values(uploader)}
        [bundle_id] = await self._ids(_INSERT, account_id=account_id, file_ids=file_ids, names=names, expires_at=expires_at, **told)
        return bundle_id

    async def find(self, account_id: int, bundle_id: int) -> list[BundledFile]:
        """The files of an account's bundle, in order, also those that have expired; none for one that does not exist."""
        rows = await self._database.fetch(_SELECT, {"id": bundle_id, "account_id": account_id})
        return [BundledFile(*each) for row in rows for each in zip(row["file_ids"], row["names"], strict=True)]

    async def sweep(self, now: datetime, limit: int) -> int:
        """Look at bundles that are due, up to `limit`, and delete those whose files have expired; returns how many were due."""
        return len(await self._ids(_SWEEP, now=now, limit=limit))
