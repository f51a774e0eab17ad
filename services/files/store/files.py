"""Files as their account sees them, and their acceptance."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import asyncpg
from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.files.records import NEW_ID, AcceptedContent, File, NewPin
from services.files.store.retention import OUTPUT_END_BESIDE, TEMPORARY_END
from services.files.store.rows import COLUMNS, Store, files
from services.files.store.storage import AFTER, FITS, Check, Growth, check_stored, storage_from
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Database
from services.platform.idempotency import in_progress, key_values, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall

# How long to wait for another call that has stored the same idempotency key but not committed.
_PATIENCE_TIME = "3s"
PATIENCE = text(f"SET LOCAL lock_timeout = '{_PATIENCE_TIME}'")

NAMEABLE = """
account_id = :account_id AND state <> 'deleting' AND missing_since IS NULL AND (state <> 'ready' OR expires_at IS NULL OR expires_at > :now)
AND NOT in_library
"""
"""The files that an account can name. An expired file is gone for the account even before the sweeper comes, except one whose bytes may
just have
arrived; one whose object is missing is gone until that is back. Hidden outputs are included: the domain decides about them. Files of the
library are not: only that names them."""

_NEW_IDS = text("SELECT next_id() FROM generate_series(1, CAST(:count AS integer))")
_AHEAD, _AHEAD_SECONDS = 32, 1.0
"""How many ids are taken at once while calls follow each other, and how long they can be used: ids grow with time."""

_NUMBERS = """numbers AS MATERIALIZED (
  SELECT array_agg(new.id ORDER BY new.id) AS ids
  FROM (SELECT next_id() AS id FROM jsonb_array_elements(CAST(:files AS jsonb)) AS file WHERE file['id'] = '0') AS new
)"""
_ID = "coalesce(ids[CAST(ordinality AS integer)], id)"
_VALUES = {"id": _ID, "object_key": f"replace(object_key, '{NEW_ID}', CAST({_ID} AS text))"} | {
    column: f"""CASE
      WHEN visible AND state = 'ready' THEN CASE origin WHEN 'task' THEN {OUTPUT_END_BESIDE} ELSE {TEMPORARY_END} END
      ELSE {column}
    END"""
    for column in ("expires_at", "sweep_at")
}
_ADDING = f"""
  INSERT INTO file ({", ".join(COLUMNS)})
  SELECT {", ".join(_VALUES.get(column, column) for column in COLUMNS)}
  FROM numbers CROSS JOIN jsonb_populate_recordset(CAST(NULL AS file), CAST(:files AS jsonb)) WITH ORDINALITY AS file
"""  # noqa: S608 - put together from constants
"""Adds files, which either all get an id from `numbers` or none. One that an account can use at once gets its end here, which may be set
for the account."""

_PINNING = """pinned AS (
  INSERT INTO pin (task_id, file_id, sweep_at)
  SELECT CAST(:pin_task_id AS bigint), id, CAST(:pin_sweep_at AS timestamptz) FROM added
),"""
"""Pins the added files, whose own rows must say so."""

_INSERTING = f"""
WITH {_NUMBERS},
added AS ({_ADDING} RETURNING account_id, id),
made AS (SELECT account_id, array_agg(id ORDER BY id) AS ids FROM added GROUP BY account_id),
{store_key_sql("made", ids="ids")}
SELECT id FROM added ORDER BY id
"""  # noqa: S608 - put together from constants
_INSERT = text(_INSERTING)
"""Inserts new files, and the idempotency key of the call that creates them, if any."""

_INSERTING_WITHIN = f"""
WITH {_NUMBERS},
patience AS MATERIALIZED (
  SELECT CASE WHEN CAST(:idempotency_key AS text) IS NOT NULL THEN set_config('lock_timeout', '{_PATIENCE_TIME}', true) END
),
room AS MATERIALIZED (
  SELECT account_storage.* FROM patience CROSS JOIN account_storage WHERE account_id = :account_id FOR NO KEY UPDATE OF account_storage
),
added AS ({_ADDING} WHERE EXISTS (SELECT FROM room WHERE {FITS}) RETURNING account_id, id),
made AS (SELECT account_id, array_agg(id ORDER BY id) AS ids FROM added GROUP BY account_id),
{store_key_sql("made", ids="ids")}
SELECT {AFTER}, made.ids FROM room LEFT JOIN made ON true
"""  # noqa: S608 - put together from constants
_INSERT_WITHIN = text(_INSERTING_WITHIN)
"""Inserts new files as `_INSERT` does, if the account has room for them, and returns what it then stores. It inserts nothing for an account
that has never stored anything, and returns nothing then."""

_INSERT_PINNED, _INSERT_PINNED_WITHIN = (
    text(inserting.replace("made AS", f"{_PINNING}\nmade AS", 1)) for inserting in (_INSERTING, _INSERTING_WITHIN)
)
"""The same for files that are born pinned."""

_REMEMBER = text(f"""
WITH made AS (SELECT account_id, id FROM file WHERE id = :file_id AND account_id = :account_id AND state = 'ready'),
{store_key_sql("made")}
SELECT id FROM made
""")  # noqa: S608 - put together from constants
"""Stores the idempotency key of a call that took longer than a transaction may."""

_PROLONG = text("""
UPDATE file SET expires_at = :until, sweep_at = :until
WHERE id = ANY(:file_ids) AND account_id = :account_id AND state = 'pending' AND visible AND expires_at < :until
""")

_FIND = text(f"SELECT * FROM file WHERE id = ANY(:file_ids) AND {NAMEABLE}")  # noqa: S608 - put together from constants

_PAGE = text(f"""
SELECT * FROM file WHERE {NAMEABLE} AND visible AND id < :before_id ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - put together from constants

