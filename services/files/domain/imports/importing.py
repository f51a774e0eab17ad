"""From a URL to a file of the account that is READY: the one way, whichever surface names the URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from services.files.config import FilesSettings
from services.files.domain.errors import not_found
from services.files.domain.imports.fetching import Room, check_stored_head
from services.files.domain.imports.sources import Sources
from services.files.domain.naming import MEDIA_TYPE_OF, check_name, same_kind
from services.files.domain.quota import Quotas
from services.files.domain.streamed import StreamedFiles
from services.files.domain.uploads import Uploads
from services.files.records import File, Storage
from services.files.store import FileStore
from services.pictures.media_format import sniff
from services.platform.clock import Clock
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall
from services.platform.log import get_logger
from services.platform.object_writing import ObjectWriter, StartedFile
from services.platform.slots import Slots

# About the content, which is that of the URL.
_OF_THE_FILE = (
    ErrorReason.FILE_TOO_LARGE,
    ErrorReason.MEDIA_UNSUPPORTED,
    ErrorReason.FILE_CORRUPT,
    ErrorReason.FILE_ENCRYPTED,
    ErrorReason.MEDIA_LIMIT_EXCEEDED,
)
_LONGEST_URL = 8_000  # that of ImportFile
_SENT_NAME = "input"
_ONE_FILE = Storage(size_bytes=1, files=1, uploads=1)
_logger = get_logger()


class Imports:
    """Fetches files for accounts. No transaction and no lock is held while a file is on its way."""

    def __init__(
        self,
        store: FileStore,
        idempotency: IdempotencyRecords,
        streamed: StreamedFiles,
        uploads: Uploads,
        quotas: Quotas,
        sources: Sources,
        writer: ObjectWriter,
        settings: FilesSettings,
        clock: Clock,
        disk: DiskGuard,
    ) -> None:
        self._store, self._idempotency, self._streamed, self._uploads, self._quotas = store, idempotency, streamed, uploads, quotas
        self._sources, self._writer, self._settings, self._clock, self._disk = sources, writer, settings, clock, disk
        each = settings.fetch_concurrency_each
        self._slots = Slots(
            settings.fetch_concurrency,
            each,
            f"At most {each} files of an account are fetched at the same time. Send this URL when another file has arrived.",
            "Too many files are being fetched. Try again later.",
        )

    async def fetch(self, account_id: int, url: str, *, name: str = "", field: str = "url", call: IdempotentCall | None = None) -> File:
        """The file behind a URL, READY. Its name is that of the URL's path unless one is given.

        A `call` that repeats an earlier one gets that one's file, and nothing is fetched. Problems with the URL or the file are reported
        on `field`. Raises what `Fetcher.fetched` and `Intake.ready` raise; QUOTA_EXCEEDED; DISK_FULL; RATE_LIMITED and UNAVAILABLE when too
        many files are on their way; IDEMPOTENCY_KEY_MISMATCH; IDEMPOTENCY_IN_PROGRESS; FILE_NOT_FOUND when the earlier call's file is gone.
        """
        return await self._idempotency.once(
            call, lambda: self._fetch(account_id, url, name, field, call), lambda ids: self._made(account_id, ids[0])
        )

    def check(self, account_id: int, url: str, field: str) -> None:
        """Refuse, with FIELD_INVALID, a URL that shows by itself that nothing is fetched from it."""
        if len(url) > _LONGEST_URL:
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: must have at most {_LONGEST_URL:,} characters.", field=field)
        self._sources.check(account_id, url, field)

    async def _fetch(self, account_id: int, url: str, name: str, field: str, call: IdempotentCall | None) -> File:
        self._disk.check()
        check_name(name, "name")
        source = self._sources.find(account_id, url, field)
        name = name or source.name
        with _blaming(field), self._slots.take(account_id):
            room = await self._room(account_id)
            async with source.fetcher.fetch(account_id, source.url, field, room, name) as chunks:
                file_id = await self._writer.write(_Target(self._streamed, account_id, name), chunks, self._settings.max_file_bytes)
            file = await self._accepted(account_id, file_id, call)
        _logger.info("file_fetched", file_id=file.id, size=file.size_bytes)
        return file

    async def store(self, account_id: int, content: bytes, field: str) -> File:
        """A file with this content, READY, named after its type. Its problems are reported for `field`.

        Raises MEDIA_UNSUPPORTED, FILE_CORRUPT, FILE_TOO_LARGE and the others of `Intake.ready`; QUOTA_EXCEEDED; DISK_FULL; UNAVAILABLE.
        """
        self._disk.check()
        check_stored_head(content, field)

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        with _blaming(field):
            (await self._room(account_id)).check(len(content), field)
            target = _Target(self._streamed, account_id, _SENT_NAME)
            file_id = await self._writer.write(target, chunks(), self._settings.max_file_bytes)
            return await self._accepted(account_id, file_id, None)

    async def _accepted(self, account_id: int, file_id: int, call: IdempotentCall | None) -> File:
        """The file that has been written, READY; it is deleted if it is not accepted."""
        try:
            # One that was stored in parts has been examined already.
            file = await self._uploads.complete(account_id, file_id, ())
            if call is not None:
                await self._store.remember(file_id, call, self._clock())
        except BaseException as error:
            # The key may be stored in spite of it, and then names the file.
            if not isinstance(error, DarkroomError) or error.reason is not ErrorReason.UNAVAILABLE:
                with suppress(DarkroomError):
                    await asyncio.shield(self._streamed.discard(account_id, [file_id]))
            raise
        return file

    async def _room(self, account_id: int) -> Room:
        await self._quotas.check_room(account_id, _ONE_FILE)
        left, most = await self._quotas.remaining(account_id), self._settings.max_file_bytes
        return Room(left, ErrorReason.QUOTA_EXCEEDED) if left < most else Room(most, ErrorReason.FILE_TOO_LARGE)

    async def _made(self, account_id: int, file_id: int) -> File:
        found = await self._store.find(account_id, [file_id], self._clock())
        if file_id not in found:
            raise not_found(file_id)
        return found[file_id]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an `ObjectWriter` puts a file of an account."""

    files: StreamedFiles
    account_id: int
    name: str

    async def begin(self, head: bytes, size: int | None, content: bytes) -> StartedFile:
        """Create the record, under a name with the extension of what the file is."""
        name, found = self.name, sniff(head, self.name)
        stem, _, extension = name.rpartition(".")
        if found is not None and stem and not any(same_kind(extension.lower(), own) for own in found.extensions):
            name = f"{stem if extension.lower() in MEDIA_TYPE_OF else name}.{found.extension}"
        return await self.files.begin(self.account_id, name, head, size, content)

    async def part_url(self, file_id: int, number: int) -> str:
        """Where a part goes."""
        return await self.files.part_url(self.account_id, file_id, number)

    async def complete(self, file_id: int, etags: Sequence[str]) -> None:
        """Join the parts, and have the file examined."""
        await self.files.complete(self.account_id, file_id, etags)

    async def discard(self, file_id: int) -> None:
        """Delete the file."""
        await self.files.discard(self.account_id, [file_id])


@contextmanager
def _blaming(field: str) -> Iterator[None]:
    try:
        yield
    except DarkroomError as error:
        if error.field is None and error.reason in _OF_THE_FILE:
            raise error.at(field) from error
        raise
