"""Pictures by URL: found among those that were made before, or made in a task of the account whose key has signed the URL."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from darkroom.operations.v1 import convert_pb2, operation_pb2
from services.files.config import FilesSettings
from services.files.domain.errors import not_found
from services.files.domain.imports.importing import Imports
from services.files.domain.library import Downloads, Library, Offer, Visibility
from services.files.domain.pictures.addresses import Address, parse
from services.files.domain.pictures.keys import PictureKeys, allows
from services.files.domain.streamed import StreamedFiles
from services.files.presign import Presigner
from services.files.records import File, LinkedPicture, PictureKey
from services.files.store import PictureStore
from services.platform.clock import Clock
from services.platform.content_disposition import inline
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.platform.log import get_logger

SURFACE = "pictures"
_SOURCE = "source"
_PATIENCE_SECONDS = 20.0
"""For how long a caller waits, which is shorter than the edge does."""
_AGAIN_SECONDS = 2
_LONGEST_CACHED = timedelta(days=365)
_BATCH = 500
_MOST_MOVING_PIXELS = 100_000_000
"""An animation with more, all frames together, is shown as its first frame, since somebody waits."""
_logger = get_logger()


class TaskRuns(Protocol):
    """Runs operations."""

    async def run(
        self, account_id: int, file_id: int, operations: Sequence[operation_pb2.Operation], surface: str = "", name: str = ""
    ) -> int:
        """The id of the one output of a task, which calls with the same name share. Raises what its creation raises, and the reason that
        it failed for."""


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """Where a picture is."""

    file: File
    url: str
    """Presigned, for the public address."""
    storage_url: str
    """Presigned, for the internal one."""
    disposition: str
    cache_control: str
    expires_at: datetime
    """From when on the caller has to ask again."""


class Pictures:
    """Opens pictures for readers. Those who ask for the same one at the same time wait for the same task."""

    def __init__(
        self,
        keys: PictureKeys,
        store: PictureStore,
        library: Library,
        visibility: Visibility,
        downloads: Downloads,
        internal_urls: Presigner,
        imports: Imports,
        files: StreamedFiles,
        tasks: TaskRuns,
        wake_sweeper: Callable[[], None],
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._keys, self._store, self._library, self._visibility, self._downloads = keys, store, library, visibility, downloads
        self._internal_urls = internal_urls
        self._imports, self._files, self._tasks, self._wake_sweeper = imports, files, tasks, wake_sweeper
        self._settings, self._clock = settings, clock
        self._making: dict[tuple[int, bytes], asyncio.Task[None]] = {}

    async def open(
        self,
        signature: str,
        operations: str,
        source: str,
        accepted: convert_pb2.PictureFormat.ValueType,
        *,
        for_head: bool = False,
    ) -> OpenedPicture:
        """The picture of a URL, made for a reader that accepts this format besides JPEG and PNG.

        Raises PERMISSION_DENIED, FIELD_INVALID, FILE_NOT_FOUND, what `Imports.fetch` and the creation of a task raise, the reason that the
        task failed for, and UNAVAILABLE if that takes long: it goes on meanwhile.
        """
        key = await self._keys.signer(signature, f"{operations}/{source}")
        address = parse(operations, source)
        now = self._clock()
        if address.expires_at is not None and address.expires_at <= now:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "The URL has expired.", field="expires")
        if address.file_id is None and not allows(key, address.url):
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{_SOURCE}: the key {key.name or key.id!r} allows no pictures of this origin.",
                field=_SOURCE,
                allowed=key.origins,
            )
        digest = address.digest(accepted)
        picture = await self._found(key.account_id, digest)
        if picture is None:
            await self._made(key, address, accepted, digest)
            picture = await self._found(key.account_id, digest)
        if picture is None:
            # Its source was deleted meanwhile.
            raise not_found(address.file_id or 0)
        return await self._opened(address, picture, for_head=for_head)

    async def evict(self) -> bool:
        """Delete pictures that exceed the budget of their account, or whose source is gone; True if there may be more."""
        evicted = await self._store.evict(self._settings.picture_cache_bytes, self._clock(), _BATCH)
        if evicted:
            _logger.info("pictures_evicted", pictures=evicted)
            self._wake_sweeper()
        return evicted == _BATCH

    async def _found(self, account_id: int, digest: bytes) -> LinkedPicture | None:
        settings = self._settings
        return await self._store.open(account_id, digest, self._clock(), settings.picture_life, settings.picture_source_life)

    async def _opened(self, address: Address, picture: LinkedPicture, *, for_head: bool) -> OpenedPicture:
        """A picture of a file never changes; one of an origin may, and is made again after a while."""
        now = self._clock()
        until = now + _LONGEST_CACHED if address.file_id else picture.made_at + self._settings.picture_source_life
        until = min(until, address.expires_at) if address.expires_at is not None else until
        seconds = max(0, int((until - now).total_seconds()))
        kept = f"{'public' if seconds else 'no-store'}, max-age={seconds}{', immutable' if address.file_id else ''}"
        file, shown = picture.file, inline(picture.file.name)
        [download] = await self._downloads.sign([file], {file.id: Offer(file.name, file.media_type, kept, shown)}, for_head=for_head)
        stored = self._internal_urls.get(file.object_key, self._settings.download_url_seconds)
        return OpenedPicture(file, download.url, stored, shown, kept, min(download.expires_at, until))

    async def _made(self, key: PictureKey, address: Address, accepted: convert_pb2.PictureFormat.ValueType, digest: bytes) -> None:
        """Wait until the picture is made, by whoever asked first."""
        wanted = key.account_id, digest
        making = self._making.get(wanted)
        if making is None:
            making = self._making[wanted] = asyncio.create_task(self._make(key.account_id, address, accepted, digest))
            making.add_done_callback(lambda ended: self._end(wanted, ended))
        try:
            await asyncio.wait_for(asyncio.shield(making), _PATIENCE_SECONDS)
        except TimeoutError:
            raise DarkroomError(
                ErrorReason.UNAVAILABLE, "The picture is still being made. Ask again in a few seconds.", retry_after=_AGAIN_SECONDS
            ) from None

    def _end(self, wanted: tuple[int, bytes], ended: asyncio.Task[None]) -> None:
        del self._making[wanted]
        if not ended.cancelled() and (error := ended.exception()) is not None:
            # Nobody may be left who waits for it.
            _logger.info("picture_not_made", account_id=wanted[0], error=str(error))

    async def _make(self, account_id: int, address: Address, accepted: convert_pb2.PictureFormat.ValueType, digest: bytes) -> None:
        # Replicas that are asked in the same minute share the task, and the file that it is made of; so a failure is remembered, too.
        try:
            await self._make_as(f"{digest.hex()} {self._clock():%Y-%m-%dT%H:%M}", account_id, address, accepted, digest)
        except DarkroomError as error:
            if address.file_id is not None or error.reason is not ErrorReason.FILE_NOT_FOUND:
                raise
            # The file that was fetched in this minute has been discarded: the picture was made of it, or could not be.
            if await self._found(account_id, digest) is None:
                await self._make_as(uuid4().hex, account_id, address, accepted, digest)

    async def _make_as(
        self, name: str, account_id: int, address: Address, accepted: convert_pb2.PictureFormat.ValueType, digest: bytes
    ) -> None:
        source = await self._source(account_id, address, name)
        try:
            operations = address.plan(accepted, source.media_type, moves=_moves(source))
            output = await self._tasks.run(account_id, source.id, operations, SURFACE, name)
        finally:
            if address.file_id is None:
                with suppress(DarkroomError):
                    await asyncio.shield(self._files.discard(account_id, [source.id]))
        now = self._clock()
        await self._visibility.show(account_id, [output], now)
        await self._store.keep(account_id, digest, output, address.file_id, now, self._settings.picture_life)
        _logger.info("picture_made", account_id=account_id, file_id=output)

    async def _source(self, account_id: int, address: Address, name: str) -> File:
        if address.file_id is not None:
            try:
                [found] = await self._library.downloads(account_id, [address.file_id])
            except DarkroomError as error:
                # A file that is missing is no fault of a field, which would be 400.
                gone = error.reason is ErrorReason.FILE_NOT_FOUND
                raise (not_found(address.file_id) if gone else error.at(_SOURCE)) from error
            return found.file
        call = IdempotentCall(account_id, f"/{SURFACE}", name, hashlib.sha256(address.url.encode()).digest())
        return await self._imports.fetch(account_id, address.url, field=_SOURCE, call=call)


def _moves(source: File) -> bool:
    """Whether it is an animation whose frames are all shown."""
    frames, pixels = source.frames or 1, (source.width or 0) * (source.height or 0)
    return frames > 1 and source.media_type.startswith("image/") and frames * pixels <= _MOST_MOVING_PIXELS
