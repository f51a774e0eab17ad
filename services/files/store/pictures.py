"""Pictures by URL: keys, and what was made for URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.files.records import LinkedPicture, PictureKey
from services.files.store.rows import Store, file_of
from services.files.store.storage import COUNTS_LOCKED, LOCK_COUNTS
from services.platform.audit.log import actor_values, audit_sql
from services.platform.idempotency import key_values, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall

_NAME = "jsonb_build_object('name', CAST(name AS text))"
_CREATE_KEY = text(f"""
WITH added AS (
  INSERT INTO picture_key (account_id, name, origins, created_at)
  SELECT :account_id, :name, CAST(:origins AS text[]), :now
  WHERE (SELECT count(*) FROM picture_key WHERE account_id = :account_id) < :most
  RETURNING *
),{store_key_sql("added")},
{audit_sql("added", audit_pb2.AUDIT_ACTION_PICTURE_KEY_CREATED, details=_NAME)}
SELECT * FROM added
""")  # noqa: S608 - put together from constants
"""No row if the account has reached its limit. Calls at the same time may exceed that a little."""
_KEY = text("SELECT * FROM picture_key WHERE id = :id")
_KEYS = text("SELECT * FROM picture_key WHERE account_id = :account_id ORDER BY id")
_DELETE_KEY = text(f"""
WITH removed AS (DELETE FROM picture_key WHERE id = :id AND account_id = :account_id RETURNING *),
{audit_sql("removed", audit_pb2.AUDIT_ACTION_PICTURE_KEY_DELETED, details=_NAME)}
SELECT id FROM removed
""")  # noqa: S608 - put together from constants

_USABLE = "{0}.state = 'ready' AND {0}.missing_since IS NULL AND ({0}.expires_at IS NULL OR {0}.expires_at > :now)"
_SOURCE_THERE = (
    f"(source_file_id IS NULL OR EXISTS (SELECT FROM file AS source WHERE source.id = source_file_id AND {_USABLE.format('source')}))"
)
_OPEN = text(f"""
WITH found AS (
  SELECT digest, used_at, made_at AS picture_made_at, file_id AS picture_file_id FROM linked_picture
  WHERE account_id = :account_id AND digest = :digest AND (source_file_id IS NOT NULL OR made_at > :fetched_after) AND {_SOURCE_THERE}
),
used AS (
  UPDATE linked_picture SET used_at = :now FROM found
  WHERE linked_picture.account_id = :account_id AND linked_picture.digest = found.digest AND found.used_at <= :used_before
  RETURNING linked_picture.file_id
),
kept AS (
  UPDATE file SET expires_at = greatest(expires_at, :until), sweep_at = greatest(sweep_at, :until)
  FROM used WHERE file.id = used.file_id AND state = 'ready'
)
SELECT file.*, picture_made_at FROM found JOIN file ON file.id = picture_file_id WHERE {_USABLE.format("file")}
""")  # noqa: S608 - put together from constants
_KEEP = text("""
WITH made AS (
  SELECT id FROM file WHERE id = :file_id AND account_id = :account_id AND visible AND state = 'ready' FOR NO KEY UPDATE
),
kept AS (
  UPDATE file SET expires_at = :until, sweep_at = :until FROM made WHERE file.id = made.id RETURNING file.id
)
INSERT INTO linked_picture (account_id, digest, file_id, source_file_id, made_at, used_at)
SELECT :account_id, :digest, id, :source_file_id, :now, :now FROM kept
ON CONFLICT (account_id, digest) DO UPDATE
SET file_id = excluded.file_id, source_file_id = excluded.source_file_id, made_at = excluded.made_at, used_at = excluded.used_at
""")
_EVICT = text(f"""
WITH kept AS (
  SELECT linked_picture.account_id, linked_picture.file_id, linked_picture.source_file_id,
    sum(file.size_bytes) OVER (PARTITION BY linked_picture.account_id ORDER BY linked_picture.used_at DESC, linked_picture.file_id) AS total
  FROM linked_picture JOIN file ON file.id = linked_picture.file_id WHERE file.state = 'ready'
),
surplus AS (
  SELECT file_id AS id, account_id FROM kept
  WHERE total > :budget OR NOT {_SOURCE_THERE}
  ORDER BY file_id LIMIT :limit
),
locked AS (
  SELECT file.id, file.account_id FROM file JOIN surplus ON surplus.id = file.id WHERE state = 'ready'
  ORDER BY file.id FOR NO KEY UPDATE OF file
),
{LOCK_COUNTS}
UPDATE file SET state = 'deleting', sweep_at = CASE WHEN pins = 0 THEN CAST(:now AS timestamptz) END
FROM locked WHERE file.id = locked.id AND {COUNTS_LOCKED}
RETURNING file.id
""")  # noqa: S608 - put together from constants
"""→ DELETING for what exceeds the budget, the least recently used first, and for what was made of files that are gone."""


class PictureStore(Store):
    """The tables `picture_key` and `linked_picture`."""

    async def create_key(
        self, account_id: int, name: str, origins: Sequence[str], *, most: int, call: IdempotentCall | None, now: datetime
    ) -> PictureKey | None:
        """Add a key; None if the account has `most` already. Raises IDEMPOTENCY_IN_PROGRESS when another call has stored the key of the
        call."""
        values = {"account_id": account_id, "name": name, "origins": list(origins), "most": most, "now": now}
        with storing_key():
            rows = await self._database.fetch(_CREATE_KEY, {**values, **actor_values(), **key_values(call, now)})
        return _key(rows[0]) if rows else None

    async def key(self, key_id: int) -> PictureKey | None:
        """A key of any account."""
        rows = await self._database.fetch(_KEY, {"id": key_id})
        return _key(rows[0]) if rows else None

    async def keys(self, account_id: int) -> list[PictureKey]:
        """Those of an account, oldest first."""
        return [_key(row) for row in await self._database.fetch(_KEYS, {"account_id": account_id})]

    async def delete_key(self, account_id: int, key_id: int) -> bool:
        """Delete a key; False if there is none."""
        return bool(await self._database.fetch(_DELETE_KEY, {"account_id": account_id, "id": key_id, **actor_values()}))

    async def open(self, account_id: int, digest: bytes, now: datetime, life: timedelta, source_life: timedelta) -> LinkedPicture | None:
        """The picture that was made for this digest, which then stays for `life`; None if there is none, or its source was fetched longer
        ago than `source_life`."""
        values = {
            "account_id": account_id,
            "digest": digest,
            "now": now,
            "until": now + life,
            "used_before": now - timedelta(hours=1),
            "fetched_after": now - source_life,
        }
        rows = await self._database.fetch(_OPEN, values)
        return LinkedPicture(file_of(rows[0]), rows[0]["picture_made_at"]) if rows else None

    async def keep(self, account_id: int, digest: bytes, file_id: int, source_file_id: int | None, now: datetime, life: timedelta) -> None:
        """Keep an output as the picture for this digest, in place of an earlier one."""
        values = {"account_id": account_id, "digest": digest, "file_id": file_id, "source_file_id": source_file_id}
        await self._database.fetch(_KEEP, {**values, "now": now, "until": now + life})

    async def evict(self, budget: int, now: datetime, limit: int) -> int:
        """Delete up to `limit` pictures that exceed each account's `budget` in bytes, or whose source is gone; returns how many."""
        return len(await self._ids(_EVICT, budget=budget, now=now, limit=limit))


def _key(row: Mapping[str, Any]) -> PictureKey:
    return PictureKey(row["id"], row["account_id"], row["name"], tuple(row["origins"]), row["created_at"])
