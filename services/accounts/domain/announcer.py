"""Announces revoked and expired keys and sessions repeatedly for ten minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from services.accounts.store.accounts import AccountStore
from services.accounts.store.sessions import SessionStore
from services.common.bus import Bus
from services.common.revocations import announce_revoked

INTERVAL_SECONDS = 5.0
_REPEATED_FOR = timedelta(minutes=10)


class Announcer:
    """The step of a background loop: announces each key and session that was revoked or expired in the last ten minutes.

    Core NATS messages reach only connected subscribers. Repeating them reaches a service that was restarting or cut off, and a
    stream that was opened while a cached answer still accepted the key. It also announces keys that another process has revoked.
    """

    def __init__(self, stores: Sequence[AccountStore | SessionStore], bus: Bus) -> None:
        self._stores, self._bus = stores, bus

    async def step(self) -> bool:
        """Announce once; there is never more to do at once."""
        ended = [key_id for store in self._stores for key_id in await store.recently_ended(_REPEATED_FOR)]
        await announce_revoked(self._bus.client, ended)
        return False
