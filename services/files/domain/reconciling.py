"""Comparing storage with records, both ways: no object without its record, no record without its object."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from services.files.config import FilesSettings
from services.files.domain.keys import FILES, UPLOADS, file_id_of, uploader_of
from services.files.domain.quota import Quotas
from services.files.metrics import MISSING, SWEPT
from services.files.objects import ObjectStore, StoredObject
from services.files.records import ReadyObject
from services.files.store import SweepStore
from services.files.store.deletions import Deletions
from services.platform.clock import Clock
from services.platform.log import get_logger

_logger = get_logger()
# The first key after all that begin with the prefix.
_KEYS_END = FILES[:-1] + chr(ord(FILES[-1]) + 1)
_BATCH = 1000
_HEAD_CONCURRENCY = 16


class Reconciler:
    """Lists the bucket from time to time. Any number of reconcilers may run at once.

    **Objects without a record** are deleted when they are old: a copy that a dying process left, an output of a worker that was given up, a
    multipart upload that was begun but not recorded. Uploads of clients are checked more often, and deleted at once. A record is committed
    before its first URL is given out, so an object without one by then will never get one.

    **Records without an object**, deleted behind the service's back, are hidden from their account at once, and removed when the object has
    been missing for a day. That leaves time to repair a storage that only seemed to be empty: a file whose object is back by then is
    visible again, too.
    """

    def __init__(
        self,
        sweep: SweepStore,
        objects: ObjectStore,
        quotas: Quotas,
        deletions: Deletions,
        wake_sweeper: Callable[[], None],
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._sweep, self._objects, self._quotas, self._wake_sweeper = sweep, objects, quotas, wake_sweeper
        self._deletions = deletions
        self._settings, self._clock = settings, clock
        self._heads = asyncio.Semaphore(_HEAD_CONCURRENCY)

    async def step(self) -> bool:
        """List the bucket once; there is never more to do at once."""
        now = self._clock()
        oldest = now - timedelta(seconds=self._settings.orphan_age_seconds)
        behind = FILES
        async for page in self._objects.pages(FILES):
            await self._delete_unknown([stored.key for stored in page if stored.modified_at < oldest])
            # Storage lists keys in byte order.
            last = max((stored.key for stored in page), default=behind)
            await self._compare_records(behind, last, {stored.key for stored in page}, now)
            behind = last
        await self._compare_records(behind, _KEYS_END, set(), now)
        await self._abort_orphans(oldest)
        return False

    async def sweep_uploads(self) -> bool:
        """Delete what was sent to the URLs of uploads that have been accepted, deleted or given up, and what is too much for its account;
        there is never more to do at once.

        An upload counts with all that is sent to it through the edge. Where clients reach the storage themselves, it counts with the size
        that was announced until its bytes are accepted, and until then this looks at what has arrived.
        """
        arrived: defaultdict[int, list[StoredObject]] = defaultdict(list)
        async for page in self._objects.pages(UPLOADS):
            ours = [stored for stored in page if uploader_of(stored.key) is not None]
            orphans = await self._delete_unknown([stored.key for stored in ours])
            for stored in ours:
                if stored.key not in orphans:
                    arrived[uploader_of(stored.key) or 0].append(stored)
        for account_id, objects in arrived.items():
            await self._delete_excess(account_id, objects)
        return False

    async def _delete_excess(self, account_id: int, arrived: Sequence[StoredObject]) -> None:
        """Delete uploads that are larger than they count, the largest first, until what the account stores is within its limit again."""
        counted = await self._sweep.counted_sizes([stored.key for stored in arrived])
        growth = {stored.key: stored.size_bytes - counted.get(stored.key, stored.size_bytes) for stored in arrived}
        grown = sorted((key for key, more in growth.items() if more > 0), key=lambda key: growth[key])
        if not grown:
            return
        stored, allowed = await self._quotas.totals(account_id)
        excess = stored.size_bytes + sum(growth[key] for key in grown) - allowed.size_bytes
        deleted = []
        while grown and excess > 0:
            deleted.append(grown.pop())
            excess -= growth[deleted[-1]]
        if deleted and await self._deletions.allowed():
            await self._objects.delete(deleted)
            SWEPT.labels("excess_uploads").inc(len(deleted))
            _logger.info("excess_uploads_deleted", account_id=account_id, objects=len(deleted))

    async def _delete_unknown(self, keys: Collection[str]) -> set[str]:
        """Delete those of the objects that no record needs; returns them.

        A record that is not READY may be about to get a copy that was begun a moment ago, so it needs every object made for its file. Not
        every storage says how old a copy is: `rclone serve s3` gives it the age of the original.
        """
        if not keys:
            return set()
        made_for = {key: file_id for key in keys if (file_id := file_id_of(key)) is not None}
        # In this order: what becomes READY in between is then known.
        unfinished = await self._sweep.find_unfinished(set(made_for.values()))
        known = await self._sweep.known_keys(keys)
        orphans = {key for key in keys if key not in known and made_for.get(key) not in unfinished}
        if orphans and await self._deletions.allowed():
            deleted = await self._objects.delete(orphans)
            SWEPT.labels("orphan_objects").inc(len(deleted))
            _logger.info("orphans_deleted", objects=len(deleted))
        return orphans

    async def _abort_orphans(self, oldest: datetime) -> None:
        started = [upload for upload in await self._objects.uploads(FILES) if upload.started_at < oldest]
        known = await self._sweep.known_uploads([upload.upload_id for upload in started]) if started else set()
        for upload in started:
            if upload.upload_id not in known:
                await self._objects.abort_upload(upload.key, upload.upload_id)
                SWEPT.labels("orphan_uploads").inc()
                _logger.info("orphan_upload_aborted", key=upload.key)

    async def _compare_records(self, behind: str, last: str, listed: Collection[str], now: datetime) -> None:
        """Compare the READY records whose keys are above `behind`, up to `last`, with the objects listed there."""
        while ready := await self._sweep.ready_objects(behind, last, _BATCH):
            back = [each.file_id for each in ready if each.key in listed and each.missing]
            if back:
                await self._sweep.found_again(back)
                _logger.info("objects_back", files=len(back))
            await self._note_missing([each for each in ready if each.key not in listed], now)
            behind = ready[-1].key

    async def _note_missing(self, unlisted: Sequence[ReadyObject], now: datetime) -> None:
        """Hide files whose objects are missing. Each is checked again: it may have become READY after its part of the bucket was listed."""
        there = await asyncio.gather(*(self._is_there(each.key) for each in unlisted))
        missing = [each.file_id for each, is_there in zip(unlisted, there, strict=True) if not is_there]
        if not missing:
            return
        noted = await self._sweep.note_missing(missing, now)
        MISSING.inc(len(missing))
        given_up = await self._sweep.give_up_missing(missing, now - self._settings.missing_life, now)
        _logger.warning("objects_missing", files=len(missing), noted=noted, given_up=given_up)
        if given_up:
            self._wake_sweeper()

    async def _is_there(self, key: str) -> bool:
        async with self._heads:
            return await self._objects.head(key) is not None
