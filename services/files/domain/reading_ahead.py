"""Reading what was uploaded while its record is looked up."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from services.files.records import File, FileState
from services.files.transfers import Beginning, Transfers

SMALL = 1 << 20
"""Uploads of up to this size are read whole."""
_MOST_KEYS = 1000
_MOST_READ = 4
"""So many uploads are read ahead at once: each is in memory. While more calls come, there is nothing to be gained."""


class ReadingAhead:
    """Begins to read small uploads by the keys of their objects, remembered since their records were made here."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers
        self._keys: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._begun: dict[str, asyncio.Task[Beginning | None]] = {}

    def remember(self, uploads: Sequence[File]) -> None:
        """New records, for `begin`."""
        for file in uploads:
            if file.state is FileState.PENDING and file.upload_id is None and file.size_bytes <= SMALL:
                self._keys[file.account_id, file.id] = file.object_key
        while len(self._keys) > _MOST_KEYS:
            self._keys.popitem(last=False)

    def begin(self, account_id: int, file_id: int) -> str | None:
        """Begin to read an upload, once; its key, which must be dropped."""
        key = self._keys.pop((account_id, file_id), None)
        if key is None or len(self._begun) >= _MOST_READ:
            return None
        reading = self._begun[key] = asyncio.create_task(self._transfers.beginning(key, SMALL))
        # In case that nobody takes it.
        reading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return key

    def drop(self, key: str | None) -> None:
        """Forget what nobody has taken."""
        if key is not None:
            self._begun.pop(key, None)

    async def beginning(self, key: str, length: int) -> Beginning | None:
        """As that of `Transfers`; what has been read ahead goes to the first that asks."""
        reading = self._begun.pop(key, None)
        return await (reading if reading is not None else self._transfers.beginning(key, length))
