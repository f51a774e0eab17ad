"""How old files may get that were made through an API whose people say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from services.files.config import FilesSettings
from services.files.store import AgeStore

INTERVAL_SECONDS = 10.0
_BATCH = 1000


class MaxAges:
    """The ages, which files that exist already follow: `redate` is the step of a background loop."""

    def __init__(self, store: AgeStore, wake: Callable[[], None], wake_sweeper: Callable[[], None], settings: FilesSettings) -> None:
        self._store, self._wake, self._wake_sweeper, self._settings = store, wake, wake_sweeper, settings

    async def set(self, account_id: int, surface: str, max_age: timedelta | None) -> None:
        """Files of the account that were made through `surface` are removed at this age; None: when the account's other files are."""
        if await self._store.set(account_id, surface, max_age):
            self._wake()

    async def redate(self) -> bool:
        """Give one batch of files new ends after a change; True if there may be more."""
        if not await self._store.redate(self._settings.output_life, self._settings.temporary_life, _BATCH):
            return False
        self._wake_sweeper()
        return True
