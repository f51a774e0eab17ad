"""Removing files that are no longer needed. Any number of sweepers may run at once; each works on files that it has claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.files.config import FilesSettings
from services.files.domain.library import TaskDirectory
from services.files.domain.task_files import TaskFiles
from services.files.metrics import SWEPT
from services.files.objects import ObjectStore
from services.files.records import File, FileState
from services.files.store import FileStore, SweepStore
from services.files.store.deletions import Deletions
from services.platform.clock import Clock
from services.platform.log import get_logger

_logger = get_logger()
_BATCH = 200
_PIN_BATCH = 1000
# How long other sweepers leave a claimed file alone; also the pause before asking again about a task that is still open.
_LEASE = timedelta(minutes=10)


class Sweeper:
    """Removes expired files, uploads that never arrived, refused objects, and outputs and pins of ended tasks."""

    def __init__(
        self,
        files: FileStore,
        sweep: SweepStore,
        objects: ObjectStore,
        tasks: TaskDirectory,
        task_files: TaskFiles,
        deletions: Deletions,
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._files, self._sweep, self._objects, self._tasks, self._task_files = files, sweep, objects, tasks, task_files
        self._deletions, self._settings, self._clock = deletions, settings, clock

    async def sweep_files(self) -> bool:
        """Handle one batch of files that are due; True if there may be more."""
        now = self._clock()
        files = await self._sweep.claim_due(now, now + _LEASE, _BATCH)
        await self._clear([file for file in files if file.state is FileState.CLEARING])
        await self._remove([file for file in files if file.state is FileState.DELETING and file.pins == 0])
        await self._expire([file for file in files if file.visible and file.state in (FileState.PENDING, FileState.READY)], now)
        # Last, because it needs another service.
        await self._settle({file.task_id for file in files if not file.visible and file.state is not FileState.DELETING and file.task_id})
        return len(files) == _BATCH

    async def sweep_pins(self) -> bool:
        """Ask the tasks service about one batch of pins whose tasks should have ended by now; True if there may be more."""
        now = self._clock()
        task_ids = await self._sweep.claim_due_pins(now, now + _LEASE, _PIN_BATCH)
        await self._settle(task_ids)
        return len(task_ids) == _PIN_BATCH

    async def _clear(self, files: Sequence[File]) -> None:
        """Finish refusing uploads where a process died halfway."""
        if files:
            gone = await self._objects.delete([file.object_key for file in files])
            await self._files.end_clearing([file.id for file in files if file.object_key in gone])

    async def _expire(self, files: Sequence[File], now: datetime) -> None:
        """Expire files. An upload whose bytes did arrive is kept as long as one that was used."""
        pending = [file for file in files if file.state is FileState.PENDING]
        kept = await asyncio.gather(*(self._keep_if_arrived(file, now) for file in pending))
        spared = {file.id for file, keep in zip(pending, kept, strict=True) if keep}
        overdue = [file.id for file in files if file.id not in spared and file.expires_at is not None and file.expires_at <= now]
        if overdue:
            await self._remove(await self._sweep.expire(overdue, now))

    async def _keep_if_arrived(self, file: File, now: datetime) -> bool:
        if file.expires_at is None or file.expires_at > now:
            return False
        stored = await self._objects.head(file.object_key)
        return stored is not None and await self._sweep.postpone(file.id, stored.modified_at, self._settings.temporary_life, now)

    async def _remove(self, files: Sequence[File]) -> None:
        """Delete the objects of DELETING files, then their rows. Failures are retried when the lease has ended, and so is what a backup
        holds back."""
        if not files or not await self._deletions.allowed():
            return
        for file in files:
            # Without an ETag it was never accepted, so its parts may still be in storage.
            if file.upload_id is not None and file.etag is None:
                await self._objects.abort_upload(file.object_key, file.upload_id)
        gone = await self._objects.delete([file.object_key for file in files])
        removed = [file.id for file in files if file.object_key in gone]
        await self._sweep.remove(removed)
        SWEPT.labels("files").inc(len(removed))
        _logger.info("files_removed", files=len(removed))

    async def _settle(self, task_ids: Collection[int]) -> None:
        """Ask the tasks service about the tasks, in case an event was lost, and settle those that have ended. Files of open tasks stay."""
        if task_ids:
            await self._task_files.settle(await self._tasks.find_ended(task_ids))
