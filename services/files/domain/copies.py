"""Copies of files within the storage."""

from __future__ import annotations

from dataclasses import replace

from services.files.config import FilesSettings
from services.files.domain.errors import not_found
from services.files.domain.keys import object_key
from services.files.domain.quota import Quotas, storage_of
from services.files.objects import ObjectStore, SourceChanged
from services.files.records import File, FileOrigin
from services.files.store import FileStore
from services.platform.clock import Clock
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall


class Copies:
    """Makes uploads of files that are READY. Each has its own bytes, counts in the quotas of its account, and expires as any upload."""

    def __init__(
        self, store: FileStore, objects: ObjectStore, quotas: Quotas, disk: DiskGuard, settings: FilesSettings, clock: Clock
    ) -> None:
        self._store, self._objects, self._quotas, self._disk = store, objects, quotas, disk
        self._settings, self._clock = settings, clock

    async def copy(self, file: File, call: IdempotentCall | None = None) -> File:
        """A copy, READY, recorded together with the key of the call, if it has one. If it is not recorded in the end, the orphan sweep
        finds its bytes.

        Raises FILE_NOT_FOUND where the bytes are gone, QUOTA_EXCEEDED, DISK_FULL, IDEMPOTENCY_IN_PROGRESS and UNAVAILABLE.
        """
        self._disk.check()
        [file_id] = await self._store.new_ids(1)
        key, now = object_key(file.account_id, file_id), self._clock()
        copy = replace(
            file,
            id=file_id,
            origin=FileOrigin.UPLOAD,
            visible=True,
            object_key=key,
            upload_id=None,
            part_bytes=None,
            permanent=False,
            task_id=None,
            attempt=None,
            kept_as=None,
            pins=0,
            surface=None,
            created_at=now,
        )
        added = storage_of([copy])
        await self._quotas.check_room(file.account_id, added)
        try:
            copy = replace(copy, etag=await self._objects.copy(file.object_key, file.etag or "", key, file.media_type))
        except SourceChanged:
            raise not_found(file.id) from None
        try:
            await self._store.insert_uploads([copy], call, self._quotas.growth(added), now, self._settings.temporary_life)
        except DarkroomError as error:
            if error.reason in (ErrorReason.QUOTA_EXCEEDED, ErrorReason.IDEMPOTENCY_IN_PROGRESS):
                await self._objects.delete([key])
            raise
        return copy
