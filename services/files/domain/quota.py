"""The limits of an account's storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from weakref import WeakValueDictionary

from darkroom.internal.system.v1 import part_pb2
from services.files.config import FilesSettings
from services.files.records import File, FileState, OwnLimits, Storage
from services.files.store import Check, Growth, StorageStore
from services.platform.account_usage import Amount, UsagePart
from services.platform.errors import DarkroomError, ErrorReason

# Per limit: what it counts, and what makes room.
_WORDS = {
    "size_bytes": ("bytes, unfinished uploads included", "Delete files or abort uploads first."),
    "files": ("files, unfinished uploads included", "Delete files or abort uploads first."),
    "uploads": ("uploads that are not yet used or completed", "Complete, use or abort some first."),
    "parted_uploads": ("uploads in parts that have not been completed", "Complete or abort some first."),
}
_NAMES = {"size_bytes": "bytes", "files": "files", "uploads": "uploads", "parted_uploads": "uploads_in_parts"}


class Quotas:
    """Compares what accounts store with what they may: as the settings say, unless the operator has set it for the account."""

    def __init__(self, store: StorageStore, settings: FilesSettings) -> None:
        self._store = store
        self._most = Storage(settings.quota_bytes, settings.quota_files, settings.quota_uploads, settings.quota_uploads_in_parts)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def totals(self, account_id: int) -> tuple[Storage, Storage]:
        """The account's usage and limits."""
        stored, own = await self._store.totals(account_id)
        return stored, self._allowed(own)

    async def usage(self, account_id: int) -> UsagePart:
        """The same by the names of the limits."""
        stored, allowed = await self.totals(account_id)
        return UsagePart({name: Amount(getattr(stored, field), getattr(allowed, field)) for field, name in _NAMES.items()})

    async def tell(self, part: part_pb2.Part) -> None:
        """Add what all accounts store together to what the process knows about the installation."""
        part.stored.size_bytes, part.stored.files = await self._store.total()

    async def remaining(self, account_id: int) -> int:
        """How many bytes more the account may store."""
        stored, allowed = await self.totals(account_id)
        return max(0, allowed.size_bytes - stored.size_bytes)

    async def check_room(self, account_id: int, added: Storage) -> None:
        """Refuse what would not fit now. It may still not fit when it is stored, which is checked again. Raises QUOTA_EXCEEDED."""
        stored, own = await self._store.totals(account_id)
        after = {name: value + getattr(added, name) for name, value in asdict(stored).items()}
        self.check(added)(Storage(**after), own)

    @asynccontextmanager
    async def turn(self, account_id: int) -> AsyncIterator[None]:
        """One block at a time for an account: what is begun in object storage before it is counted."""
        lock = self._turns.get(account_id)
        if lock is None:
            lock = self._turns[account_id] = asyncio.Lock()
        async with lock:
            yield

    def check(self, added: Storage) -> Check:
        """A check that refuses `added`, which is part of what is stored, if that is too much. It raises QUOTA_EXCEEDED."""

        def check(stored: Storage, own: OwnLimits) -> int:
            allowed = self._allowed(own)
            for name, (counted, advice) in _WORDS.items():
                adds, limit = getattr(added, name), getattr(allowed, name)
                used = getattr(stored, name) - adds
                if adds > 0 and used + adds > limit:
                    raise DarkroomError(
                        ErrorReason.QUOTA_EXCEEDED,
                        f"The account may have {limit} {counted}; it has {used}, and this would add {adds}. {advice}",
                        metadata={"limit": _NAMES[name], "used": str(used), "allowed": str(limit), "added": str(adds)},
                    )
            return max(0, allowed.size_bytes - stored.size_bytes)

        return check

    def growth(self, added: Storage) -> Growth:
        """The addition of new uploads, with its check."""
        return Growth(added, self._most, self.check(added))

    def _allowed(self, own: OwnLimits) -> Storage:
        return Storage(**{name: value if (set_ := getattr(own, name)) is None else set_ for name, value in asdict(self._most).items()})


def storage_of(files: Sequence[File]) -> Storage:
    """The addition of new files."""
    return Storage(
        size_bytes=sum(file.size_bytes for file in files),
        files=len(files),
        uploads=sum(file.state is not FileState.READY for file in files),
        parted_uploads=sum(file.part_bytes is not None for file in files),
    )
