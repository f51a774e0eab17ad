"""When keys were used last: collected in memory, written from time to time."""

from __future__ import annotations

from datetime import datetime

from services.accounts.store.accounts import AccountStore
from services.accounts.store.sessions import SessionStore

INTERVAL_SECONDS = 30.0


class Usage:
    """Collects uses; each request costs one dictionary entry. A killed replica loses what it has not yet written, at most half a minute."""

    def __init__(self, *stores: AccountStore | SessionStore) -> None:
        self._stores = stores
        self._used: dict[int, datetime] = {}

    def note(self, key_id: int, moment: datetime) -> None:
        """The key was used."""
        self._used[key_id] = moment

    async def step(self) -> bool:
        """Write what has been noted since the last step; if that fails, it is kept for the next one."""
        used, self._used = self._used, {}
        if used:
            try:
                for store in self._stores:
                    await store.record_use(used)
            except BaseException:
                self._used = {**used, **self._used}
                raise
        return False
