"""Interrupted uploads: resuming and aborting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.files.config import FilesSettings
from services.files.domain.errors import about, no_upload, not_found
from services.files.domain.quota import Quotas
from services.files.domain.upload_urls import CreatedUpload, UploadUrls
from services.files.objects import ObjectStore, StoredPart, UploadGone
from services.files.records import File, FileState
from services.files.store import FileStore
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class ResumedUpload:
    """An upload with fresh URLs, and the parts of it that have arrived, by number."""

    upload: CreatedUpload
    stored_parts: Mapping[int, StoredPart]


class UnfinishedUploads:
    """Uploads of an account whose file is not READY. Another account's upload is treated as missing."""

    def __init__(
        self,
        store: FileStore,
        objects: ObjectStore,
        urls: UploadUrls,
        quotas: Quotas,
        wake_sweeper: Callable[[], None],
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._store, self._objects, self._urls, self._quotas = store, objects, urls, quotas
        self._wake_sweeper, self._settings, self._clock = wake_sweeper, settings, clock

    async def resume(self, account_id: int, file_id: int) -> ResumedUpload:
        """The received parts, and fresh URLs; the rest gets as much time as initially. Raises FILE_NOT_FOUND and UPLOAD_NOT_FOUND."""
        file = await self._unfinished(account_id, file_id)
        arrived = await self._arrived(file, file.upload_id) if file.upload_id is not None else {}
        await self._store.prolong_uploads(account_id, [file_id], self._clock() + self._settings.upload_deadline)
        return ResumedUpload((await self._urls.sign([file], await self._quotas.remaining(account_id)))[0], arrived)

    async def abort(self, account_id: int, file_id: int) -> None:
        """Delete the file; the sweeper drops its parts at once. Raises FILE_NOT_FOUND and UPLOAD_NOT_FOUND."""
        if not await self._store.give_up(account_id, file_id, self._clock()):
            await self._unfinished(account_id, file_id)
            # Another call has deleted it or given it up since.
            raise not_found(file_id)
        self._wake_sweeper()

    async def _unfinished(self, account_id: int, file_id: int) -> File:
        file = (await self._store.find(account_id, [file_id], self._clock())).get(file_id)
        if file is None or not file.visible:
            raise not_found(file_id)
        if file.state is FileState.READY:
            raise _finished(file_id)
        return file

    async def _arrived(self, file: File, upload_id: str) -> Mapping[int, StoredPart]:
        try:
            return await self._objects.parts(file.object_key, upload_id)
        except UploadGone:
            if await self._objects.head(file.object_key) is None:
                raise no_upload(file.id) from None
            # An earlier call has joined the parts and lost its reply.
            raise _finished(file.id) from None


def _finished(file_id: int) -> DarkroomError:
    error = DarkroomError(ErrorReason.UPLOAD_NOT_FOUND, f"File {file_id} has been uploaded completely and can be used.")
    return about(error, file_id)
