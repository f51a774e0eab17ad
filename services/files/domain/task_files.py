"""Files of tasks and workers: pin inputs, read them, store outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta

from services.files.config import FilesSettings
from services.files.domain.errors import not_found, not_uploaded
from services.files.domain.intake import Intake
from services.files.domain.keys import object_key
from services.files.domain.library import Download, Downloads, Offer, Visibility
from services.files.domain.multipart import join_all
from services.files.domain.naming import check_name
from services.files.domain.output_ids import OutputIds
from services.files.objects import ObjectStore
from services.files.presign import Presigner, in_thread
from services.files.recent import RecentContents
from services.files.records import AcceptedContent, EndedTask, File, FileOrigin, FileState, StoredOutput
from services.files.store import FileStore, TaskFileStore
from services.files.transfers import Transfers
from services.platform.clock import Clock
from services.platform.errors import DarkroomError

_HEAD_CONCURRENCY = 16
_ASKED_AFTER = timedelta(seconds=20)
"""Age of an output that came complete at which files asks about its task: it may have come after the news that the task was cancelled."""
_MOST_PARTS = 10_000  # S3's limit


@dataclass(frozen=True, slots=True)
class NewOutput:
    """An output to be stored."""

    name: str
    media_type: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None
    duration_milliseconds: int | None = None
    """How long a video takes."""
    keep_as: str | None = None
    """If set, not a result, but kept under this key for later attempts of the task."""
    size_bytes: int = 0
    """0 if unknown."""
    content: bytes = b""
    """All of it, if it is small; else empty."""


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file and an internal URL for it."""

    file: File
    url: str
    """Empty if it is stored in parts, was stored already, or is read from `content`."""
    part_bytes: int = 0
    """Size of each part but the last; 0 if it is stored with one PUT."""
    content: bytes = b""
    """All of it, in place of the URL; empty if that is not at hand."""
    only_if_absent: bool = False
    """Whether the storage can keep existing objects on request."""


@dataclass(frozen=True, slots=True)
class ExaminedFiles:
    """The outcome of examining files that tasks will use."""

    files: list[File]
    """The usable files, each once."""
    refusals: Mapping[int, DarkroomError]
    """Errors by file id."""


