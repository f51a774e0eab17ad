"""Accepting uploads on first use: out of the reach of their URLs, then examined."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from services.files.config import FilesSettings
from services.files.domain.errors import about, not_found, not_uploaded
from services.files.domain.keys import object_key, uploader_of
from services.files.domain.naming import UNKNOWN_TYPE, of_the_same_medium
from services.files.domain.quota import Quotas, storage_of
from services.files.domain.reading_ahead import SMALL, ReadingAhead
from services.files.objects import ObjectStore, SourceChanged
from services.files.presign import Presigner
from services.files.recent import RecentContents
from services.files.records import AcceptedContent, File, FileState, NewPin, Storage
from services.files.store import FileStore
from services.files.store.deletions import Deletions
from services.files.transfers import Beginning, Transfers
from services.pictures.probe.faults import TOO_MANY_PIXELS
from services.pictures.probe.model import Probe
from services.platform.batching import Batcher
from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_logger = get_logger()
_CLEARING_LEASE = timedelta(minutes=2)
# Each has a small file in memory.
_CONCURRENCY = 16
_BLOCK = 64 << 10
"""So much is read of a larger upload. A small one is read whole; that of a client is written again while it is examined, a larger one
copied first."""
DELETION = "delete_upload"
"""Name of the asyncio tasks that delete accepted uploads from where they were put."""
_DELETE_BATCH = 1000
_ONE_BY_ONE = 2
"""Up to so many objects are deleted by a request each, which takes less than one request of the S3 client."""
# After these errors the bytes are useless.
_REFUSALS = {
    ErrorReason.FILE_TOO_LARGE,
    ErrorReason.QUOTA_EXCEEDED,
    ErrorReason.MEDIA_UNSUPPORTED,
    ErrorReason.FILE_CORRUPT,
    ErrorReason.FILE_ENCRYPTED,
    ErrorReason.MEDIA_LIMIT_EXCEEDED,
}


class ContentProber(Protocol):
    """The part of `services.files.prober.Prober` that is used here."""

    async def probe(self, account_id: int, url: str, size: int, etag: str | None = None, head: bytes = b"", name: str = "") -> Probe:
        """Find out what the account's object of `size` bytes behind the URL is, which begins with `head` and was uploaded as `name`."""


