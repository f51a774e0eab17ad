"""Watches of storages: which objects were seen, are under way, and are done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from services.files.records import ListedObject, WatchedObject
from services.files.store.rows import Store
from services.files.watches import WatchId

_OF = "storage = :storage AND watch = :watch"
_TURN = text("""
INSERT INTO watch AS known (storage, name, list_at) VALUES (:storage, :watch, :until)
ON CONFLICT (storage, name) DO UPDATE SET list_at = excluded.list_at WHERE known.list_at <= :now
RETURNING 1
""")
_LISTED = text("""
WITH listed AS (UPDATE watch SET listed_at = coalesce(:listed_at, listed_at), error = :error WHERE storage = :storage AND name = :watch)
DELETE FROM watched_object WHERE storage = :storage AND watch = :watch AND state = 'seen' AND seen_at < :forgotten
""")
_OBSERVE = text("""
WITH listed AS (
  SELECT * FROM unnest(CAST(:paths AS text[]), CAST(:etags AS text[]), CAST(:sizes AS bigint[])) AS listed (path, etag, size_bytes)
),
fresh AS (
  SELECT * FROM listed WHERE NOT EXISTS (
    SELECT FROM watched_object AS known WHERE storage = :storage AND watch = :watch AND known.etag = listed.etag AND state <> 'seen'
  )
)
INSERT INTO watched_object AS known (storage, watch, etag, path, size_bytes, state, seen_at)
SELECT :storage, :watch, etag, path, size_bytes, 'seen', :now FROM fresh
ON CONFLICT (storage, watch, etag) DO UPDATE
SET state = CASE WHEN known.path = excluded.path AND known.size_bytes = excluded.size_bytes THEN 'due' ELSE 'seen' END,
  due_at = CASE WHEN known.path = excluded.path AND known.size_bytes = excluded.size_bytes THEN excluded.seen_at END,
  path = excluded.path, size_bytes = excluded.size_bytes, seen_at = excluded.seen_at
WHERE known.state = 'seen' AND known.seen_at < excluded.seen_at
RETURNING state
""")
"""Those that are known by their content stay untouched, without a lock: they are most of every listing."""
_CLAIMED = """UPDATE watched_object AS known SET state = 'running', due_at = :until FROM found
WHERE known.storage = :storage AND known.watch = :watch AND known.etag = found.etag
RETURNING known.etag, path, size_bytes, ended_tasks, failures, task_id"""
_START = text(f"""
WITH found AS (
  SELECT etag FROM watched_object WHERE {_OF} AND state = 'due' AND due_at <= :now ORDER BY due_at
  LIMIT greatest(0, :at_once - (SELECT count(*) FROM watched_object WHERE {_OF} AND state = 'running' AND due_at IS NOT NULL))
  FOR UPDATE SKIP LOCKED
)
{_CLAIMED}
""")  # noqa: S608 - put together from constants
_CHECK = text(f"""
WITH found AS (
  SELECT etag FROM watched_object WHERE {_OF} AND state = 'running' AND due_at <= :now ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
{_CLAIMED}
""")  # noqa: S608 - put together from constants
_ONE = f"WHERE {_OF} AND etag = :etag AND state = 'running' AND ended_tasks = :ended_tasks"
"""Not if another replica has gone on with it, after the claim of this one had run out."""
_NOTE_TASK = text(f"UPDATE watched_object SET task_id = :task_id, due_at = :due_at, failures = 0, error = NULL {_ONE}")  # noqa: S608
_LOOK_AGAIN = text(f"UPDATE watched_object SET due_at = :due_at, failures = failures + :failed {_ONE}")  # noqa: S608
_TRY_AGAIN = text(f"""
UPDATE watched_object SET state = 'due', due_at = :due_at, failures = failures + 1, error = :error, task_id = NULL,
  ended_tasks = ended_tasks + CASE WHEN task_id IS NULL THEN 0 ELSE 1 END
{_ONE}
""")  # noqa: S608
_END = text(f"UPDATE watched_object SET state = :state, due_at = NULL, error = :error {_ONE} RETURNING 1")  # noqa: S608
_FORGET = text(f"DELETE FROM watched_object {_ONE}")  # noqa: S608
_RETRY = text("""
UPDATE watched_object SET state = 'due', due_at = :now, failures = 0, error = NULL, task_id = NULL, ended_tasks = ended_tasks + 1
WHERE state = 'failed' AND storage = :storage AND watch = :watch
RETURNING 1
""")
_STARTS = 0x77617463
"""The advisory locks of watches: starts of one take turns, as each counts what is running."""
_STATES = "'seen', 'due', 'running', 'done', 'failed'"
_REPORT = text(f"""
SELECT storage, name, listed_at, error,
  (SELECT jsonb_object_agg(each, (SELECT count(*) FROM watched_object AS known
     WHERE known.storage = watch.storage AND known.watch = watch.name AND state = each)) FROM unnest(ARRAY[{_STATES}]) AS each) AS objects,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('path', path, 'state', state, 'error', failed.error)), '[]') FROM (
     SELECT path, state, known.error FROM watched_object AS known
     WHERE known.storage = watch.storage AND known.watch = watch.name AND known.error IS NOT NULL ORDER BY seen_at DESC LIMIT :errors
   ) AS failed) AS errors
