"""Results, copied to storages that the operator has configured, and the folders there.

The service has the credentials of both storages, and the bytes pass through it a block at a time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import PurePosixPath

from services.files.domain.errors import not_found
from services.files.objects import ObjectStore, PartsRefused, UploadGone
from services.files.presign import Presigner
from services.files.records import File, FileState
from services.files.s3_client import StorageRefusal
from services.files.storages import Place, Storages
from services.files.store import TaskFileStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.object_http import ObjectHttp, ObjectHttpError
from services.platform.object_refusals import Refusal, refusal_of
from services.platform.object_writing import ObjectWriter, StartedFile

_AT_ONCE = 4
_READ_SECONDS = 3600
_MOST_LISTED = 50_000
"""How many objects of a folder are looked at, whatever their names."""
_AGAIN_SECONDS = 5
"""After which a storage that was away is tried again, at the earliest."""
_FORGOTTEN = "NoSuchUpload"
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Delivered:
    """A result at its destination."""

    file_id: int
    place: Place


class Deliveries:
    """Copies results. Each object appears whole or not at all, and copying it again replaces it by the same one."""

    def __init__(
        self, task_files: TaskFileStore, own: ObjectHttp, internal_urls: Presigner, storages: Storages, theirs: ObjectHttp
    ) -> None:
        """`own` and `theirs` speak to the platform's storage and to the operator's."""
        self._task_files, self._own, self._urls, self._storages, self._theirs = task_files, own, internal_urls, storages, theirs
        # A storage that is slow holds up no other.
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(_AT_ONCE))

    def check(self, account_id: int, destination: str, field: str) -> None:
        """Refuse what is no destination for an account. Raises FIELD_INVALID."""
        self._storages.destination(account_id, destination, field)

    async def deliver(self, account_id: int, task_id: int, attempt: int, file_ids: Sequence[int], destination: str) -> list[Delivered]:
        """Copy finalized outputs of an attempt to the destination, in order.

        Raises FILE_NOT_FOUND; DELIVERY_FAILED, with `retry_after` if it may pass; and UNAVAILABLE for the platform's own storage.
        """
        try:
            place = self._storages.destination(account_id, destination, "destination")
        except DarkroomError as error:
            # The operator has changed the storages since the task was accepted.
            raise DarkroomError(ErrorReason.DELIVERY_FAILED, error.message) from None
        found = await self._task_files.outputs(task_id, attempt, account_id, file_ids)
        delivered = []
        for number, file_id in enumerate(file_ids, 1):
            if (file := found.get(file_id)) is None or file.state is not FileState.READY:
                raise not_found(file_id)
            each = _place_of(place, file.name, number)
            async with self._turns[place.storage]:
                await self._copy(file, each)
            delivered.append(Delivered(file_id, each))
        _logger.info("outputs_delivered", task_id=task_id, storage=place.storage, outputs=len(delivered))
        return delivered

    async def list_folder(
        self, account_id: int, url: str, field: str, extensions: Collection[str], most: int, *, recursive: bool
    ) -> list[str]:
        """The paths of files with these extensions within a folder, in order. Raises FIELD_INVALID, also for more than `most`,
        URL_FETCH_FAILED if the storage refuses to list it, and UNAVAILABLE."""
        place = self._storages.folder(account_id, url, field)
        prefix, paths, looked = place.bucket.key(place.path), list[str](), 0
        with blaming_storage(place, ErrorReason.URL_FETCH_FAILED, ErrorReason.UNAVAILABLE):
            async for page in ObjectStore(place.bucket.client(self._theirs)).pages(prefix, delimiter="" if recursive else "/"):
                looked += len(page)
                paths += [name for each in page if has_extension(name := each.key.removeprefix(prefix), extensions)]
                if len(paths) > most or looked > _MOST_LISTED:
                    many = f"more than {most} pictures" if len(paths) > most else f"more than {_MOST_LISTED} objects"
                    message = f"{field}: the folder holds {many}. Name a smaller folder, or its files in several calls."
                    raise DarkroomError(ErrorReason.FIELD_INVALID, message, field=field)
        return sorted(paths)

    async def write(self, account_id: int, destination: str, content: bytes, media_type: str) -> None:
        """Write a small object to the place that a destination names. Raises FIELD_INVALID, and DELIVERY_FAILED as `deliver` does."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        await self._write(self._storages.destination(account_id, destination, "destination"), media_type, chunks(), len(content))

    async def _write(self, place: Place, media_type: str, chunks: AsyncIterator[bytes], size: int) -> None:
        target = _Target(ObjectStore(place.bucket.client(self._theirs)), place, media_type)
        writer = ObjectWriter(self._theirs, refused=partial(_refused, place, ErrorReason.DELIVERY_FAILED))
        with blaming_storage(place, ErrorReason.DELIVERY_FAILED, ErrorReason.DELIVERY_FAILED):
            await writer.write(target, chunks, size)

    async def _copy(self, file: File, place: Place) -> None:
        try:
            async with self._own.request("GET", self._urls.get(file.object_key, _READ_SECONDS)) as answer:
                if answer.status != HTTPStatus.OK:
                    raise ObjectHttpError(str(await refusal_of(answer)))
                await self._write(place, file.media_type, answer.body, file.size_bytes)
        except ObjectHttpError as error:
            _logger.warning("storage_failed", operation="GetObject", error=str(error))
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Storage cannot be reached. Try again later.") from error