_ACCEPT = text(f"""
UPDATE file
SET state = 'ready', object_key = :object_key, etag = :etag, size_bytes = :size_bytes, media_type = :media_type,
    width = coalesce(:width, width), height = coalesce(:height, height),
    frames = coalesce(:frames, frames), pages = coalesce(:pages, pages),
    duration_milliseconds = coalesce(:duration_milliseconds, duration_milliseconds),
    expires_at = CASE WHEN visible AND NOT permanent THEN {TEMPORARY_END} END,
    sweep_at = CASE WHEN NOT visible THEN sweep_at WHEN NOT permanent THEN {TEMPORARY_END} END
WHERE id = :file_id AND state = 'pending'
RETURNING *
""")  # noqa: S608 - put together from constants
"""PENDING → READY."""

_BEGIN_CLEARING = text("""
UPDATE file SET state = 'clearing', arriving_bytes = 0, sweep_at = :lease_until WHERE id = :file_id AND state = 'pending' RETURNING id
""")
"""PENDING → CLEARING."""

_END_CLEARING = text("UPDATE file SET state = 'pending', sweep_at = expires_at WHERE id = ANY(:file_ids) AND state = 'clearing'")
"""CLEARING → PENDING."""

_AT = text("SELECT * FROM file WHERE object_key = :object_key")

_UNFINISHED_AT = text("SELECT object_key, upload_id FROM file WHERE object_key = ANY(:keys) AND state IN ('pending', 'clearing')")

_RESERVE = text("""
UPDATE file SET arriving_bytes = :arriving_bytes
WHERE id = :file_id AND state = 'pending' AND arriving_bytes < :arriving_bytes
RETURNING id
""")

_KEEP = text("""
UPDATE file SET permanent = true, expires_at = NULL, sweep_at = NULL
WHERE id = ANY(:file_ids) AND account_id = :account_id AND state = 'ready' AND visible AND NOT in_library
RETURNING id
""")

_DELETE = text(f"""
WITH gone AS (
  UPDATE file SET state = 'deleting', sweep_at = CASE WHEN pins = 0 THEN CAST(:now AS timestamptz) END
  WHERE id = :file_id AND visible AND {NAMEABLE}
  RETURNING id, account_id, media_type
),{audit_sql("gone", audit_pb2.AUDIT_ACTION_FILE_DELETED, details="jsonb_build_object('media_type', media_type)")}
SELECT id FROM gone
""")  # noqa: S608 - put together from constants
"""→ DELETING for a visible file."""

_GIVE_UP = text(f"""
UPDATE file SET state = 'deleting', sweep_at = :now
WHERE id = :file_id AND visible AND state IN ('pending', 'clearing') AND {NAMEABLE}
RETURNING id
""")  # noqa: S608 - put together from constants
"""→ DELETING for an upload that is not accepted."""