FROM watch ORDER BY storage, name
""")  # noqa: S608 - put together from constants


class WatchStore(Store):
    """The tables `watch` and `watched_object`."""

    async def take_turn(self, watch: WatchId, now: datetime, until: datetime) -> bool:
        """Whether the caller is the one to list it now; nobody else is, before `until`."""
        return bool(await self._database.fetch(_TURN, {**_of(watch), "now": now, "until": until}))

    async def note_listing(self, watch: WatchId, now: datetime, error: str | None, kept: timedelta) -> None:
        """A listing that began at `now` has ended. Objects that no listing has shown for `kept`, without becoming due, are forgotten."""
        values = {**_of(watch), "listed_at": None if error else now, "error": error, "forgotten": now - kept}
        await self._database.fetch(_LISTED, values)

    async def observe(self, watch: WatchId, objects: Sequence[ListedObject], now: datetime) -> int:
        """Note objects that a listing shows, which began at `now`; returns how many became due, as an earlier listing had shown the same.
        No two may have the same ETag."""
        ordered = sorted(objects, key=lambda each: each.etag)
        paths, etags, sizes = ([getattr(each, name) for each in ordered] for name in ("path", "etag", "size_bytes"))
        rows = await self._database.fetch(_OBSERVE, {**_of(watch), "paths": paths, "etags": etags, "sizes": sizes, "now": now})
        return sum(row["state"] == "due" for row in rows)

    async def start(self, watch: WatchId, now: datetime, until: datetime, at_once: int) -> list[WatchedObject]:
        """Claim objects that are due, so that at most `at_once` are running."""
        values = {**_of(watch), "now": now, "until": until, "at_once": at_once}
        return _claimed(watch, await self._database.fetch_in_turn(_STARTS, f"{watch.storage}.{watch.name}", _START, values))

    async def check(self, watch: WatchId, now: datetime, until: datetime, limit: int) -> list[WatchedObject]:
        """Claim objects that are running and to be looked at, with those whose claim has run out."""
        return _claimed(watch, await self._database.fetch(_CHECK, {**_of(watch), "now": now, "until": until, "limit": limit}))

    async def note_task(self, found: WatchedObject, task_id: int, due_at: datetime) -> None:
        """It has a task, to be looked at then."""
        await self._database.fetch(_NOTE_TASK, {**_one(found), "task_id": task_id, "due_at": due_at})

    async def look_again(self, found: WatchedObject, due_at: datetime, *, failed: bool = False) -> None:
        """Look at its task then; `failed` if that could not be done now."""
        await self._database.fetch(_LOOK_AGAIN, {**_one(found), "due_at": due_at, "failed": int(failed)})

    async def try_again(self, found: WatchedObject, due_at: datetime, error: str) -> None:
        """Make a task for it then: the first one, or another if it had one."""
        await self._database.fetch(_TRY_AGAIN, {**_one(found), "due_at": due_at, "error": error})

    async def end(self, found: WatchedObject, error: str | None) -> bool:
        """It is done, or has failed for good; False if somebody else has gone on with it."""
        values = {**_one(found), "state": "done" if error is None else "failed", "error": error}
        return bool(await self._database.fetch(_END, values))

    async def forget(self, found: WatchedObject) -> None:
        """It was never seen."""
        await self._database.fetch(_FORGET, _one(found))

    async def retry(self, watch: WatchId, now: datetime) -> int:
        """Make those due that have failed; returns how many."""
        return len(await self._database.fetch(_RETRY, {**_of(watch), "now": now}))

    async def report(self, errors: int) -> list[dict[str, Any]]:
        """All watches that were listed: `storage`, `name`, `listed_at`, `error`, `objects` by state, and the newest `errors` of them."""
        return [dict(row) for row in await self._database.fetch(_REPORT, {"errors": errors})]


def _of(watch: WatchId) -> dict[str, object]:
    return {"storage": watch.storage, "watch": watch.name}


def _one(found: WatchedObject) -> dict[str, object]:
    return {**_of(found.watch), "etag": found.etag, "ended_tasks": found.ended_tasks}


def _claimed(watch: WatchId, rows: Any) -> list[WatchedObject]:
    names = ("etag", "path", "size_bytes", "ended_tasks", "failures", "task_id")
    return [WatchedObject(watch, *(row[name] for name in names)) for row in rows]
