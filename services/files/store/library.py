"""The library: versions of files, in chains.

An addition of a version to chains holds their advisory locks, shared; a deletion holds them exclusively. So a deletion finds every version,
and none is added to a chain that is gone. Deletions lock rows of `library_file` before those of `file`, these in the order of their ids.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from darkroom.common.v1 import audit_pb2
from services.files.records import File, LibraryFile, StoredVersion, Viewer
from services.files.store.files import NAMEABLE, PATIENCE
from services.files.store.rows import COLUMNS, Store, file_of, files
from services.files.store.storage import COUNTS_LOCKED, LOCK_COUNTS
from services.files.store.uploads_audited import MOST_NAMED, names_text, upload_audit_sql, upload_values
from services.platform.audit.changes import details, enter
from services.platform.audit.log import actor_values, audit_sql
from services.platform.database import Rows, Transaction
from services.platform.idempotency import key_values, store_key_sql, storing_key
from services.platform.idempotent_call import IdempotentCall

_LOCKS = 1
"""The space of the chains' advisory locks."""
_OF_FILE = ", ".join(f"file.{column} AS stored_{column}" for column in COLUMNS)
_SHELVED = f"""
SELECT library_file.*, {_OF_FILE}
FROM library_file JOIN file ON file.id = library_file.file_id AND file.state = 'ready' AND file.missing_since IS NULL
"""  # noqa: S608 - put together from constants
_SEEN = "library_file.account_id = :account_id AND (:sees_all OR library_file.owner_id = :owner)"

_FIND = text(f"{_SHELVED} WHERE library_file.id = ANY(:ids) AND library_file.account_id = :account_id")
_FIND_BY_FILE = text(f"{_SHELVED} WHERE file_id = ANY(:file_ids) AND library_file.account_id = :account_id")
_CHAIN = text(f"{_SHELVED} WHERE chain_id = :chain_id AND library_file.account_id = :account_id ORDER BY version, number")
_LENGTHS = text("SELECT chain_id, count(*) AS versions FROM library_file WHERE chain_id = ANY(:chains) GROUP BY chain_id")
_LAST = f"""
last AS (SELECT DISTINCT ON (chain_id) found.* FROM ({_SHELVED} WHERE {_SEEN}) AS found ORDER BY chain_id, number DESC),
matching AS (
  SELECT * FROM last
  WHERE CAST(:search AS text) = '' OR strpos(lower(name COLLATE "C"), lower(CAST(:search AS text) COLLATE "C")) > 0
)
"""  # noqa: S608 - put together from constants
_COUNT = text(f"WITH {_LAST} SELECT count(*) AS total FROM matching")  # noqa: S608 - put together from constants
_PAGE = text(f"WITH {_LAST} SELECT * FROM matching ORDER BY number DESC LIMIT :limit OFFSET :skip")  # noqa: S608 - put together from constants

_KEYS = "SELECT DISTINCT hashtext(CAST(chain AS text)) AS key FROM unnest(CAST(:chains AS uuid[])) AS chain ORDER BY key"
_LOCK_TO_ADD = text(f"SELECT pg_advisory_xact_lock_shared({_LOCKS}, key) FROM ({_KEYS}) AS keys")  # noqa: S608 - put together from constants
_LOCK_TO_DELETE = text(f"SELECT pg_advisory_xact_lock({_LOCKS}, key) FROM ({_KEYS}) AS keys")  # noqa: S608 - put together from constants

