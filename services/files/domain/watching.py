"""Watches of storages: objects that arrive in a folder become tasks, whose results go to another folder.

A content is done once, under the name that it was seen with first. It is taken when two listings in a row show it with the same ETag and
size, so nothing half-written is. Its row in the database is the marker: a replica claims it for a while, creates the task under a name that
is the same after a crash, and notes its id; whoever claims it next looks how the task stands.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from services.files.domain.deliveries import Deliveries, blaming_storage, has_extension
from services.files.domain.naming import EXTENSIONS
from services.files.objects import ObjectStore, StoredObject
from services.files.records import ListedObject, WatchedObject
from services.files.storages import SCHEME, Storages
from services.files.store import WatchStore
from services.files.tasks_client import TaskFailure
from services.files.watches import Watch, WatchId
from services.platform.backoff import Backoff
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.loop import Loop
from services.platform.object_http import ObjectHttp

_WORK_SECONDS = 2.0
_CHECK = timedelta(seconds=3)
_LEASE = timedelta(minutes=2)
_MOST_CHECKED = 500
_FORGOTTEN = timedelta(days=1)
"""For how long an object that was in one listing only is remembered."""
_PAUSES = Backoff(first_seconds=10.0, longest_seconds=1800.0)
_HOLDS = Backoff(first_seconds=5.0, longest_seconds=300.0)
_MOST_FAILURES = 5
_TURN_SHARE = 0.8
"""After which part of the interval the next listing may begin: loops vary a little."""
_NOT_OF_THE_OBJECT = frozenset(
    {
        ErrorReason.INSUFFICIENT_CREDITS,
        ErrorReason.TOO_MANY_TASKS,
        ErrorReason.RATE_LIMITED,
        ErrorReason.QUOTA_EXCEEDED,
        ErrorReason.DISK_FULL,
        ErrorReason.UNAVAILABLE,
        ErrorReason.IDEMPOTENCY_IN_PROGRESS,
        ErrorReason.DELIVERY_FAILED,
        ErrorReason.URL_FETCH_FAILED,
        ErrorReason.OPERATION_UNAVAILABLE,
        ErrorReason.PIPELINE_NOT_FOUND,
        ErrorReason.ACCOUNT_NOT_FOUND,
        ErrorReason.PROVIDER_UNAVAILABLE,
    }
)
"""They pass, or the operator ends them, and say nothing about the object: it is tried until it works."""
_logger = get_logger()


class WatchTasks(Protocol):
    """Creates tasks, and looks at them."""

    async def start_watched(self, watch: Watch, url: str, destination: str, name: str) -> int:
        """The id of a task, which calls with the same name share. Raises what CreateTask raises."""

    async def has_ended(self, account_id: int, task_id: int) -> bool:
        """Whether a task has SUCCEEDED. Raises `TaskFailure`, and TASK_NOT_FOUND."""


class Watching:
    """Lists the watched folders, and sees to what they hold. Any number of replicas may."""

    def __init__(
        self, store: WatchStore, storages: Storages, http: ObjectHttp, deliveries: Deliveries, tasks: WatchTasks, clock: Clock
    ) -> None:
        """`http` speaks to the storages of the operator."""
        self._store, self._storages, self._http, self._deliveries = store, storages, http, deliveries
        self._tasks, self._clock = tasks, clock
        self._held = dict[WatchId, tuple[int, datetime]]()
        """Watches whose tasks are refused for reasons that pass: how often in a row, and until when no other object is tried."""

    def loops(self) -> list[Loop]:
        """One for each watch, so that a storage that is slow holds up no other, and one for the work; none without watches."""
        watches = self._storages.watches
        listing = [Loop(f"watch_{each.storage}_{each.name}", watches[each].interval_seconds, partial(self.list, each)) for each in watches]
        return [*listing, Loop("watched_objects", _WORK_SECONDS, self.work)] if listing else []

    async def list(self, watch_id: WatchId) -> bool:
        """Note what is in the folder of a watch, if it is time to."""
        watch, now = self._storages.watches[watch_id], self._clock()
        if not await self._store.take_turn(watch_id, now, now + timedelta(seconds=watch.interval_seconds * _TURN_SHARE)):
            return False
        place, due, error = self._storages.watched(watch_id), 0, None
        prefix, root = place.bucket.key(place.path), place.bucket.key("")
        try:
            with blaming_storage(place, ErrorReason.URL_FETCH_FAILED, ErrorReason.UNAVAILABLE):
                async for page in ObjectStore(place.bucket.client(self._http)).pages(prefix, delimiter="" if watch.recursive else "/"):
                    due += await self._store.observe(watch_id, _taken(page, root), now)
        except DarkroomError as failed:
            error = failed.message
        await self._store.note_listing(watch_id, now, error, _FORGOTTEN)
        if due:
            _logger.info("watched_objects_found", storage=watch_id.storage, watch=watch_id.name, objects=due)
        return False

    async def work(self) -> bool:
        """Create tasks for what is due, and look at those that there are; True if some have ended, which makes room for more."""
        now, claimed = self._clock(), list[WatchedObject]()
        for watch_id, watch in self._storages.watches.items():
            claimed += await self._store.check(watch_id, now, now + _LEASE, _MOST_CHECKED)
            if watch_id not in self._held or self._held[watch_id][1] <= now:
                claimed += await self._store.start(watch_id, now, now + _LEASE, watch.tasks_at_once)
        return any(await asyncio.gather(*map(self._see_to, claimed)))

    async def _see_to(self, found: WatchedObject) -> bool:
        """Go one step on with an object; whether it has ended."""
        watch = self._storages.watches[found.watch]
        try:
            if found.task_id is None:
                task_id = await self._tasks.start_watched(watch, _uri(found), watch.place_of_result(found.path), _name(found, watch))
                self._held.pop(found.watch, None)
                await self._store.note_task(found, task_id, self._clock() + _CHECK)
                _log("watched_object_started", found, task_id=task_id)
                return False
            if not await self._tasks.has_ended(watch.account, found.task_id):
                await self._store.look_again(found, self._clock() + _CHECK)
                return False
        except DarkroomError as error:
            about_the_call = (
                found.task_id is not None and not isinstance(error, TaskFailure) and error.reason is not ErrorReason.TASK_NOT_FOUND
            )
            if about_the_call:
                await self._store.look_again(found, self._later(found), failed=True)
                return False
            return await self._failed(found, watch, error)
        if ended := await self._store.end(found, None):
            _log("watched_object_done", found, task_id=found.task_id)
        return ended

    async def _failed(self, found: WatchedObject, watch: Watch, error: DarkroomError) -> bool:
        """Try again, or set the reason aside; whether it has ended."""
        passes = error.reason in _NOT_OF_THE_OBJECT or (error.passes and found.ended_tasks + 1 < _MOST_FAILURES)
        if passes:
            if error.reason is ErrorReason.URL_FETCH_FAILED and await self._is_gone(found):
                await self._store.forget(found)
                _log("watched_object_gone", found)
                return True
            if found.task_id is None:
                self._hold(found.watch)
            await self._store.try_again(found, self._later(found), str(error))
            _log("watched_object_waits", found, reason=error.reason.value)
            return False
        try:
            await self._set_aside(found, watch, error)
        except DarkroomError as unwritten:
            if unwritten.passes:
                await self._store.look_again(found, self._later(found), failed=True)
                return False
            # It refuses: the reason is in the database all the same.
            _logger.warning("watched_failure_not_written", storage=found.watch.storage, watch=found.watch.name, error=unwritten.message)
        if ended := await self._store.end(found, str(error)):
            _log("watched_object_failed", found, task_id=found.task_id, reason=error.reason.value)
        return ended

    async def _is_gone(self, found: WatchedObject) -> bool:
        """Whether the object is not there any more, or is another one, which listings show."""
        place = self._storages.watched(found.watch)
        try:
            there = await ObjectStore(place.bucket.client(self._http)).head(place.bucket.key(found.path))
        except DarkroomError:
            return False
        return there is None or _etag(there) != found.etag

    async def _set_aside(self, found: WatchedObject, watch: Watch, error: DarkroomError) -> None:
        """Write the reason. Raises FIELD_INVALID and DELIVERY_FAILED."""
        if not watch.failed:
            return
        told = {"object": _uri(found), "reason": error.reason.value, "message": error.message}
        if found.task_id is not None:
            told["task_id"] = str(found.task_id)
        content = json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"
        await self._deliveries.write(watch.account, watch.place_of_failure(found.path), content, "application/json")

    def _hold(self, watch_id: WatchId) -> None:
        """Try no other object of a watch for a while: it would be refused, too."""
        now = self._clock()
        refusals, until = self._held.get(watch_id, (0, now))
        if until <= now:
            self._held[watch_id] = refusals + 1, now + _CHECK + timedelta(seconds=_HOLDS.pause(refusals + 1))

    def _later(self, found: WatchedObject) -> datetime:
        return self._clock() + _CHECK + timedelta(seconds=_PAUSES.pause(found.failures + 1))


def _taken(page: Sequence[StoredObject], root: str) -> list[ListedObject]:
    """Those of a page that may become inputs, the first of each content."""
    found = dict[str, ListedObject]()
    for each in page:
        # PostgreSQL's texts hold no NUL.
        if each.size_bytes and has_extension(each.key, EXTENSIONS) and "\0" not in each.key:
            found.setdefault(_etag(each), ListedObject(each.key.removeprefix(root), _etag(each), each.size_bytes))
    return list(found.values())


def _etag(stored: StoredObject) -> str:
    return stored.etag.strip('"')


def _uri(found: WatchedObject) -> str:
    return f"{SCHEME}{found.watch.storage}/{found.path}"


def _name(found: WatchedObject, watch: Watch) -> str:
    """The same for the same work, until a task for it has failed."""
    parts = (found.watch.storage, found.watch.name, found.path, found.etag, watch.definition.hex(), str(found.ended_tasks))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _log(event: str, found: WatchedObject, **values: object) -> None:
    _logger.info(event, storage=found.watch.storage, watch=found.watch.name, etag=found.etag, **values)
