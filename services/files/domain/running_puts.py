"""PUTs of uploads while they run: how many there may be, what becomes of them when their upload ends first, and of the bytes they bring."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from services.files.domain.arrivals import PutRefusal, UploadPut
from services.files.domain.keys import uploader_of
from services.files.metrics import SWEPT
from services.files.objects import ObjectStore
from services.files.records import FileState
from services.files.store import FileStore
from services.files.store.deletions import Deletions
from services.platform.disk import DiskGuard
from services.platform.log import get_logger

INTERVAL_SECONDS = 2.0
MOST_AT_ONCE = 4
"""PUTs to one URL that may run at once. A client whose connection broke sends again, while the edge may take a minute to notice."""
_logger = get_logger()


class RunningPuts:
    """Those that this process hears of from edges; other replicas know of others.

    One that is not known, because a replica has stopped or an edge could not tell, runs as any other, without what is done here. The sweep
    of uploads finds its bytes.
    """

    def __init__(self, store: FileStore, objects: ObjectStore, deletions: Deletions, disk: DiskGuard) -> None:
        self._store, self._objects, self._deletions, self._disk = store, objects, deletions, disk
        self._running: defaultdict[tuple[str, str | None, int], set[asyncio.Event]] = defaultdict(set)

    def refusal(self, put: UploadPut) -> PutRefusal | None:
        """Why a PUT may not run besides the others; None if it may."""
        if len(self._running.get(_url(put), ())) >= MOST_AT_ONCE:
            return PutRefusal.TOO_MANY
        return None if self._disk.has_room(put.size_bytes) else PutRefusal.DISK_FULL

    @contextmanager
    def running(self, put: UploadPut) -> Iterator[asyncio.Event]:
        """The PUT runs for as long as the block does. The event says that its upload has ended."""
        url, ended = _url(put), asyncio.Event()
        self._running[url].add(ended)
        try:
            with self._disk.arriving(put.size_bytes):
                yield ended
        finally:
            self._running[url].discard(ended)
            if not self._running[url]:
                del self._running[url]

    async def step(self) -> bool:
        """Look once for uploads that have ended while a PUT of theirs runs."""
        if self._running:
            unfinished = await self._store.unfinished_at({key for key, _, _ in self._running})
            for (key, upload_id, _), puts in list(self._running.items()):
                if (key, upload_id) not in unfinished:
                    for ended in puts:
                        ended.set()
        return False

    async def stored(self, put: UploadPut) -> bool:
        """Whether the upload is still open, now that the storage has all of the PUT; else what it brought is deleted.

        Raises UNAVAILABLE when the database or the storage cannot be reached.
        """
        file = await self._store.at(put.key)
        if file is not None and file.state in (FileState.PENDING, FileState.CLEARING) and file.upload_id == put.upload_id:
            return True
        if put.upload_id is not None:
            await self._objects.abort_upload(put.key, put.upload_id)
        # Nothing that is READY is named so: acceptance moves what was sent.
        elif uploader_of(put.key) is not None and await self._deletions.allowed():
            await self._objects.delete([put.key])
        SWEPT.labels("late_puts").inc()
        _logger.info("late_put_deleted", key=put.key, bytes=put.size_bytes)
        return False


def _url(put: UploadPut) -> tuple[str, str | None, int]:
    return put.key, put.upload_id, put.part_number