_TAKE = text(f"""
WITH locked AS (
  SELECT id FROM file WHERE id = ANY(:file_ids) AND visible AND state = 'ready' AND origin = 'upload' AND {NAMEABLE}
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE file SET in_library = true, expires_at = NULL, sweep_at = NULL FROM locked WHERE file.id = locked.id
RETURNING file.*
""")  # noqa: S608 - put together from constants
_TAKE_OUTPUT = text(f"""
UPDATE file SET in_library = true, origin = 'upload', task_id = NULL, attempt = NULL, expires_at = NULL, sweep_at = NULL
WHERE id = :file_id AND visible AND state = 'ready' AND origin = 'task' AND {NAMEABLE}
RETURNING id
""")  # noqa: S608 - put together from constants
"""From now on its task has nothing to do with it."""
_INSERT = text(f"""
WITH added AS (
INSERT INTO library_file (id, account_id, owner_id, chain_id, chain_owner_id, parent_id, version, tools, name, file_id, created_at)
SELECT id, account_id, owner_id, chain_id, chain_owner_id, parent_id, version,
  ARRAY(SELECT tool FROM jsonb_array_elements_text(tools) WITH ORDINALITY AS said (tool, place) ORDER BY place),
  name, file_id, created_at
FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS entry (
  id uuid, account_id bigint, owner_id text, chain_id uuid, chain_owner_id text, parent_id uuid, version integer, tools jsonb,
  name text, file_id bigint, created_at timestamptz
)
RETURNING account_id
),
made AS (SELECT DISTINCT account_id, CAST(:file_ids AS bigint[]) AS ids FROM added),
uploaded AS (SELECT account_id, ids[1] AS id FROM made WHERE CAST(:audited_names AS text) IS NOT NULL),
{upload_audit_sql("uploaded")},
{store_key_sql("made", ids="ids")}
SELECT 1 FROM made
""")  # noqa: S608 - put together from constants
"""Adds versions, and the idempotency key of the call, if it has one, by the ids of their files."""

_CHAINS = text("""
SELECT DISTINCT chain_id FROM library_file
WHERE id = ANY(:ids) AND account_id = :account_id AND (:sees_all OR owner_id = :owner)
""")
_CHAINS_OF_OWNER = text("SELECT DISTINCT chain_id FROM library_file WHERE account_id = :account_id AND owner_id = :owner LIMIT :limit")
_DELETE = text("""
DELETE FROM library_file
WHERE chain_id = ANY(:chains) AND account_id = :account_id AND (:sees_all OR chain_owner_id = :owner OR owner_id = :owner)
RETURNING id, account_id, file_id, thumbnail_id
""")
_ENTER_DELETION = text(f"""
WITH deleted AS (SELECT CAST(:account_id AS bigint) AS account_id, CAST(:file_id AS bigint) AS id),
{
    audit_sql(
        "deleted",
        audit_pb2.AUDIT_ACTION_LIBRARY_DELETED,
        details="jsonb_build_object('count', CAST(:count AS text), 'ids', CAST(:deleted_ids AS text))",
    )
}
SELECT 1
""")
_GIVE_UP = text(f"""
WITH locked AS (
  SELECT id, account_id FROM file WHERE id = ANY(:file_ids) AND state <> 'deleting' ORDER BY id FOR NO KEY UPDATE
),
{LOCK_COUNTS},
gone AS (
  UPDATE file SET state = 'deleting', sweep_at = CASE WHEN pins = 0 THEN CAST(:now AS timestamptz) END
  FROM locked WHERE file.id = locked.id AND {COUNTS_LOCKED}
  RETURNING file.id, file.account_id, file.media_type
),
versions AS (SELECT * FROM gone WHERE id = ANY(:versions)),
{audit_sql("versions", audit_pb2.AUDIT_ACTION_FILE_DELETED, details="jsonb_build_object('media_type', media_type)")}
SELECT id FROM gone
""")  # noqa: S608 - put together from constants
"""→ DELETING for files of the library; deletions of versions are entered into the audit log."""
_STRAY = text("""
SELECT id FROM file
WHERE in_library AND state <> 'deleting' AND NOT EXISTS (
  SELECT FROM library_file WHERE library_file.file_id = file.id OR library_file.thumbnail_id = file.id
)
LIMIT :limit
""")

_SET_THUMBNAIL = text("""
UPDATE library_file SET thumbnail_id = :file_id WHERE id = :id AND account_id = :account_id AND thumbnail_id IS NULL RETURNING 1
""")
_THUMBNAIL = text("""
SELECT file.* FROM library_file JOIN file ON file.id = library_file.thumbnail_id AND file.state = 'ready' AND file.missing_since IS NULL
WHERE library_file.id = :id AND library_file.account_id = :account_id
""")


class LibraryConflict(Exception):
    """The request can no longer be carried out; nothing has changed."""


