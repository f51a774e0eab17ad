"""Files as their account sees and uses them: look up, list, download, delete.

An output becomes visible once its task has succeeded with it: through the task's event, or sooner when a client asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.files.config import FilesSettings
from services.files.domain.errors import not_found
from services.files.domain.intake import Intake
from services.files.presign import Presigner, in_thread
from services.files.records import EndedTask, File, FileState
from services.files.store import FileStore, TaskFileStore
from services.platform.clock import Clock
from services.platform.content_disposition import attachment
from services.platform.errors import DarkroomError, ErrorReason

_DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True)
class Download:
    """A file and where to get it."""

    file: File
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some files, newest first, and the token of the next page if there may be one."""

    files: list[File]
    next_token: str


@dataclass(frozen=True, slots=True)
class Offer:
    """The name of a download, and its media type."""

    name: str
    media_type: str
    cache_control: str | None = None
    """How long clients may cache it."""
    disposition: str | None = None
    """Content-Disposition; None: browsers save it under the name."""


class Downloads:
    """Signs the URLs for clients' downloads."""

    def __init__(self, public_urls: Presigner, settings: FilesSettings, clock: Clock) -> None:
        self._urls, self._settings, self._clock = public_urls, settings, clock

    async def sign(self, files: Sequence[File], offers: Mapping[int, Offer] | None = None, *, for_head: bool = False) -> list[Download]:
        """A download for each of the files, in order. The files must be READY. `offers` are by file id; without one, a download has
        the name and the type of the file. `for_head`: the URLs are for HEAD in place of GET.

        If a file expires before its URL, the URL leads to a 404.
        """
        offered = offers or {}
        expires_at = self._clock() + self._settings.download_url_life
        seconds = self._settings.download_url_seconds

        def sign(file: File) -> str:
            offer, url = offered.get(file.id), self._urls.head if for_head else self._urls.get
            if offer is None:
                return url(file.object_key, seconds, disposition=attachment(file.name), media_type=file.media_type)
            return url(
                file.object_key,
                seconds,
                disposition=offer.disposition or attachment(offer.name),
                media_type=offer.media_type,
                cache_control=offer.cache_control,
            )

        urls = await in_thread(sign, files)
        return [Download(file, url, expires_at) for file, url in zip(files, urls, strict=True)]


class TaskDirectory(Protocol):
    """The requests of the files service to the tasks service."""

    async def find_ended(self, task_ids: Collection[int]) -> list[EndedTask]:
        """Those of the tasks that have ended or do not exist. Raises UNAVAILABLE."""


class Visibility:
    """The files that an account may see of those it names."""

    def __init__(self, store: FileStore, task_files: TaskFileStore, tasks: TaskDirectory, settings: FilesSettings, clock: Clock) -> None:
        self._store, self._task_files, self._tasks = store, task_files, tasks
        self._settings, self._clock = settings, clock

    async def visible(self, account_id: int, file_ids: Collection[int]) -> Mapping[int, File]:
        """Those of the files that the account may use, by id.

        A client may name an output after its task has succeeded but before the event arrives here; then the tasks service is asked.
        """
        now = self._clock()
        found = await self._store.find(account_id, file_ids, now)
        hidden = [file for file in found.values() if not file.visible and file.state is FileState.READY]
        if hidden:
            ended = await self._tasks.find_ended({file.task_id for file in hidden if file.task_id is not None})
            won = {file_id for task in ended for file_id in task.output_file_ids}
            claimed = [file.id for file in hidden if file.id in won]
            if claimed:
                found |= await self.show(account_id, claimed, now)
        return {file_id: file for file_id, file in found.items() if file.visible}

    async def show(self, account_id: int, won: Sequence[int], now: datetime) -> dict[int, File]:
        """Outputs that their task has succeeded with, by id, shown to their account from now on if they were not before."""
        shown = await self._task_files.claim(account_id, won, now, self._settings.output_life)
        # They are gone, or the task's event has arrived meanwhile.
        others = [file_id for file_id in won if file_id not in shown]
        return shown | (await self._store.find(account_id, others, now) if others else {})


class Library:
    """The files of an account. Another account's file is treated as missing."""

    def __init__(
        self, store: FileStore, visibility: Visibility, intake: Intake, downloads: Downloads, wake_sweeper: Callable[[], None], clock: Clock
    ) -> None:
        self._store, self._visibility, self._intake, self._downloads = store, visibility, intake, downloads
        self._wake_sweeper, self._clock = wake_sweeper, clock

    async def get(self, account_id: int, file_id: int) -> File:
        """One file. Raises FILE_NOT_FOUND."""
        found = (await self._visibility.visible(account_id, [file_id])).get(file_id)
        if found is None:
            raise not_found(file_id)
        return found

    async def page(self, account_id: int, page_size: int, page_token: str) -> Page:
        """One page of up to `page_size` (0: 100) files. Raises FIELD_INVALID for a token that did not come from a page."""
        if page_token and not (page_token.isascii() and page_token.isdecimal() and len(page_token) <= 18):
            raise DarkroomError(
                ErrorReason.FIELD_INVALID, "page_token: must be the next_page_token of an earlier page.", field="page_token"
            )
        size = page_size or _DEFAULT_PAGE
        files = await self._store.page(account_id, int(page_token) if page_token else None, size + 1, self._clock())
        more = len(files) > size
        return Page(files[:size], str(files[size - 1].id) if more else "")

    async def downloads(self, account_id: int, file_ids: Sequence[int]) -> list[Download]:
        """A download for each id, in order. Raises FILE_NOT_FOUND, blamed on `file_ids[i]`, and what `Intake.ready` raises."""
        found = await self._visibility.visible(account_id, file_ids)
        for index, file_id in enumerate(file_ids):
            if file_id not in found:
                raise not_found(file_id).at(f"file_ids[{index}]")
        ready = {file.id: file for file in await self._intake.ready(list(found.values()))}
        return await self._downloads.sign([ready[file_id] for file_id in file_ids])

    async def delete(self, account_id: int, file_id: int) -> None:
        """Delete a file; its bytes are deleted at once, or when no open task needs them any more. Raises FILE_NOT_FOUND."""
        await self.get(account_id, file_id)
        if not await self._store.delete(account_id, file_id, self._clock()):
            raise not_found(file_id)
        self._wake_sweeper()