class FileStore(Store):
    """Statements about single files of an account."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._ahead: list[int] = []
        self._taken_at = -math.inf

    async def new_ids(self, count: int) -> list[int]:
        """New ids, in increasing order."""
        return sorted(await self._ids(_NEW_IDS, count=count))

    async def ids_ahead(self, count: int) -> list[int]:
        """New ids, in increasing order, for files whose records come later; while calls follow each other, a statement serves many."""
        now = monotonic()
        recently = now - self._taken_at < _AHEAD_SECONDS
        if not recently or len(self._ahead) < count:
            self._ahead, self._taken_at = await self.new_ids(count + _AHEAD if recently else count), now
        ids, self._ahead = self._ahead[:count], self._ahead[count:]
        return ids

    async def insert_outputs(self, outputs: Sequence[File], now: datetime) -> None:
        """Insert outputs of a task."""
        await self._database.fetch(_INSERT, _new(outputs, None, now))

    async def insert_uploads(
        self,
        uploads: Sequence[File],
        call: IdempotentCall | None,
        growth: Growth,
        now: datetime,
        life: timedelta = timedelta(),
        pin: NewPin | None = None,
    ) -> tuple[list[File], int]:
        """Insert all of the uploads, of one account, or none; with them the idempotency key of the call that creates them, if any, and
        with `pin` their pins, for a task that may not be stored yet.

        Those that are READY are kept for `life`, or as long as is set for their account. They either all have ids or none; those that
        have none get increasing ones.

        Returns them, and how many bytes more the account may store. Raises what the check of `growth` raises about all that it then
        stores, and IDEMPOTENCY_IN_PROGRESS when another call has stored the key, or is storing it and does not finish in time.
        """
        account_id, within, insert = uploads[0].account_id, _INSERT_WITHIN, _INSERT
        if pin is not None:
            within, insert = _INSERT_PINNED_WITHIN, _INSERT_PINNED
            uploads = [replace(file, pins=1) for file in uploads]
        values = {**_new(uploads, call, now), "life": life}
        if pin is not None:
            values |= {"pin_task_id": pin.task_id, "pin_sweep_at": pin.sweep_at}
        with storing_key(), _one_of_two():
            found = await self._database.fetch(within, {**values, **growth.values(), "account_id": account_id})
            if found and found[0]["ids"]:
                return _numbered(uploads, found[0]["ids"]), growth.check(*storage_from(found))
            # The first uploads of an account, or too much: the check says what.
            async with self._database.transaction() as transaction:
                if call is not None:
                    await transaction.fetch(PATIENCE)
                ids = [row["id"] for row in await transaction.fetch(insert, values)]
                return _numbered(uploads, ids), await check_stored(transaction, account_id, growth.check)

    async def insert_run(self, upload: File, output: File, growth: Growth, now: datetime, life: timedelta, output_life: timedelta) -> None:
        """Insert the input and the output of a task, both READY and visible. Does nothing for those that are stored.

        They are kept for these times, or as long as is set for their account. Raises what the check of `growth` raises.
        """
        values = {**_new([upload, output], None, now), "life": life, "output_life": output_life}
        with _unless_stored():
            if await self._database.fetch(_INSERT_WITHIN, {**values, **growth.values(), "account_id": upload.account_id}):
                return
            async with self._database.transaction() as transaction:
                await transaction.fetch(_INSERT, values)
                await check_stored(transaction, upload.account_id, growth.check)

    async def insert_content(self, upload: File, growth: Growth, now: datetime, life: timedelta, pin: NewPin | None = None) -> File:
        """Insert an upload that is READY and has an id, and return it. Changes and pins nothing if it is stored: an earlier try of the same
        call may have stored it and ended before its task was stored. Raises as `insert_uploads`.
        """
        with _unless_stored():
            [upload], _ = await self.insert_uploads([upload], None, growth, now, life, pin)
        return upload

    async def remember(self, file_id: int, call: IdempotentCall, now: datetime) -> None:
        """Store the idempotency key of the call that has made a file READY; until then, a repeat makes another one.

        Raises IDEMPOTENCY_IN_PROGRESS when another call has stored the key.
        """
        with storing_key():
            await self._database.fetch(_REMEMBER, {"file_id": file_id, **key_values(call, now), "account_id": call.account_id})

    async def prolong_uploads(self, account_id: int, file_ids: Collection[int], until: datetime) -> None:
        """Extend the deadline of PENDING uploads to `until`, unless it is later already."""
        await self._ids(_PROLONG, account_id=account_id, file_ids=list(file_ids), until=until)

    async def find(self, account_id: int, file_ids: Collection[int], now: datetime) -> dict[int, File]:
        """Those of the files that the account can name, and its hidden outputs, by id."""
        found = await self._files(_FIND, account_id=account_id, file_ids=list(set(file_ids)), now=now)
        return {file.id: file for file in found}

    async def page(self, account_id: int, before_id: int | None, limit: int, now: datetime) -> list[File]:
        """Visible files with ids below `before_id`, newest first."""
        before = before_id if before_id is not None else 2**63 - 1
        return await self._files(_PAGE, account_id=account_id, before_id=before, limit=limit, now=now)

    async def accept(
        self, file_id: int, content: AcceptedContent, now: datetime, life: timedelta, check: Check | None = None
    ) -> File | None:
        """PENDING → READY with what was found. None if it is no longer PENDING: accepted by another call, refused or deleted.

        It is kept for `life`, or as long as is set for its account; a permanent one forever. An output keeps the time at which the sweeper
        asks about it, and expires only once it is claimed. Nothing changes where `check` raises about all that the account then stores.
        """
        values = {"file_id": file_id, "now": now, "life": life, **asdict(content)}
        if check is None:
            accepted = await self._files(_ACCEPT, **values)
        else:
            async with self._database.transaction() as transaction:
                accepted = files(await transaction.fetch(_ACCEPT, values))
                if accepted:
                    await check_stored(transaction, accepted[0].account_id, check)
        return accepted[0] if accepted else None

    async def at(self, object_key: str) -> File | None:
        """The file whose bytes are, or are to be, the object of that name."""
        found = await self._files(_AT, object_key=object_key)
        return found[0] if found else None

    async def unfinished_at(self, object_keys: Collection[str]) -> set[tuple[str, str | None]]:
        """The names of those objects whose file is not READY yet, each with the id of its multipart upload."""
        rows = await self._database.fetch(_UNFINISHED_AT, {"keys": list(object_keys)})
        return {(row["object_key"], row["upload_id"]) for row in rows}

    async def reserve(self, file: File, arriving_bytes: int, check: Check) -> None:
        """Count so many bytes for a PENDING upload. Nothing changes where `check` raises about all that the account then stores."""
        async with self._database.transaction() as transaction:
            if await transaction.fetch(_RESERVE, {"file_id": file.id, "arriving_bytes": arriving_bytes}):
                await check_stored(transaction, file.account_id, check)

    async def begin_clearing(self, file_id: int, lease_until: datetime) -> bool:
        """PENDING → CLEARING, so that no call accepts the object that is about to be deleted. False if it is not PENDING.

        If the process then dies, the sweeper finishes the job after `lease_until`.
        """
        return bool(await self._ids(_BEGIN_CLEARING, file_id=file_id, lease_until=lease_until))

    async def end_clearing(self, file_ids: Collection[int]) -> None:
        """CLEARING → PENDING: the objects are gone."""
        await self._ids(_END_CLEARING, file_ids=list(file_ids))

    async def keep(self, account_id: int, file_ids: Collection[int]) -> None:
        """Make READY files of the account permanent; others are skipped."""
        await self._ids(_KEEP, account_id=account_id, file_ids=list(file_ids))

    async def delete(self, account_id: int, file_id: int, now: datetime) -> bool:
        """→ DELETING for a visible file of the account; a pinned one waits for its last pin. False if there is no such file."""
        return bool(await self._ids(_DELETE, account_id=account_id, file_id=file_id, now=now, **actor_values()))

    async def give_up(self, account_id: int, file_id: int, now: datetime) -> bool:
        """→ DELETING for an upload of the account that is not accepted. False if there is none."""
        return bool(await self._ids(_GIVE_UP, account_id=account_id, file_id=file_id, now=now))


@contextmanager
def _one_of_two() -> Iterator[None]:
    """Two calls with one key, of which only one was among its account's first uploads, may wait for each other."""
    try:
        yield
    except asyncpg.DeadlockDetectedError as error:
        raise in_progress() from error


@contextmanager
def _unless_stored() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "file_pkey":
            raise


def _new(rows: Sequence[File], call: IdempotentCall | None, now: datetime) -> dict[str, Any]:
    """The values of `_INSERT`."""
    described = json.dumps([{name: getattr(file, name) for name in COLUMNS} for file in rows], default=datetime.isoformat)
    return {"files": described, "now": now, "life": timedelta(), "output_life": timedelta(), **key_values(call, now)}


def _numbered(uploads: Sequence[File], ids: Sequence[int]) -> list[File]:
    """The uploads with the ids under which they are stored, in increasing order."""
    return [file.with_id(file_id) for file, file_id in zip(uploads, ids, strict=True)]
