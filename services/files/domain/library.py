"""Files as their account uses them: look up, list, download, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.common.errors import DarkroomError, ErrorReason
from services.files.config import FilesSettings
from services.files.domain.claims import Visibility
from services.files.domain.clock import Clock
from services.files.domain.intake import Intake
from services.files.domain.naming import attachment
from services.files.domain.refusals import not_found
from services.files.presign import Presigner, in_thread
from services.files.store import FileStore
from services.files.store.models import FileRow

_DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True)
class Download:
    """A file and where to get it."""

    file: FileRow
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some files, newest first, and the token of the next page if there may be one."""

    files: list[FileRow]
    next_token: str


class Downloads:
    """Signs what clients download by."""

    def __init__(self, public_urls: Presigner, settings: FilesSettings, clock: Clock) -> None:
        self._urls, self._settings, self._clock = public_urls, settings, clock

    async def sign(self, rows: Sequence[FileRow]) -> list[Download]:
        """A download for each of the files, in order. The files must be READY.

        A URL outlives its file when that expires sooner than the URL; it then leads to a 404.
        """
        expires_at = self._clock() + self._settings.download_url_life
        seconds = self._settings.download_url_seconds

        def sign(row: FileRow) -> str:
            return self._urls.get(row.object_key, seconds, disposition=attachment(row.name), media_type=row.media_type)

        urls = await in_thread(sign, rows)
        return [Download(row, url, expires_at) for row, url in zip(rows, urls, strict=True)]


class Library:
    """The files of an account. Another account's file is the same as a missing one."""

    def __init__(
        self, store: FileStore, visibility: Visibility, intake: Intake, downloads: Downloads, wake_sweeper: Callable[[], None], clock: Clock
    ) -> None:
        self._store, self._visibility, self._intake, self._downloads = store, visibility, intake, downloads
        self._wake_sweeper, self._clock = wake_sweeper, clock

    async def get(self, account_id: int, file_id: int) -> FileRow:
        """One file. Raises FILE_NOT_FOUND."""
        found = (await self._visibility.visible(account_id, [file_id])).get(file_id)
        if found is None:
            raise not_found(file_id)
        return found

    async def page(self, account_id: int, page_size: int, page_token: str) -> Page:
        """One page of up to `page_size` (0: 100) files. Raises FIELD_INVALID for a token that no page gave out."""
        if page_token and not (page_token.isascii() and page_token.isdecimal() and len(page_token) <= 18):
            raise DarkroomError(
                ErrorReason.FIELD_INVALID, "page_token: must be the next_page_token of an earlier page.", field="page_token"
            )
        size = page_size or _DEFAULT_PAGE
        rows = await self._store.page(account_id, int(page_token) if page_token else None, size + 1, self._clock())
        more = len(rows) > size
        return Page(rows[:size], str(rows[size - 1].id) if more else "")

    async def downloads(self, account_id: int, file_ids: Sequence[int]) -> list[Download]:
        """A download for each id, in order. Raises FILE_NOT_FOUND, blamed on `file_ids[i]`, and what `Intake.ready` raises."""
        found = await self._visibility.visible(account_id, file_ids)
        for index, file_id in enumerate(file_ids):
            if file_id not in found:
                raise not_found(file_id).at(f"file_ids[{index}]")
        ready = {row.id: row for row in await self._intake.ready(list(found.values()))}
        return await self._downloads.sign([ready[file_id] for file_id in file_ids])

    async def delete(self, account_id: int, file_id: int) -> None:
        """Delete a file; its bytes follow at once, or when no open task needs them any more. Raises FILE_NOT_FOUND."""
        await self.get(account_id, file_id)
        if not await self._store.delete(account_id, file_id, self._clock()):
            raise not_found(file_id)
        self._wake_sweeper()