class _Target:
    """An object of the operator's; a `Target`. Unlike records, it has no id."""

    def __init__(self, objects: ObjectStore, place: Place, media_type: str) -> None:
        self._objects, self._place, self._media_type = objects, place, media_type
        self._key, self._upload_id = place.bucket.key(place.path), ""

    async def begin(self, head: bytes, size: int | None, content: bytes) -> StartedFile:
        if size is not None:
            return StartedFile(0, self._place.bucket.put_url(self._place.path, self._media_type), media_type=self._media_type)
        self._upload_id = await self._objects.start_upload(self._key, self._media_type)
        return StartedFile(0)

    async def part_url(self, file_id: int, number: int) -> str:
        return self._place.bucket.put_part_url(self._place.path, self._upload_id, number)

    async def complete(self, file_id: int, etags: Sequence[str]) -> None:
        try:
            await self._objects.join_parts(self._key, self._upload_id, dict(enumerate(etags, 1)))
        except (PartsRefused, UploadGone) as error:
            raise _away(self._place, ErrorReason.DELIVERY_FAILED) from error

    async def discard(self, file_id: int) -> None:
        if self._upload_id:
            await self._objects.abort_upload(self._key, self._upload_id)


@contextmanager
def blaming_storage(place: Place, refused: ErrorReason, away: ErrorReason) -> Iterator[None]:
    """Name the storage in what goes wrong with it: the reasons are for what it refuses, and for what may pass."""
    try:
        yield
    except DarkroomError as error:
        match error.__cause__:
            case _ if error.reason is not ErrorReason.UNAVAILABLE:
                named = error
            case StorageRefusal(refusal=refusal) if not refusal.passes:
                named = _refused(place, refused, refusal)
            case _:
                named = _away(place, away)
        _logger.warning("operators_storage_failed", storage=place.storage, reason=named.reason.value, error=str(error.__cause__ or ""))
        raise named from error


def _refused(place: Place, reason: ErrorReason, refusal: Refusal) -> DarkroomError:
    if refusal.code == _FORGOTTEN:
        return _away(place, reason)
    return DarkroomError(reason, f"The storage {place.storage!r} refuses {place.uri} ({refusal}).")


def _away(place: Place, reason: ErrorReason) -> DarkroomError:
    return DarkroomError(reason, f"The storage {place.storage!r} cannot be reached. Try again later.", retry_after=_AGAIN_SECONDS)


def _place_of(destination: Place, name: str, number: int) -> Place:
    """Where the output of this number goes, counted from 1."""
    if destination.is_folder:
        return Place(destination.storage, destination.bucket, destination.path + name)
    if number == 1:
        return destination
    first = PurePosixPath(destination.path)
    return Place(destination.storage, destination.bucket, str(first.with_name(f"{first.stem}-{number}{PurePosixPath(name).suffix}")))


def has_extension(name: str, extensions: Collection[str]) -> bool:
    """Whether a path ends in one of them, in any case."""
    return PurePosixPath(name).suffix[1:].lower() in extensions
