"""The sweeper's queue. Rows are claimed with SKIP LOCKED and a lease, so any number of sweepers may run at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text

from services.files.records import File, ReadyObject
from services.files.store.retention import ARRIVED_END
from services.files.store.rows import Store
from services.files.store.storage import COUNTS_LOCKED, LOCK_COUNTS

_CLAIM_DUE = text("""
WITH due AS (SELECT id FROM file WHERE sweep_at <= :now ORDER BY sweep_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
UPDATE file SET sweep_at = :lease_until FROM due WHERE file.id = due.id
RETURNING file.*
""")

_CLAIM_DUE_PINS = text("""
WITH due AS (SELECT task_id, file_id FROM pin WHERE sweep_at <= :now ORDER BY sweep_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
UPDATE pin SET sweep_at = :lease_until FROM due WHERE pin.task_id = due.task_id AND pin.file_id = due.file_id
RETURNING pin.task_id
""")

_POSTPONE = text(f"""
WITH kept AS (SELECT id, {ARRIVED_END} AS until FROM file WHERE id = :file_id)
UPDATE file SET expires_at = kept.until, sweep_at = kept.until
FROM kept WHERE file.id = kept.id AND state = 'pending' AND kept.until > :now
RETURNING file.id
""")  # noqa: S608 - put together from constants

_EXPIRE = text(f"""
WITH locked AS (
  SELECT id, account_id FROM file
  WHERE id = ANY(:file_ids) AND state IN ('pending', 'ready') AND visible AND pins = 0 AND expires_at <= :now
  ORDER BY id FOR NO KEY UPDATE
),
{LOCK_COUNTS}
UPDATE file SET state = 'deleting' FROM locked WHERE file.id = locked.id AND {COUNTS_LOCKED}
RETURNING file.*
""")  # noqa: S608 - put together from constants
"""→ DELETING for expired files."""

_REMOVE = text("DELETE FROM file WHERE id = ANY(:file_ids) AND state = 'deleting' AND pins = 0")
"""DELETING → no row."""

_READY_OBJECTS = text("""
SELECT id, object_key, missing_since IS NOT NULL AS missing FROM file
WHERE object_key > :behind AND object_key <= :last AND state = 'ready'
ORDER BY object_key LIMIT :limit
""")

_NOTE_MISSING = text("""
WITH locked AS (
  SELECT id FROM file WHERE id = ANY(:file_ids) AND state = 'ready' AND missing_since IS NULL ORDER BY id FOR NO KEY UPDATE
)
UPDATE file SET missing_since = :now FROM locked WHERE file.id = locked.id
RETURNING file.id
""")

_FOUND_AGAIN = text("""
WITH locked AS (SELECT id FROM file WHERE id = ANY(:file_ids) ORDER BY id FOR NO KEY UPDATE)
UPDATE file SET missing_since = NULL FROM locked WHERE file.id = locked.id
""")

_GIVE_UP_MISSING = text(f"""
WITH locked AS (
  SELECT id, account_id FROM file WHERE id = ANY(:file_ids) AND state = 'ready' AND missing_since <= :before ORDER BY id FOR NO KEY UPDATE
),
{LOCK_COUNTS}
UPDATE file SET state = 'deleting', sweep_at = CASE WHEN pins = 0 THEN CAST(:now AS timestamptz) END
FROM locked WHERE file.id = locked.id AND {COUNTS_LOCKED}
RETURNING file.id
""")  # noqa: S608 - put together from constants
"""→ DELETING for files whose objects have been missing for a long time."""

_KNOWN_KEYS = text("SELECT object_key FROM file WHERE object_key = ANY(:values)")
_UNFINISHED = text("SELECT id FROM file WHERE id = ANY(:file_ids) AND state IN ('pending', 'clearing')")
_COUNTED = text("""
SELECT object_key, greatest(size_bytes, arriving_bytes) AS counted FROM file WHERE object_key = ANY(:keys) AND state = 'pending'
""")
_KNOWN_UPLOADS = text("SELECT upload_id FROM file WHERE upload_id = ANY(:values) AND state = 'pending'")


class SweepStore(Store):
    """Statements of the sweeper. No transaction spans a call to storage or to the tasks service."""

    async def claim_due(self, now: datetime, lease_until: datetime, limit: int) -> list[File]:
        """Files that the sweeper has to look at. Until `lease_until` no other sweeper gets them."""
        return await self._files(_CLAIM_DUE, now=now, lease_until=lease_until, limit=limit)

    async def claim_due_pins(self, now: datetime, lease_until: datetime, limit: int) -> set[int]:
        """Tasks whose pins are old enough to ask about."""
        return set(await self._ids(_CLAIM_DUE_PINS, now=now, lease_until=lease_until, limit=limit))

    async def postpone(self, file_id: int, arrived_at: datetime, life: timedelta, now: datetime) -> bool:
        """Keep a PENDING upload whose bytes have arrived, for its first use, as long as a temporary file. False if that time is over."""
        return bool(await self._ids(_POSTPONE, file_id=file_id, arrived_at=arrived_at, life=life, now=now))

    async def expire(self, file_ids: Collection[int], now: datetime) -> list[File]:
        """→ DELETING for expired visible files that no task pins; those whose expiry has been extended meanwhile stay."""
        return await self._files(_EXPIRE, file_ids=list(file_ids), now=now)

    async def remove(self, file_ids: Collection[int]) -> None:
        """Delete the rows of DELETING files whose objects are gone."""
        await self._ids(_REMOVE, file_ids=list(file_ids))

    async def ready_objects(self, behind: str, last: str, limit: int) -> list[ReadyObject]:
        """READY files with keys above `behind`, up to `last`, in key order."""
        rows = await self._database.fetch(_READY_OBJECTS, {"behind": behind, "last": last, "limit": limit})
        return [ReadyObject(row["id"], row["object_key"], row["missing"]) for row in rows]

    async def note_missing(self, file_ids: Collection[int], now: datetime) -> int:
        """Hide READY files whose objects are missing; returns how many were not hidden before."""
        return len(await self._ids(_NOTE_MISSING, file_ids=list(file_ids), now=now))

    async def found_again(self, file_ids: Collection[int]) -> None:
        """Show files again whose objects have turned out to exist."""
        await self._ids(_FOUND_AGAIN, file_ids=list(file_ids))

    async def give_up_missing(self, file_ids: Collection[int], before: datetime, now: datetime) -> int:
        """→ DELETING for files whose objects have been missing since `before`; a pinned one waits for its last pin. Returns how many."""
        return len(await self._ids(_GIVE_UP_MISSING, file_ids=list(file_ids), before=before, now=now))

    async def known_keys(self, keys: Collection[str]) -> set[str]:
        """Those of the object keys that have a record."""
        return await self._known(_KNOWN_KEYS, keys)

    async def counted_sizes(self, keys: Collection[str]) -> dict[str, int]:
        """How much uploads that have not been accepted count, by object key."""
        return {row["object_key"]: row["counted"] for row in await self._database.fetch(_COUNTED, {"keys": list(keys)})}

    async def find_unfinished(self, file_ids: Collection[int]) -> set[int]:
        """Those of the files that are not READY yet."""
        return set(await self._ids(_UNFINISHED, file_ids=list(file_ids))) if file_ids else set()

    async def known_uploads(self, upload_ids: Collection[str]) -> set[str]:
        """Those of the multipart uploads that belong to a PENDING record."""
        return await self._known(_KNOWN_UPLOADS, upload_ids)

    async def _known(self, statement: TextClause, values: Collection[str]) -> set[str]:
        return {str(row[0]) for row in await self._database.fetch(statement, {"values": list(values)})}