class TaskFiles:
    """Inputs and outputs of tasks."""

    def __init__(
        self,
        files: FileStore,
        task_files: TaskFileStore,
        objects: ObjectStore,
        transfers: Transfers,
        internal_urls: Presigner,
        visibility: Visibility,
        intake: Intake,
        recent: RecentContents,
        downloads: Downloads,
        wake_sweeper: Callable[[], None],
        settings: FilesSettings,
        clock: Clock,
    ) -> None:
        self._files, self._task_files = files, task_files
        self._objects, self._transfers, self._urls = objects, transfers, internal_urls
        self._visibility, self._intake, self._recent, self._downloads = visibility, intake, recent, downloads
        self._wake_sweeper = wake_sweeper
        self._settings, self._clock = settings, clock
        self._heads = asyncio.Semaphore(_HEAD_CONCURRENCY)
        self._output_ids = OutputIds()

    def signing_with(self, urls: Presigner) -> TaskFiles:
        """The same, but workers get URLs of another address of the storage."""
        other = copy(self)
        other._urls = urls
        return other

    async def pin(self, account_id: int, task_id: int, file_ids: Sequence[int]) -> list[File]:
        """Make sure that the files are READY and keep them until the task has ended, all or none. Returns them in order.

        Raises FILE_NOT_FOUND and what `Intake.ready` raises; the metadata names the file in `file_id`.
        """
        found = await self._visibility.visible(account_id, file_ids)
        for file_id in file_ids:
            if file_id not in found:
                raise not_found(file_id)
        await self._intake.ready([found[file_id] for file_id in dict.fromkeys(file_ids)])
        pinned = await self._pin({task_id: file_ids}, account_id, all_or_none=True)
        for file_id in file_ids:
            if file_id not in pinned:
                # It was deleted or expired just now.
                raise not_found(file_id)
        return [pinned[file_id] for file_id in file_ids]

    async def pin_tasks(self, account_id: int, wanted: Mapping[int, Sequence[int]], *, all_or_none: bool) -> ExaminedFiles:
        """`pin` for many tasks, each with its files. A task with a refused file gets no pins; with `all_or_none`, then no task does.

        Raises UNAVAILABLE, but nothing that concerns a single file.
        """
        file_ids = dict.fromkeys(file_id for ids in wanted.values() for file_id in ids)
        if len(wanted) == 1:
            # Most are shown. Several tasks might be pinned in part.
            pinned = await self._pin(wanted, account_id, all_or_none=True, unexamined=True)
            if pinned.keys() >= file_ids.keys():
                return await self._examine_pinned(next(iter(wanted)), [pinned[file_id] for file_id in file_ids])
        examined = await self.examine(account_id, list(file_ids))
        usable = {task_id: ids for task_id, ids in wanted.items() if examined.refusals.keys().isdisjoint(ids)}
        if not usable or (all_or_none and examined.refusals):
            return examined
        pinned = await self._pin(usable, account_id, all_or_none=all_or_none)
        late = {file_id: not_found(file_id) for ids in usable.values() for file_id in ids if file_id not in pinned}
        return ExaminedFiles(list(pinned.values()), {**examined.refusals, **late})

    async def examine(self, account_id: int, file_ids: Sequence[int]) -> ExaminedFiles:
        """Examine files that tasks will use, each named once. Raises UNAVAILABLE, but nothing that concerns a single file."""
        found = await self._visibility.visible(account_id, file_ids)
        missing = {file_id: not_found(file_id) for file_id in file_ids if file_id not in found}
        examined = await self._examine([found[file_id] for file_id in file_ids if file_id in found])
        return ExaminedFiles(examined.files, {**missing, **examined.refusals})

    async def _examine(self, files: Sequence[File]) -> ExaminedFiles:
        ready, refusals = [], {}
        for file, examined in zip(files, await self._intake.examine(files), strict=True):
            if isinstance(examined, DarkroomError):
                refusals[file.id] = examined
            else:
                ready.append(examined)
        return ExaminedFiles(ready, refusals)

    async def _examine_pinned(self, task_id: int, files: Sequence[File]) -> ExaminedFiles:
        """Examine files that are pinned for a task, and keep the pins only if it can use them all.

        If the process dies before that, the sweeper asks about the task, as about one that was not stored.
        """
        examined = None
        try:
            examined = await self._examine(files)
        finally:
            if examined is None or examined.refusals:
                await self._task_files.unpin(task_id, [file.id for file in files], self._clock())
        return examined

    async def describe(self, account_id: int, file_ids: Collection[int]) -> list[File]:
        """The files of the account that have been accepted and still have a record, whether or not they can be used."""
        return await self._task_files.accepted_files(account_id, file_ids)

    async def keep(self, account_id: int, file_ids: Collection[int]) -> None:
        """Make READY files of the account permanent; others are skipped."""
        await self._files.keep(account_id, file_ids)

    async def _pin(
        self, wanted: Mapping[int, Sequence[int]], account_id: int, *, all_or_none: bool, unexamined: bool = False
    ) -> dict[int, File]:
        now = self._clock()
        sweep_at = now + self._settings.unclaimed_life
        return await self._task_files.pin(wanted, account_id, now, sweep_at, all_or_none=all_or_none, unexamined=unexamined)

    async def open_inputs(self, account_id: int, task_id: int, file_ids: Sequence[int], content_bytes: int = 0) -> list[SignedFile]:
        """URLs for reading pinned inputs, in order, or their contents, up to `content_bytes` in all.

        Raises FILE_NOT_FOUND for a file that the task has not pinned.
        """
        found, new_ids = await self._task_files.pinned_files(task_id, account_id, file_ids)
        self._output_ids.keep(task_id, new_ids)
        return await self._opened(found, file_ids, content_bytes)

    async def open_files(self, account_id: int, file_ids: Sequence[int], content_bytes: int = 0) -> list[SignedFile]:
        """URLs for services to read READY files of the account, in order, or their contents, up to `content_bytes` in all.

        Services ask only about outputs of a succeeded task and files that they have stored themselves. Raises FILE_NOT_FOUND.
        """
        found = await self._visibility.show(account_id, file_ids, self._clock())
        usable = {file_id: file for file_id, file in found.items() if file.visible and file.state is FileState.READY}
        return await self._opened(usable, file_ids, content_bytes)

    async def _opened(self, found: Mapping[int, File], file_ids: Sequence[int], content_bytes: int) -> list[SignedFile]:
        for file_id in file_ids:
            if file_id not in found:
                raise not_found(file_id)
        seconds = self._settings.internal_url_seconds
        files = [found[file_id] for file_id in file_ids]
        contents = []
        for file in files:
            content = self._recent.find(file.object_key) if file.size_bytes <= content_bytes else b""
            content_bytes -= len(content)
            contents.append(content)
        signing = zip(files, contents, strict=True)
        urls = await in_thread(lambda each: "" if each[1] else self._urls.get(each[0].object_key, seconds), list(signing))
        return [SignedFile(file, url, content=content) for file, url, content in zip(files, urls, contents, strict=True)]

    async def create_outputs(
        self, account_id: int, task_id: int, attempt: int, outputs: Sequence[NewOutput], surface: str = ""
    ) -> list[SignedFile]:
        """Hidden records for an attempt's outputs, and URLs to PUT them to with their media type as Content-Type; for an output known to
        be larger than a part, the size of its parts instead. One that comes with its content is stored and READY. `surface` is the API
        that created the task.

        Raises FIELD_INVALID for a name that no file may have, and UNAVAILABLE.
        """
        for index, output in enumerate(outputs):
            check_name(output.name, f"outputs[{index}].name")
        # The newest of the files kept under one key counts.
        ids = [] if any(output.keep_as for output in outputs) else self._output_ids.take(task_id, len(outputs))
        now = self._clock()
        files = [
            File(
                id=file_id,
                account_id=account_id,
                origin=FileOrigin.TASK,
                state=FileState.PENDING,
                visible=False,
                object_key=object_key(account_id, file_id),
                name=output.name,
                media_type=output.media_type,
                size_bytes=output.size_bytes,
                width=output.width,
                height=output.height,
                frames=output.frames,
                pages=output.pages,
                duration_milliseconds=output.duration_milliseconds,
                task_id=task_id,
                attempt=attempt,
                kept_as=output.keep_as,
                created_at=now,
                sweep_at=now + self._settings.unclaimed_life,
                surface=surface or None,
            )
            for file_id, output in zip(ids or await self._files.new_ids(len(outputs)), outputs, strict=True)
        ]
        parts = [0 if output.content else self._part_bytes(output.size_bytes) for output in outputs]
        for index, (file, part_bytes) in enumerate(zip(files, parts, strict=True)):
            if part_bytes:
                # If the record is not stored after all, the orphan sweep finds the upload.
                files[index] = replace(file, upload_id=await self._objects.start_upload(file.object_key, file.media_type))
        # The orphan sweep also finds objects that end up without a record.
        files = list(await asyncio.gather(*(self._stored(file, output.content) for file, output in zip(files, outputs, strict=True))))
        await self._files.insert_outputs(files, now)
        urls = await in_thread(self._put_url, files)
        kept = self._transfers.only_if_absent
        return [
            SignedFile(file, url, part_bytes, only_if_absent=kept and bool(url))
            for file, url, part_bytes in zip(files, urls, parts, strict=True)
        ]

    async def _stored(self, output: File, content: bytes) -> File:
        """The output, READY if there is content."""
        if not content:
            return output
        async with self._heads:
            etag = await self._transfers.store(output.object_key, content, output.media_type)
        asked_at = min(output.sweep_at, self._clock() + _ASKED_AFTER) if output.sweep_at is not None else None
        return replace(output, state=FileState.READY, etag=etag, size_bytes=len(content), sweep_at=asked_at)

    def _put_url(self, output: File) -> str:
        if output.upload_id is not None or output.state is FileState.READY:
            return ""
        return self._urls.put(output.object_key, self._settings.internal_url_seconds, output.media_type)

    async def sign_output_parts(self, account_id: int, task_id: int, attempt: int, file_id: int, numbers: Sequence[int]) -> list[str]:
        """URLs to PUT parts of an attempt's output to, counted from 1. Raises FILE_NOT_FOUND, also for one that is not stored in parts."""
        file = (await self._task_files.outputs(task_id, attempt, account_id, [file_id])).get(file_id)
        if file is None or file.upload_id is None:
            raise not_found(file_id)
        key, upload_id, seconds = file.object_key, file.upload_id, self._settings.internal_url_seconds
        return await in_thread(lambda number: self._urls.put_part(key, upload_id, number, seconds), numbers)

    def _part_bytes(self, size_bytes: int) -> int:
        """Part size in bytes for an output that is too large for one PUT, chosen to limit the number of parts; 0 for any other."""
        if size_bytes <= self._settings.part_bytes:
            return 0
        return max(self._settings.part_bytes, -(-size_bytes // _MOST_PARTS))

    async def finalize_outputs(
        self, account_id: int, task_id: int, attempt: int, file_ids: Sequence[int], stored: Sequence[StoredOutput] = ()
    ) -> list[File]:
        """Make an attempt's outputs READY, still hidden, and return them in order. Repeating it is harmless.

        The storage is asked about those that are not in `stored`. Raises FILE_NOT_FOUND and SOURCE_FILE_UPLOAD_NOT_COMPLETED.
        """
        finalized = await self._task_files.complete_outputs(task_id, attempt, account_id, stored) if stored else {}
        others = [file_id for file_id in file_ids if file_id not in finalized]
        found = await self._task_files.outputs(task_id, attempt, account_id, others) if others else {}
        for file_id in others:
            if file_id not in found:
                raise not_found(file_id)
        for result in await asyncio.gather(*(self._finalize(found[file_id]) for file_id in others), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            finalized[result.id] = result
        return [finalized[file_id] for file_id in file_ids]

    async def open_kept(self, account_id: int, task_id: int) -> list[SignedFile]:
        """The files that earlier attempts of a task kept, with URLs for reading them."""
        files = await self._task_files.kept_files(task_id, account_id)
        seconds = self._settings.internal_url_seconds
        urls = await in_thread(lambda file: self._urls.get(file.object_key, seconds), files)
        return [SignedFile(file, url) for file, url in zip(files, urls, strict=True)]

    async def sign_downloads(
        self, account_id: int, file_ids: Sequence[int], offers: Sequence[Offer] = (), *, for_head: bool = False
    ) -> list[Download]:
        """Public downloads for the outputs of a succeeded task, in order; ids that are unknown, expired or not READY are left out.
        `offers`, if there are any, are one for each id.

        Services ask only about outputs of a succeeded task, so those whose event has not arrived here yet are claimed.
        """
        found = await self._visibility.show(account_id, file_ids, self._clock())
        files = [found[file_id] for file_id in file_ids if file_id in found]
        shown = [file for file in files if file.visible and file.state is FileState.READY]
        return await self._downloads.sign(shown, dict(zip(file_ids, offers, strict=bool(offers))), for_head=for_head)

    async def delete_outputs(self, account_id: int, task_id: int, file_ids: Collection[int]) -> None:
        """Delete outputs that a task has succeeded with. Repeating it is harmless."""
        if await self._task_files.delete_outputs(account_id, task_id, file_ids, self._clock()):
            self._wake_sweeper()

    async def settle(self, ended: Collection[EndedTask]) -> None:
        """Keep the outputs that ended tasks succeeded with, give up their other outputs, drop their pins. Repeating it is harmless."""
        if ended and await self._task_files.settle(ended, self._clock(), self._settings.output_life):
            self._wake_sweeper()

    async def _finalize(self, file: File) -> File:
        if file.state is FileState.READY:
            return file
        async with self._heads:
            if file.upload_id is not None:
                await join_all(self._objects, file, file.upload_id)
            stored = await self._transfers.look(file.object_key)
        if stored is None:
            raise not_uploaded(file.id)
        found = AcceptedContent(object_key=file.object_key, etag=stored.etag, size_bytes=stored.size_bytes, media_type=file.media_type)
        accepted = await self._files.accept(file.id, found, self._clock(), self._settings.temporary_life)
        if accepted is None:
            again = await self._task_files.outputs(file.task_id or 0, file.attempt or 0, file.account_id, [file.id])
            accepted = again.get(file.id)
        if accepted is None:
            raise not_found(file.id)
        return accepted
