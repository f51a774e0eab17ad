"""Accepting uploads: HEAD and probe on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from services.common.errors import DarkroomError, ErrorReason
from services.common.log import get_logger
from services.files.config import FilesSettings
from services.files.domain.clock import Clock
from services.files.domain.refusals import about, not_found, not_uploaded
from services.files.objects import ObjectStore, StoredObject
from services.files.presign import Presigner
from services.files.probe.model import Probe
from services.files.store import FileStore, Found
from services.files.store.models import FileRow, FileState

_logger = get_logger()
_CLEARING_LEASE = timedelta(minutes=2)
# After these the bytes are of no use to anybody. FILE_SIZE_MISMATCH is judged here; the prober's own means "changed meanwhile".
_PROBE_REFUSALS = {
    ErrorReason.MEDIA_UNSUPPORTED,
    ErrorReason.FILE_CORRUPT,
    ErrorReason.FILE_ENCRYPTED,
    ErrorReason.MEDIA_LIMIT_EXCEEDED,
}


class ContentProber(Protocol):
    """`services.files.probe.Prober`, as far as it is used here."""

    async def probe(self, url: str, size: int, etag: str | None = None) -> Probe:
        """What the object of `size` bytes behind the URL is."""


class Intake:
    """Turns PENDING uploads into READY files, or refuses them and leaves nothing of them in storage."""

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

    async def ready(self, rows: Sequence[FileRow]) -> list[FileRow]:
        """The files, READY, in the same order; fresh ones are examined side by side.

        Raises the first error in the order of `rows`: SOURCE_FILE_UPLOAD_NOT_COMPLETED, FILE_SIZE_MISMATCH, FILE_TOO_LARGE,
        MEDIA_UNSUPPORTED, FILE_CORRUPT, FILE_ENCRYPTED, MEDIA_LIMIT_EXCEEDED, FILE_NOT_FOUND (deleted meanwhile), UNAVAILABLE. Its
        metadata has `file_id`.
        """
        ready = []
        for result in await self._examined(rows):
            if isinstance(result, DarkroomError):
                raise result
            ready.append(result)
        return ready

    async def examined(self, rows: Sequence[FileRow]) -> list[FileRow | DarkroomError]:
        """`ready`, with the error of each file in its place. Raises UNAVAILABLE, which says nothing about the file."""
        results = await self._examined(rows)
        for result in results:
            if isinstance(result, DarkroomError) and result.reason is ErrorReason.UNAVAILABLE:
                raise result
        return results

    async def _examined(self, rows: Sequence[FileRow]) -> list[FileRow | DarkroomError]:
        examined: list[FileRow | DarkroomError] = []
        for result in await asyncio.gather(*(self._ready(row) for row in rows), return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, DarkroomError):
                raise result
            examined.append(result)
        return examined

    async def _ready(self, row: FileRow) -> FileRow:
        if row.state is FileState.READY:
            return row
        async with self._slots:
            return await self._accept(row)

    async def _accept(self, row: FileRow) -> FileRow:
        stored = await self._objects.head(row.object_key)
        if stored is None:
            raise not_uploaded(row.id)
        try:
            self._check_size(row, stored)
            found = await self._examine(row, stored)
        except DarkroomError as error:
            if error.reason in _PROBE_REFUSALS or error.reason is ErrorReason.FILE_TOO_LARGE or isinstance(error, _WrongSize):
                await self._clear(row)
                _logger.info("upload_refused", file_id=row.id, reason=error.reason.value, size=stored.size_bytes)
            elif error.reason is ErrorReason.UNAVAILABLE and await self._objects.head(row.object_key) is None:
                # Another call has refused the same upload meanwhile, and a storage may fail a read that a deletion overtakes.
                raise not_uploaded(row.id) from error
            raise about(error, row.id) from error
        accepted = await self._store.accept(row.id, found, self._clock(), self._settings.temporary_life)
        return accepted or await self._after_race(row)

    def _check_size(self, row: FileRow, stored: StoredObject) -> None:
        limit = self._settings.max_file_bytes
        if stored.size_bytes > limit:
            raise DarkroomError(
                ErrorReason.FILE_TOO_LARGE, f"The upload has {stored.size_bytes} bytes; {limit} are allowed. It was discarded."
            )
        if row.size_bytes and stored.size_bytes != row.size_bytes:
            raise _WrongSize(
                ErrorReason.FILE_SIZE_MISMATCH,
                f"The upload has {stored.size_bytes} bytes; {row.size_bytes} were declared. It was discarded.",
            )

    async def _examine(self, row: FileRow, stored: StoredObject) -> Found:
        url = self._urls.get(row.object_key, self._settings.internal_url_seconds)
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
        return Found(
            etag=stored.etag,
            size_bytes=stored.size_bytes,
            media_type=found.media_type,
            width=found.width,
            height=found.height,
            frames=found.frames,
            pages=found.pages,
        )

    async def _clear(self, row: FileRow) -> None:
        """Delete the refused object, unless another call accepted a better one in the meantime."""
        if await self._store.begin_clearing(row.id, self._clock() + _CLEARING_LEASE):
            await self._objects.delete([row.object_key])
            await self._store.end_clearing([row.id])

    async def _after_race(self, row: FileRow) -> FileRow:
        """The row as another call has left it."""
        current = (await self._store.find(row.account_id, [row.id], self._clock())).get(row.id)
        if current is None:
            raise not_found(row.id)
        if current.state is not FileState.READY:
            raise not_uploaded(row.id)
        return current


class _WrongSize(DarkroomError):
    """FILE_SIZE_MISMATCH by the object's HEAD."""
