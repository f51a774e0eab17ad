"""Accepting uploads: HEAD and probe on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from services.common.clock import Clock
from services.common.errors import DarkroomError, ErrorReason
from services.common.log import get_logger
from services.files.config import FilesSettings
from services.files.domain.errors import about, not_found, not_uploaded
from services.files.objects import ObjectStore, StoredObject
from services.files.presign import Presigner
from services.files.probe.model import Probe
from services.files.records import AcceptedContent, File, FileState
from services.files.store import FileStore

_logger = get_logger()
_CLEARING_LEASE = timedelta(minutes=2)
# After these errors the bytes are useless.
_REFUSALS = {
    ErrorReason.FILE_TOO_LARGE,
    ErrorReason.MEDIA_UNSUPPORTED,
    ErrorReason.FILE_CORRUPT,
    ErrorReason.FILE_ENCRYPTED,
    ErrorReason.MEDIA_LIMIT_EXCEEDED,
}


class ContentProber(Protocol):
    """`services.files.probe.Prober`, as far as it is used here."""

    async def probe(self, url: str, size: int, etag: str | None = None) -> Probe:
        """Find out what the object of `size` bytes behind the URL is."""


class Intake:
    """Turns PENDING uploads into READY files, or refuses them and removes them from storage."""

    def __init__(
        self,
        store: FileStore,
        objects: ObjectStore,
        internal_urls: Presigner,
        prober: ContentProber,
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._store, self._objects, self._urls, self._prober = store, objects, internal_urls, prober
        self._settings, self._clock = settings, clock
        self._slots = asyncio.Semaphore(settings.probe_concurrency)

    async def ready(self, files: Sequence[File]) -> list[File]:
        """The files, READY, in the same order; new ones are examined concurrently.

        Raises the first error in the order of `files`: SOURCE_FILE_UPLOAD_NOT_COMPLETED, FILE_SIZE_MISMATCH (changed meanwhile),
        FILE_TOO_LARGE, MEDIA_UNSUPPORTED, FILE_CORRUPT, FILE_ENCRYPTED, MEDIA_LIMIT_EXCEEDED, FILE_NOT_FOUND (deleted
        meanwhile), UNAVAILABLE. Its metadata has `file_id`.
        """
        ready = []
        for result in await self._examined(files):
            if isinstance(result, DarkroomError):
                raise result
            ready.append(result)
        return ready

    async def examined(self, files: Sequence[File]) -> list[File | DarkroomError]:
        """Like `ready`, but with each file's error in its place. Raises only UNAVAILABLE, which is not about the file."""
        results = await self._examined(files)
        for result in results:
            if isinstance(result, DarkroomError) and result.reason is ErrorReason.UNAVAILABLE:
                raise result
        return results

    async def _examined(self, files: Sequence[File]) -> list[File | DarkroomError]:
        examined: list[File | DarkroomError] = []
        for result in await asyncio.gather(*(self._ready(file) for file in files), return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, DarkroomError):
                raise result
            examined.append(result)
        return examined

    async def _ready(self, file: File) -> File:
        if file.state is FileState.READY:
            return file
        async with self._slots:
            return await self._accept(file)

    async def _accept(self, file: File) -> File:
        stored = await self._objects.head(file.object_key)
        if stored is None:
            raise not_uploaded(file.id)
        try:
            self._check_size(stored)
            found = await self._examine(file, stored)
        except DarkroomError as error:
            if error.reason in _REFUSALS:
                await self._clear(file)
                _logger.info("upload_refused", file_id=file.id, reason=error.reason.value, size=stored.size_bytes)
            elif error.reason is ErrorReason.UNAVAILABLE and await self._objects.head(file.object_key) is None:
                # Another call has refused the same upload meanwhile; storage may fail a read during a deletion.
                raise not_uploaded(file.id) from error
            raise about(error, file.id) from error
        accepted = await self._store.accept(file.id, found, self._clock(), self._settings.temporary_life)
        return accepted or await self._after_race(file)

    def _check_size(self, stored: StoredObject) -> None:
        limit = self._settings.max_file_bytes
        if stored.size_bytes > limit:
            raise DarkroomError(
                ErrorReason.FILE_TOO_LARGE, f"The upload has {stored.size_bytes} bytes; {limit} are allowed. It was discarded."
            )

    async def _examine(self, file: File, stored: StoredObject) -> AcceptedContent:
        url = self._urls.get(file.object_key, self._settings.internal_url_seconds)
        found = await self._prober.probe(url, stored.size_bytes, stored.etag)
        megapixels, pages = self._settings.max_megapixels, self._settings.max_pages
        if found.megapixels > megapixels:
            raise DarkroomError(
                ErrorReason.MEDIA_LIMIT_EXCEEDED,
                f"The picture has {found.width} × {found.height} pixels ({found.megapixels:.1f} megapixels); "
                f"{megapixels:g} megapixels are allowed.",
            )
        if (found.pages or 0) > pages:
            raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, f"The document has {found.pages} pages; {pages} are allowed.")
        return AcceptedContent(
            etag=stored.etag,
            size_bytes=stored.size_bytes,
            media_type=found.media_type,
            width=found.width,
            height=found.height,
            frames=found.frames,
            pages=found.pages,
        )

    async def _clear(self, file: File) -> None:
        """Delete the refused object, unless another call accepted a better one in the meantime."""
        if await self._store.begin_clearing(file.id, self._clock() + _CLEARING_LEASE):
            await self._objects.delete([file.object_key])
            await self._store.end_clearing([file.id])

    async def _after_race(self, file: File) -> File:
        """The file as a concurrent call has left it."""
        current = (await self._store.find(file.account_id, [file.id], self._clock())).get(file.id)
        if current is None:
            raise not_found(file.id)
        if current.state is not FileState.READY:
            raise not_uploaded(file.id)
        return current
