"""Announces revoked, expired and refreshed keys and sessions repeatedly for ten minutes."""

from __future__ import annotations

from datetime import timedelta

from services.accounts.store.accounts import AccountStore
from services.accounts.store.sessions import SessionStore
from services.platform.bus import Bus
from services.platform.revocations import announce_refreshed, announce_revoked

INTERVAL_SECONDS = 5.0
_REPEATED_FOR = timedelta(minutes=10)


class Announcer:
    """The step of a background loop: announces each key and session that was revoked, expired or refreshed in the last
    ten minutes.

    Core NATS messages reach only connected subscribers. Repeating them reaches a service that was restarting or cut off, and a
    stream that was opened while a cached answer still accepted the key. It also announces keys that another process has revoked.
    """

    def __init__(self, accounts: AccountStore, sessions: SessionStore, bus: Bus) -> None:
        self._accounts, self._sessions, self._bus = accounts, sessions, bus

    async def step(self) -> bool:
        """Announce once; there is never more to do at once."""
        ended = (*await self._accounts.recently_ended(_REPEATED_FOR), *await self._sessions.recently_ended(_REPEATED_FOR))
        await announce_revoked(self._bus.client, ended)
        await announce_refreshed(self._bus.client, await self._sessions.recently_refreshed(_REPEATED_FOR))
        return False
