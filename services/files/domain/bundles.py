"""Uploads that were sent together, and are asked for by the names that they had then."""

from __future__ import annotations

from collections.abc import Sequence

from services.files.config import FilesSettings
from services.files.domain.library import Download, Downloads, Offer, Visibility
from services.files.records import BundledFile, FileState
from services.files.store import BundleStore
from services.platform.audit.actor import Actor
from services.platform.clock import Clock

_BATCH = 1000


class Bundles:
    """Bundles of accounts. They last as long as their files."""

    def __init__(self, store: BundleStore, visibility: Visibility, downloads: Downloads, settings: FilesSettings, clock: Clock) -> None:
        self._store, self._visibility, self._downloads = store, visibility, downloads
        self._settings, self._clock = settings, clock

    async def make(self, account_id: int, files: Sequence[BundledFile], uploader: Actor | None = None) -> int:
        """A new bundle's id. The audit log records the uploader; None: the caller."""
        return await self._store.insert(account_id, files, self._clock() + self._settings.temporary_life, uploader)

    async def download(self, account_id: int, bundle_id: int, name: str, media_type: str, *, for_head: bool = False) -> Download | None:
        """A download of the last file with that name, of this media type; None if there is none."""
        found = [each for each in await self._store.find(account_id, bundle_id) if each.name == name]
        if not found:
            return None
        file = (await self._visibility.visible(account_id, [found[-1].file_id])).get(found[-1].file_id)
        if file is None or file.state is not FileState.READY:
            return None
        [download] = await self._downloads.sign([file], {file.id: Offer(name, media_type)}, for_head=for_head)
        return download

    async def sweep(self) -> bool:
        """Forget what has expired; whether there may be more."""
        return await self._store.sweep(self._clock(), _BATCH) == _BATCH
