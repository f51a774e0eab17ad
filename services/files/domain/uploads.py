"""Creating records for uploads, and joining the parts of multipart ones."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.files.config import FilesSettings
from services.files.domain.errors import no_upload, not_found
from services.files.domain.intake import Intake
from services.files.domain.keys import object_key, upload_key
from services.files.domain.multipart import UploadedPart, join
from services.files.domain.naming import MEDIA_TYPE_OF, UNKNOWN_TYPE, check_name, extension_of, known_extension, same_kind
from services.files.domain.quota import Quotas, storage_of
from services.files.domain.reading_ahead import ReadingAhead
from services.files.domain.upload_urls import CreatedUpload, UploadUrls
from services.files.objects import ObjectStore
from services.files.records import File, FileOrigin, FileState
from services.files.store import FileStore
from services.platform.clock import Clock
from services.platform.disk import DiskGuard
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords
from services.platform.idempotent_call import IdempotentCall

_START_CONCURRENCY = 16


class UploadMode(enum.StrEnum):
    """How the bytes will be sent."""

    AUTO = "auto"
    SIMPLE = "simple"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file to be uploaded."""

    name: str
    size_bytes: int = 0
    """The size that the client expects, 0 if it gave none: it decides between one PUT and parts, and how many. The upload may differ."""
    extension: str | None = None
    """The type that the client declares; None if it is given only by the name."""
    in_parts: bool | None = None
    """Set where a service writes the bytes itself, in parts or at one go; None where the client does."""
    surface: str = ""
    """As `File.surface`."""
    any_content: bool = False
    """Whether the content may be anything."""


