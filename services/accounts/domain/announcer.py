"""Announces revoked and expired keys repeatedly for ten minutes."""

from __future__ import annotations

from datetime import timedelta

from services.accounts.store.accounts import AccountStore
from services.common.bus import Bus
from services.common.revocations import announce_revoked

INTERVAL_SECONDS = 5.0
_REPEATED_FOR = timedelta(minutes=10)


class Announcer:
    """The step of a background loop: announces each key that was revoked or expired in the last ten minutes.

    Core NATS messages reach only connected subscribers. Repeating them reaches a service that was restarting or cut off, and a
    stream that was opened while a cached answer still accepted the key. It also announces keys that another process has revoked.
    """

    def __init__(self, store: AccountStore, bus: Bus) -> None:
        self._store, self._bus = store, bus

    async def step(self) -> bool:
        """Announce once; there is never more to do at once."""
        await announce_revoked(self._bus.client, await self._store.recently_ended(_REPEATED_FOR))
        return False
