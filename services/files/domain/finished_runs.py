"""The input and the output of a task that was done before either was stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from services.files.config import FilesSettings
from services.files.domain.intake import Intake
from services.files.domain.keys import object_key
from services.files.domain.library import Download, Downloads
from services.files.domain.naming import check_name
from services.files.domain.quota import Quotas, storage_of
from services.files.domain.task_files import NewOutput
from services.files.domain.uploads import NewUpload, Uploads
from services.files.recent import RecentContents
from services.files.records import File, FileOrigin, FileState
from services.files.store import FileStore
from services.files.transfers import Transfers
from services.pictures.probe.model import Probe
from services.platform.clock import Clock
from services.platform.disk import DiskGuard


@dataclass(frozen=True, slots=True)
class StoredContent:
    """An object that may get a record."""

    object_key: str
    etag: str


@dataclass(frozen=True, slots=True)
class HeldInput:
    """An input whose receiver has held it."""

    file_id: int
    output_file_id: int
    name: str
    content: StoredContent
    """Its content, as `store_content` has stored it."""
    size_bytes: int
    surface: str
    """Name of the API that received it, if its age may be limited."""
    found: Probe
    """Its type and properties, by its content."""


class FinishedRuns:
    """Stores both at once. They can be used before the task is stored, and expire like any other files if it never is."""

    def __init__(
        self,
        store: FileStore,
        transfers: Transfers,
        uploads: Uploads,
        intake: Intake,
        quotas: Quotas,
        recent: RecentContents,
        downloads: Downloads,
        disk: DiskGuard,
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._store, self._transfers, self._uploads, self._intake = store, transfers, uploads, intake
        self._quotas, self._recent, self._downloads, self._disk = quotas, recent, downloads, disk
        self._settings, self._clock = settings, clock

    async def store_content(self, account_id: int, file_id: int, media_type: str, content: bytes) -> StoredContent:
        """Store the content of an input that may get a record. Without one, the orphan sweep finds it."""
        self._disk.check()
        key = object_key(account_id, file_id)
        return StoredContent(key, await self._transfers.store(key, content, media_type))

    async def store(self, account_id: int, task_id: int, surface: str, held: HeldInput, output: NewOutput) -> Download:
        """Store the output's object, and then both records in one transaction. Repeating it is harmless. Returns a download of the output.
        `surface` is the API that creates the task.

        Raises QUOTA_EXCEEDED, MEDIA_LIMIT_EXCEEDED, FIELD_INVALID, DISK_FULL, UNAVAILABLE.
        """
        check_name(output.name, "output.name")
        self._intake.check_limits(held.found)
        key = object_key(account_id, held.output_file_id)
        storing = self._transfers.storing(key, output.content, output.media_type)
        # The storage works meanwhile.
        await asyncio.sleep(0)
        found, now = held.found, self._clock()
        received = NewUpload(held.name, held.size_bytes, in_parts=False, surface=held.surface)
        upload = replace(
            self._uploads.content_file(account_id, received, held.file_id),
            state=FileState.READY,
            object_key=held.content.object_key,
            etag=held.content.etag,
            media_type=found.media_type,
            width=found.width,
            height=found.height,
            frames=found.frames,
            duration_milliseconds=found.duration_milliseconds,
        )
        made = File(
            id=held.output_file_id,
            account_id=account_id,
            origin=FileOrigin.TASK,
            state=FileState.READY,
            visible=True,
            object_key=key,
            name=output.name,
            media_type=output.media_type,
            size_bytes=len(output.content),
            width=output.width,
            height=output.height,
            frames=output.frames,
            duration_milliseconds=output.duration_milliseconds,
            task_id=task_id,
            attempt=1,
            created_at=now,
            surface=surface or None,
        )
        [download] = await self._downloads.sign([made])
        growth = self._quotas.growth(storage_of([upload]))
        made = replace(made, etag=await storing)
        await self._store.insert_run(upload, made, growth, now, self._settings.temporary_life, self._settings.output_life)
        self._recent.keep(made.object_key, output.content)
        return replace(download, file=made)