class LibraryStore(Store):
    """The table `library_file`, and the files that it names."""

    async def find(self, account_id: int, ids: Collection[UUID]) -> dict[UUID, StoredVersion]:
        """Those of the versions that the account has, by id."""
        rows = await self._database.fetch(_FIND, {"account_id": account_id, "ids": list(ids)})
        return {found.entry.id: found for found in _shelved(rows)}

    async def find_by_files(self, account_id: int, file_ids: Sequence[int]) -> dict[int, StoredVersion]:
        """The versions that these files are, by the ids of the files."""
        rows = await self._database.fetch(_FIND_BY_FILE, {"account_id": account_id, "file_ids": list(file_ids)})
        return {found.file.id: found for found in _shelved(rows)}

    async def chain(self, account_id: int, chain: UUID) -> list[StoredVersion]:
        """All versions of a chain, by their numbers."""
        return _shelved(await self._database.fetch(_CHAIN, {"account_id": account_id, "chain_id": chain}))

    async def lengths(self, chains: Collection[UUID]) -> dict[UUID, int]:
        """How many versions chains have."""
        return {row["chain_id"]: row["versions"] for row in await self._database.fetch(_LENGTHS, {"chains": list(chains)})}

    async def page(self, viewer: Viewer, search: str, skip: int, limit: int) -> tuple[list[StoredVersion], int]:
        """Some of the last versions that the viewer sees of each chain, newest first, and the number of all of them."""
        values = {**_of(viewer), "search": search}
        [count] = await self._database.fetch(_COUNT, values)
        rows = await self._database.fetch(_PAGE, {**values, "skip": skip, "limit": limit}) if count["total"] > skip else ()
        return _shelved(rows), count["total"]

    async def add(
        self, account_id: int, entries: Sequence[LibraryFile], now: datetime, call: IdempotentCall | None = None
    ) -> list[StoredVersion]:
        """Move the uploads that the entries name into the library, all or none, and store the key of the call, if it has one; returns the
        entries with their files, in order.

        Raises Taken where a parent, or an upload, is not there any more, and IDEMPOTENCY_IN_PROGRESS when another call has stored the key.
        """
        parents = {entry.parent: entry.chain for entry in entries if entry.parent is not None}
        file_ids = [entry.file_id for entry in entries]
        with storing_key():
            taken = await self._add(account_id, entries, parents, file_ids, now, call)
        return [StoredVersion(entry, taken[entry.file_id]) for entry in entries]

    async def _add(
        self,
        account_id: int,
        entries: Sequence[LibraryFile],
        parents: Mapping[UUID, UUID],
        file_ids: Sequence[int],
        now: datetime,
        call: IdempotentCall | None,
    ) -> Mapping[int, File]:
        async with self._database.transaction() as transaction:
            if call is not None:
                await transaction.fetch(PATIENCE)
            if parents:
                await transaction.fetch(_LOCK_TO_ADD, {"chains": list(parents.values())})
                found = await transaction.fetch(_FIND, {"account_id": account_id, "ids": list(parents)})
                if len(found) < len(parents):
                    raise LibraryConflict
            taken = await _take(transaction, account_id, file_ids, now)
            rows = json.dumps([_row(entry) for entry in entries])
            values = {"entries": rows, "file_ids": list(file_ids), **_named(entries), **key_values(call, now), **actor_values()}
            await transaction.fetch(_INSERT, values)
            if saved := [entry for entry in entries if not _is_upload(entry)]:
                told = details(count=str(len(saved)), files=names_text([entry.name for entry in saved]))
                await enter(transaction, audit_pb2.AUDIT_ACTION_LIBRARY_SAVED, account_id, saved[0].file_id, told=told)
        return taken

    async def delete(self, viewer: Viewer, ids: Collection[UUID], now: datetime) -> int:
        """Delete the chains of those of the versions that the viewer sees; returns the number of versions that are gone.

        In a chain that somebody else has begun, a viewer who does not see everybody's deletes only the own versions.
        """
        async with self._database.transaction() as transaction:
            chains = [row[0] for row in await transaction.fetch(_CHAINS, {**_of(viewer), "ids": list(ids)})]
            return await _delete(transaction, viewer, chains, now, entered=True)

    async def delete_of(self, account_id: int, owner: str, limit: int, now: datetime) -> int:
        """Delete what somebody has, up to `limit` chains, as `delete` does; returns the number of versions that are gone."""
        viewer = Viewer(account_id, owner, sees_all=False)
        async with self._database.transaction() as transaction:
            chains = [row[0] for row in await transaction.fetch(_CHAINS_OF_OWNER, {**_of(viewer), "limit": limit})]
            return await _delete(transaction, viewer, chains, now, entered=False)

    async def keep_thumbnail(self, account_id: int, version: UUID, file_id: int, now: datetime) -> None:
        """Move an output into the library, as the thumbnail of a version. Raises Taken where that has one, or either is gone."""
        async with self._database.transaction() as transaction:
            if not await transaction.fetch(_TAKE_OUTPUT, {"account_id": account_id, "file_id": file_id, "now": now}):
                raise LibraryConflict
            if not await transaction.fetch(_SET_THUMBNAIL, {"account_id": account_id, "id": version, "file_id": file_id}):
                raise LibraryConflict

    async def thumbnail(self, account_id: int, version: UUID) -> list[File]:
        """The thumbnail of a version, if it has one."""
        return await self._files(_THUMBNAIL, account_id=account_id, id=version)

    async def give_up_strays(self, now: datetime, limit: int) -> int:
        """→ DELETING for files that the library has forgotten because the bytes of a version were lost; returns how many."""
        stray = await self._ids(_STRAY, limit=limit)
        if stray:
            await self._ids(_GIVE_UP, file_ids=stray, versions=[], now=now, **actor_values())
        return len(stray)