class Intake:
    """Turns PENDING uploads into READY files, or refuses them and removes them from storage."""

    def __init__(
        self,
        store: FileStore,
        objects: ObjectStore,
        transfers: Transfers,
        internal_urls: Presigner,
        ahead: ReadingAhead,
        prober: ContentProber,
        quotas: Quotas,
        recent: RecentContents,
        held: Deletions,
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._store, self._objects, self._transfers, self._held = store, objects, transfers, held
        self._urls, self._ahead, self._prober = internal_urls, ahead, prober
        self._quotas, self._recent, self._settings, self._clock = quotas, recent, settings, clock
        self._turns = asyncio.Semaphore(_CONCURRENCY)
        self._slots = asyncio.Semaphore(settings.probe_concurrency)
        self._deletions = Batcher(self._delete, _DELETE_BATCH)
        self._unawaited: set[asyncio.Task[None]] = set()
        self._under_way: dict[int, asyncio.Task[File]] = {}

    async def ready(self, files: Sequence[File]) -> list[File]:
        """The files, READY, in the same order; new ones are examined concurrently.

        Raises the first error in the order of `files`: SOURCE_FILE_UPLOAD_NOT_COMPLETED, FILE_SIZE_MISMATCH (changed meanwhile),
        FILE_TOO_LARGE, QUOTA_EXCEEDED, MEDIA_UNSUPPORTED, FILE_CORRUPT, FILE_ENCRYPTED, MEDIA_LIMIT_EXCEEDED, FILE_NOT_FOUND (deleted
        meanwhile), UNAVAILABLE. Its metadata has `file_id`.
        """
        ready = []
        for result in await self._examined(files):
            if isinstance(result, DarkroomError):
                raise result
            ready.append(result)
        return ready

    async def examine(self, files: Sequence[File]) -> list[File | DarkroomError]:
        """Like `ready`, but with each file's error in its place. Raises only UNAVAILABLE, which is not about the file."""
        results = await self._examined(files)
        for result in results:
            if isinstance(result, DarkroomError) and result.reason is ErrorReason.UNAVAILABLE:
                raise result
        return results

    async def store(self, file: File, content: bytes, task_id: int = 0) -> File:
        """Store the content of a file, which may have no id yet, while it is examined, and then the file's record, READY. Returns the file.
        With `task_id`, it is pinned for this task, unless it was stored before.

        Raises as `ready`, and keeps nothing then; after UNAVAILABLE there may be a record nevertheless.
        """

        async def put() -> str:
            nonlocal file
            if not file.id:
                file = file.with_id((await self._store.new_ids(1))[0])
            return await self._transfers.store(file.object_key, content, file.media_type)

        async def forget() -> None:
            await asyncio.wait([storing])
            storing.exception()
            if file.id:
                await self._deletions(file.object_key)

        storing = asyncio.create_task(put())
        try:
            async with self._turns, self._slots:
                found = await self._examine(file, file.object_key, Beginning(len(content), "", content))
            etag = await storing
            ready = replace(file, state=FileState.READY, **{**asdict(found), "etag": etag, "object_key": file.object_key})
        except BaseException as error:
            self._go_on(forget())
            if isinstance(error, DarkroomError):
                _logger.info("upload_refused", file_id=file.id, reason=error.reason.value, size=len(content))
                raise _narrowed(file, error) from error
            raise
        try:
            growth = self._quotas.growth(storage_of([ready]))
            now, life = ready.created_at, self._settings.temporary_life
            pin = NewPin(task_id, now + self._settings.unclaimed_life) if task_id else None
            stored = await self._store.insert_content(ready, growth, now, life, pin)
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                self._go_on(forget())
            raise
        self._recent.keep(file.object_key, content)
        return stored

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
        # The caller may stop waiting, but the started work is finished, so that no copy is left behind.
        acceptance = self._under_way.get(file.id)
        if acceptance is None:
            acceptance = self._under_way[file.id] = asyncio.create_task(self._accept(file))
            acceptance.add_done_callback(partial(self._ended, file.id))
        return await asyncio.shield(acceptance)

    def _ended(self, file_id: int, acceptance: asyncio.Task[File]) -> None:
        del self._under_way[file_id]
        if not acceptance.cancelled():
            acceptance.exception()  # Retrieved, in case that nobody waits for it any more.

    async def _accept(self, file: File) -> File:
        # The URLs of parts are void, now that the parts have been joined, and no client has one of what a service wrote.
        exposed = uploader_of(file.object_key) is not None
        async with self._turns:
            begun = await self._ahead.beginning(file.object_key, SMALL if file.size_bytes <= SMALL else _BLOCK)
            if begun is None:
                return await self._as_it_is(file)
            try:
                self._check_size(begun)
                if growth := _growth(file, begun):
                    await self._quotas.check_room(file.account_id, growth)
            except DarkroomError as error:
                raise await self._refused(file, file.object_key, begun, error) from error
            if not exposed:
                return await self._accept_object(file, file.object_key, begun)
            key = object_key(file.account_id, file.id)
            if begun.size_bytes <= len(begun.head):
                storing = self._transfers.storing(key, begun.head, file.media_type)
                return await self._accept_object(file, key, begun, storing)
            try:
                begun = replace(begun, etag=await self._objects.copy(file.object_key, begun.etag, key, file.media_type), head=b"")
            except SourceChanged:
                return await self._as_it_is(file)
        return await self._accept_object(file, key, begun)

    async def _accept_object(self, file: File, key: str, begun: Beginning, storing: asyncio.Task[str] | None = None) -> File:
        """The file, READY with the object, which no client can change. `storing` puts it there, and returns its ETag."""
        try:
            async with self._slots:
                found = await self._examine(file, key, begun)
        except DarkroomError as error:
            if storing is not None:
                await asyncio.wait([storing])
            raise await self._refused(file, key, begun, _narrowed(file, error)) from error
        growth = _growth(file, begun)
        check = self._quotas.check(growth) if growth else None
        try:
            if storing is not None:
                found = replace(found, etag=await storing)
            accepted = await self._store.accept(file.id, found, self._clock(), self._settings.temporary_life, check)
        except DarkroomError as error:
            if error.reason is ErrorReason.UNAVAILABLE:
                # The record may name the copy nevertheless. One that it does not name is left to the orphan sweep.
                raise about(error, file.id) from error
            raise await self._refused(file, key, begun, error) from error
        if accepted is None:
            if key != file.object_key:
                await self._deletions(key)
            return await self._as_it_is(file)
        if key != file.object_key:
            self._go_on(self._deletions(file.object_key))
        if len(begun.head) == begun.size_bytes:
            self._recent.keep(key, begun.head)
        return accepted

    def _go_on(self, deleting: Coroutine[None, None, None]) -> None:
        """Delete an object that nobody reads, so that nobody waits until it is gone."""
        deletion = asyncio.create_task(deleting, name=DELETION)
        self._unawaited.add(deletion)
        deletion.add_done_callback(self._unawaited.discard)

    async def _refused(self, file: File, key: str, begun: Beginning, error: DarkroomError) -> DarkroomError:
        """The error to raise instead, once what was uploaded has been deleted if it is useless, and a copy of it in any case."""
        if key != file.object_key:
            await self._deletions(key)
        if error.reason in _REFUSALS:
            await self._clear(file)
            _logger.info("upload_refused", file_id=file.id, reason=error.reason.value, size=begun.size_bytes)
        elif error.reason is ErrorReason.UNAVAILABLE and await self._transfers.look(file.object_key) is None:
            # Another call has refused the same upload meanwhile; storage may fail a read during a deletion.
            return not_uploaded(file.id)
        return about(error, file.id)

    def _check_size(self, begun: Beginning) -> None:
        limit = self._settings.max_file_bytes
        if begun.size_bytes > limit:
            raise DarkroomError(
                ErrorReason.FILE_TOO_LARGE, f"The upload has {begun.size_bytes} bytes; {limit} are allowed. It was discarded."
            )

    async def _examine(self, file: File, key: str, begun: Beginning) -> AcceptedContent:
        if file.media_type == UNKNOWN_TYPE:
            return AcceptedContent(object_key=key, etag=begun.etag, size_bytes=begun.size_bytes, media_type=UNKNOWN_TYPE)
        # A small file has been read whole.
        url = "" if len(begun.head) == begun.size_bytes else self._urls.get(key, self._settings.internal_url_seconds)
        found = await self._prober.probe(file.account_id, url, begun.size_bytes, begun.etag, begun.head, file.name)
        self.check_limits(found)
        return AcceptedContent(
            object_key=key,
            etag=begun.etag,
            size_bytes=begun.size_bytes,
            media_type=found.media_type,
            width=found.width,
            height=found.height,
            frames=found.frames,
            pages=found.pages,
            duration_milliseconds=found.duration_milliseconds,
        )

    def check_limits(self, found: Probe) -> None:
        """Refuse a picture or document that is too large. Raises MEDIA_LIMIT_EXCEEDED."""
        megapixels, pages = self._settings.max_megapixels, self._settings.max_pages
        if found.megapixels > megapixels:
            raise DarkroomError(
                ErrorReason.MEDIA_LIMIT_EXCEEDED,
                f"The picture has {found.width} × {found.height} pixels ({found.megapixels:.1f} megapixels); "
                f"{megapixels:g} megapixels are allowed.",
                metadata={
                    "problem": TOO_MANY_PIXELS,
                    "width": str(found.width),
                    "height": str(found.height),
                    "megapixels": f"{found.megapixels:.1f}",
                    "limit": f"{megapixels:g}",
                },
            )
        if (found.pages or 0) > pages:
            raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, f"The document has {found.pages} pages; {pages} are allowed.")

    async def _clear(self, file: File) -> None:
        """Delete what was uploaded, unless another call accepted something better in the meantime."""
        if await self._store.begin_clearing(file.id, self._clock() + _CLEARING_LEASE):
            await self._objects.delete([file.object_key])
            await self._store.end_clearing([file.id])

    async def _delete(self, keys: Sequence[str]) -> Sequence[None]:
        """Delete objects that nothing needs. Objects that cannot be deleted now are left to the sweeps of orphans."""
        try:
            if not await self._held.allowed():
                return [None] * len(keys)
            if len(keys) <= _ONE_BY_ONE:
                for key in keys:
                    await self._transfers.delete(key)
            else:
                await self._objects.delete(keys)
        except DarkroomError:
            _logger.warning("objects_left", objects=len(keys))
        return [None] * len(keys)

    async def _as_it_is(self, file: File) -> File:
        """The file, if a concurrent call has made it READY. Raises SOURCE_FILE_UPLOAD_NOT_COMPLETED and FILE_NOT_FOUND."""
        current = (await self._store.find(file.account_id, [file.id], self._clock())).get(file.id)
        if current is None:
            raise not_found(file.id)
        if current.state is not FileState.READY:
            raise not_uploaded(file.id)
        return current


def _narrowed(file: File, error: DarkroomError) -> DarkroomError:
    """The error, which offers no documents in place of a picture of an unsupported kind, and the other way round."""
    if error.reason is not ErrorReason.MEDIA_UNSUPPORTED:
        return error
    allowed = of_the_same_medium(file.media_type, error.allowed)
    return DarkroomError(error.reason, error.message, allowed=allowed, metadata=error.metadata)


def _growth(file: File, begun: Beginning) -> Storage | None:
    """The addition of accepting the object to the upload's reservation; None for nothing."""
    return Storage(size_bytes=begun.size_bytes - file.counted_bytes) if begun.size_bytes > file.counted_bytes else None
