"""Removing what nobody needs any more. Any number of sweepers may run at once; each works on rows that it has claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from services.common.log import get_logger
from services.files.config import FilesSettings
from services.files.domain.claims import TaskDirectory
from services.files.domain.clock import Clock
from services.files.domain.task_files import TaskFiles
from services.files.metrics import SWEPT
from services.files.objects import ObjectStore
from services.files.store import FileStore, SweepStore
from services.files.store.models import FileRow, FileState

_logger = get_logger()
_BATCH = 200
_PIN_BATCH = 1000
# A claimed row is left alone by other sweepers for so long; also the pause before a task that is still open is asked about again.
_LEASE = timedelta(minutes=10)


class Sweeper:
    """Expired files, uploads that never arrived, refused objects, outputs and pins of ended tasks."""

    def __init__(
        self,
        files: FileStore,
        sweep: SweepStore,
        objects: ObjectStore,
        tasks: TaskDirectory,
        task_files: TaskFiles,
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._files, self._sweep, self._objects, self._tasks, self._task_files = files, sweep, objects, tasks, task_files
        self._settings, self._clock = settings, clock

    async def sweep_files(self) -> bool:
        """Handle one batch of files that are due; True if there may be more."""
        now = self._clock()
        rows = await self._sweep.claim_due(now, now + _LEASE, _BATCH)
        await self._clear([row for row in rows if row.state is FileState.CLEARING])
        await self._remove([row for row in rows if row.state is FileState.DELETING and row.pins == 0])
        await self._expire([row for row in rows if row.visible and row.state in (FileState.PENDING, FileState.READY)], now)
        # Last, because it needs another service.
        await self._settle({row.task_id for row in rows if not row.visible and row.state is not FileState.DELETING and row.task_id})
        return len(rows) == _BATCH

    async def sweep_pins(self) -> bool:
        """Ask about one batch of pins whose tasks should have been heard of; True if there may be more."""
        now = self._clock()
        task_ids = await self._sweep.claim_due_pins(now, now + _LEASE, _PIN_BATCH)
        await self._settle(task_ids)
        return len(task_ids) == _PIN_BATCH

    async def _clear(self, rows: Sequence[FileRow]) -> None:
        """Finish what a process left that died while it refused an upload."""
        if rows:
            gone = await self._objects.delete([row.object_key for row in rows])
            await self._files.end_clearing([row.id for row in rows if row.object_key in gone])

    async def _expire(self, rows: Sequence[FileRow], now: datetime) -> None:
        """Files past their time. An upload whose bytes did arrive is kept for as long as one that was used."""
        pending = [row for row in rows if row.state is FileState.PENDING]
        kept = await asyncio.gather(*(self._keep_if_arrived(row, now) for row in pending))
        spared = {row.id for row, keep in zip(pending, kept, strict=True) if keep}
        overdue = [row.id for row in rows if row.id not in spared and row.expires_at is not None and row.expires_at <= now]
        if overdue:
            await self._remove(await self._sweep.expire(overdue, now))

    async def _keep_if_arrived(self, row: FileRow, now: datetime) -> bool:
        if row.expires_at is None or row.expires_at > now:
            return False
        stored = await self._objects.head(row.object_key)
        return stored is not None and await self._sweep.postpone(row.id, stored.modified_at, self._settings.temporary_life, now)

    async def _remove(self, rows: Sequence[FileRow]) -> None:
        """Delete the objects of DELETING files, then their rows. What fails is tried again when the lease has ended."""
        if not rows:
            return
        for row in rows:
            # Without an ETag it was never accepted, so its parts may still lie there.
            if row.upload_id is not None and row.etag is None:
                await self._objects.abort_upload(row.object_key, row.upload_id)
        gone = await self._objects.delete([row.object_key for row in rows])
        removed = [row.id for row in rows if row.object_key in gone]
        await self._sweep.remove(removed)
        SWEPT.labels("files").inc(len(removed))
        _logger.info("files_removed", files=len(removed))

    async def _settle(self, task_ids: Collection[int]) -> None:
        """Ask tasks what has become of them, in case an event was lost. The files of open tasks stay."""
        if task_ids:
            await self._task_files.settle(await self._tasks.ended(task_ids))