class Uploads:
    """Uploads of an account."""

    def __init__(
        self,
        store: FileStore,
        idempotency: IdempotencyRecords,
        objects: ObjectStore,
        urls: UploadUrls,
        intake: Intake,
        ahead: ReadingAhead,
        quotas: Quotas,
        settings: FilesSettings,
        clock: Clock,
        disk: DiskGuard,
    ) -> None:
        self._store, self._idempotency, self._objects, self._urls, self._intake = store, idempotency, objects, urls, intake
        self._ahead, self._quotas, self._settings, self._clock, self._disk = ahead, quotas, settings, clock, disk

    async def create(
        self,
        account_id: int,
        uploads: Sequence[NewUpload],
        mode: UploadMode = UploadMode.AUTO,
        *,
        permanent: bool = False,
        size_field: str = "size_bytes",
        call: IdempotentCall | None = None,
    ) -> list[CreatedUpload]:
        """Records and URLs for all of the uploads, in order, or for none. `size_field` is the surface's name for the size.

        A `call` that repeats an earlier one gets its records in their current state, with fresh URLs. Raises FIELD_INVALID, FILE_TOO_LARGE
        and MEDIA_UNSUPPORTED, blamed on the field of `files[i]`; IDEMPOTENCY_KEY_MISMATCH; IDEMPOTENCY_IN_PROGRESS; FILE_NOT_FOUND when
        files of the earlier call are gone; QUOTA_EXCEEDED; DISK_FULL.
        """
        made = await self._idempotency.once(
            call,
            lambda: self._create(account_id, uploads, mode, permanent, size_field, call),
            lambda ids: self._made(account_id, ids),
            looks_first=False,
        )
        self._ahead.remember(made[0])
        return await self._urls.sign(*made)

    async def begin(self, account_id: int, upload: NewUpload) -> File:
        """A record for bytes that a service writes itself. Raises as `create`."""
        [file], _ = await self._create(account_id, [upload], UploadMode.AUTO, permanent=False, size_field="size_bytes", call=None)
        return file

    async def hold(self, upload: NewUpload) -> tuple[int, int]:
        """Ids for a file that its receiver holds, and for a result of it; neither has a record. Raises as `create`."""
        self._check_content(upload)
        file_id, output_file_id = await self._store.ids_ahead(2)
        return file_id, output_file_id

    async def store(self, account_id: int, upload: NewUpload, content: bytes, file_id: int = 0, task_id: int = 0) -> File:
        """A file, READY, with content that a service has; `file_id` is its id if it was held, and `task_id` as in `Intake.store`. Raises as
        `create`, and what `Intake.store` raises."""
        return await self._intake.store(self.content_file(account_id, upload, file_id), content, task_id)

    def content_file(self, account_id: int, upload: NewUpload, file_id: int) -> File:
        """The record, PENDING, of a file whose content a service has. Raises as `create`."""
        return File(
            id=file_id,
            account_id=account_id,
            origin=FileOrigin.UPLOAD,
            state=FileState.PENDING,
            visible=True,
            object_key=object_key(account_id, file_id),
            name=upload.name,
            media_type=self._check_content(upload),
            size_bytes=upload.size_bytes,
            created_at=self._clock(),
            surface=upload.surface or None,
        )

    def _check_content(self, upload: NewUpload) -> str:
        """Check an upload that goes at one go, and return the media type that its name promises."""
        self._disk.check()
        self._check_size(upload, UploadMode.SIMPLE, "size_bytes")
        return self._check_name(upload, "files[0]")

    async def _made(self, account_id: int, ids: Sequence[int]) -> tuple[Sequence[File], int]:
        """The uploads that an earlier call created. Uploads whose bytes are still missing get as much time as initially."""
        now = self._clock()
        await self._store.prolong_uploads(account_id, ids, now + self._settings.upload_deadline)
        found = await self._store.find(account_id, ids, now)
        for file_id in ids:
            if file_id not in found:
                raise not_found(file_id)
        return [found[file_id] for file_id in ids], await self._quotas.remaining(account_id)

    async def _create(
        self,
        account_id: int,
        uploads: Sequence[NewUpload],
        mode: UploadMode,
        permanent: bool,
        size_field: str,
        call: IdempotentCall | None,
    ) -> tuple[Sequence[File], int]:
        self._disk.check()
        media_types = []
        for index, upload in enumerate(uploads):
            media_types.append(self._check_name(upload, f"files[{index}]"))
            self._check_size(upload, mode, f"files[{index}].{size_field}")
        in_parts = [self._goes_in_parts(upload, mode) for upload in uploads]
        part_bytes = self._urls.part_bytes([upload.size_bytes for upload, parted in zip(uploads, in_parts, strict=True) if parted])
        now = self._clock()
        ids = [0] * len(uploads)
        if any(in_parts):
            # They are begun before their records are stored, under names that have their ids.
            await self._idempotency.require_new(call)
            ids = await self._store.new_ids(len(uploads))
        files = [
            File(
                id=file_id,
                account_id=account_id,
                origin=FileOrigin.UPLOAD,
                state=FileState.PENDING,
                visible=True,
                # A client may use its URL of a single PUT again, so that one leads elsewhere.
                object_key=upload_key(account_id, file_id) if not parted and upload.in_parts is None else object_key(account_id, file_id),
                name=upload.name,
                media_type=media_type,
                size_bytes=upload.size_bytes,
                part_bytes=part_bytes if parted else None,
                permanent=permanent,
                created_at=now,
                expires_at=now + self._settings.upload_deadline,
                sweep_at=now + self._settings.upload_deadline,
                surface=upload.surface or None,
            )
            for file_id, upload, media_type, parted in zip(ids, uploads, media_types, in_parts, strict=True)
        ]
        return await self._store_all(files, call)

    async def _store_all(self, files: Sequence[File], call: IdempotentCall | None) -> tuple[Sequence[File], int]:
        """The files, with multipart uploads started for those sent in parts, stored all or none; and how many bytes more the account may
        store. Raises QUOTA_EXCEEDED."""
        added = storage_of(files)
        if not added.parted_uploads:
            return await self._store.insert_uploads(files, call, self._quotas.growth(added), self._clock())
        # A started upload counts only when it is stored. Without turns, one account's concurrent calls could start any number.
        async with self._quotas.turn(files[0].account_id):
            await self._quotas.check_room(files[0].account_id, added)
            files = await self._start(files)
            try:
                return await self._store.insert_uploads(files, call, self._quotas.growth(added), self._clock())
            except DarkroomError as error:
                if error.reason in (ErrorReason.IDEMPOTENCY_IN_PROGRESS, ErrorReason.QUOTA_EXCEEDED):
                    await self._abandon(files)
                raise

    async def complete(self, account_id: int, file_id: int, parts: Sequence[UploadedPart]) -> File:
        """The file, READY: its parts are joined if it was created for parts. Repeating it is harmless.

        Raises FILE_NOT_FOUND, UPLOAD_NOT_FOUND (also for parts of a file that was created for a single PUT), FIELD_INVALID (parts), and
        what `Intake.ready` raises.
        """
        read = self._ahead.begin(account_id, file_id)
        try:
            file = (await self._store.find(account_id, [file_id], self._clock())).get(file_id)
            if file is None or not file.visible:
                raise not_found(file_id)
            if file.upload_id is None and parts:
                raise no_upload(file_id)
            if file.state is not FileState.READY and file.upload_id is not None:
                await join(self._objects, file, file.upload_id, parts, self._settings.max_file_bytes)
            return (await self._intake.ready([file]))[0]
        finally:
            self._ahead.drop(read)

    def _check_name(self, upload: NewUpload, field: str) -> str:
        """Check the name, and return the media type that it promises."""
        check_name(upload.name, f"{field}.name")
        if upload.any_content:
            return UNKNOWN_TYPE
        if upload.extension is None:
            extension = extension_of(upload.name, f"{field}.name")
        else:
            extension = known_extension(upload.extension, f"{field}.type")
            stem, _, ending = upload.name.rpartition(".")
            if not stem or not same_kind(ending.lower(), extension):
                raise DarkroomError(
                    ErrorReason.FIELD_INVALID,
                    f"{field}.name: the extension must match type, which is “{upload.extension}”.",
                    field=f"{field}.name",
                    allowed=[f".{extension}"],
                )
        return MEDIA_TYPE_OF[extension]

    def _check_size(self, upload: NewUpload, mode: UploadMode, field: str) -> None:
        limit = self._settings.max_file_bytes
        if upload.size_bytes > limit:
            raise DarkroomError(ErrorReason.FILE_TOO_LARGE, f"{field}: must be at most {limit} bytes.", field=field)
        if mode is UploadMode.MULTIPART and not upload.size_bytes:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{field}: a multipart upload needs the size in bytes, 1 or more, because it decides the number of parts.",
                field=field,
            )

    def _goes_in_parts(self, upload: NewUpload, mode: UploadMode) -> bool:
        if upload.in_parts is not None:
            return upload.in_parts
        large = upload.size_bytes > self._settings.multipart_above_bytes
        return mode is UploadMode.MULTIPART or (mode is UploadMode.AUTO and large)

    async def _start(self, files: Sequence[File]) -> list[File]:
        """The files, with multipart uploads started for those sent in parts; if one cannot be started, none is left behind."""
        slots = asyncio.Semaphore(_START_CONCURRENCY)

        async def start(file: File) -> File:
            if file.part_bytes is None:
                return file
            async with slots:
                return replace(file, upload_id=await self._objects.start_upload(file.object_key, file.media_type))

        results = await asyncio.gather(*(start(file) for file in files), return_exceptions=True)
        started = [result for result in results if isinstance(result, File)]
        for result in results:
            if isinstance(result, BaseException):
                await self._abandon(started)
                raise result
        return started

    async def _abandon(self, files: Sequence[File]) -> None:
        """Abort the multipart uploads of files that are not stored. Those that cannot be aborted now are found by the orphan sweep."""
        started = [(file.object_key, file.upload_id) for file in files if file.upload_id is not None]
        await asyncio.gather(*(self._objects.abort_upload(*each) for each in started), return_exceptions=True)