async def _take(transaction: Transaction, account_id: int, file_ids: Sequence[int], now: datetime) -> Mapping[int, File]:
    taken = files(await transaction.fetch(_TAKE, {"account_id": account_id, "file_ids": list(file_ids), "now": now}))
    if len(taken) < len(file_ids):
        raise LibraryConflict
    return {file.id: file for file in taken}


async def _delete(transaction: Transaction, viewer: Viewer, chains: Sequence[UUID], now: datetime, *, entered: bool) -> int:
    if not chains:
        return 0
    await transaction.fetch(_LOCK_TO_DELETE, {"chains": chains})
    rows = await transaction.fetch(_DELETE, {**_of(viewer), "chains": chains})
    versions = [row["file_id"] for row in rows]
    thumbnails = [row["thumbnail_id"] for row in rows if row["thumbnail_id"] is not None]
    await transaction.fetch(_GIVE_UP, {"file_ids": versions + thumbnails, "versions": versions, "now": now, **actor_values()})
    if rows and entered:
        named = json.dumps([str(row["id"]) for row in rows[:MOST_NAMED]])
        told = {"account_id": viewer.account_id, "file_id": versions[0], "count": str(len(rows)), "deleted_ids": named}
        await transaction.fetch(_ENTER_DELETION, {**told, **actor_values()})
    return len(rows)


def _named(entries: Sequence[LibraryFile]) -> dict[str, object]:
    """The audit log's entry about an upload: none where all are results of tools."""
    return upload_values([entry.name for entry in entries if _is_upload(entry)])


def _is_upload(entry: LibraryFile) -> bool:
    return entry.parent is None and not entry.tools


def _of(viewer: Viewer) -> dict[str, object]:
    return {"account_id": viewer.account_id, "owner": viewer.owner, "sees_all": viewer.sees_all}


def _row(entry: LibraryFile) -> dict[str, object]:
    return {
        "id": str(entry.id),
        "account_id": entry.account_id,
        "owner_id": entry.owner,
        "chain_id": str(entry.chain),
        "chain_owner_id": entry.chain_owner,
        "parent_id": None if entry.parent is None else str(entry.parent),
        "version": entry.version,
        "tools": list(entry.tools),
        "name": entry.name,
        "file_id": entry.file_id,
        "created_at": entry.created_at.isoformat(),
    }


def _shelved(rows: Rows) -> list[StoredVersion]:
    return [StoredVersion(_entry(row), file_of(row, "stored_")) for row in rows]


def _entry(row: Mapping[str, Any]) -> LibraryFile:
    return LibraryFile(
        id=row["id"],
        account_id=row["account_id"],
        owner=row["owner_id"],
        chain=row["chain_id"],
        chain_owner=row["chain_owner_id"],
        parent=row["parent_id"],
        version=row["version"],
        tools=tuple(row["tools"]),
        name=row["name"],
        created_at=row["created_at"],
        file_id=row["file_id"],
        thumbnail_id=row["thumbnail_id"],
    )
