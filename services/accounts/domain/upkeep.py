"""Steps of background loops: revocations are announced, what removed people had is cleared, and files learn how old they may get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.home import Home
from services.accounts.store.departures import Departure, DepartureStore
from services.accounts.store.revocations import RevocationStore
from services.platform import delegation
from services.platform.bus import Bus
from services.platform.errors import DarkroomError
from services.platform.log import get_logger
from services.platform.revocations import announce_refreshed, announce_revoked

ANNOUNCING_SECONDS = 5.0
_REPEATED_FOR = timedelta(seconds=delegation.SECONDS + 60)
"""A service that starts meanwhile hears of a revoked worker as long as that has a delegation."""


class Announcer:
    """The step of a background loop: announces each key and session that was revoked, expired or refreshed lately, and revoked workers.

    Core NATS messages reach only connected subscribers. Repeating them reaches a service that was restarting or cut off, and a
    stream that was opened while a cached answer still accepted the key. Those that another process has revoked are announced, too.
    """

    def __init__(self, store: RevocationStore, bus: Bus) -> None:
        self._store, self._bus = store, bus

    async def step(self) -> bool:
        """Announce once; there is never more to do at once."""
        recent = await self._store.recent(_REPEATED_FOR)
        if recent.ended:
            await announce_revoked(self._bus.client, recent.ended)
        if recent.refreshed:
            await announce_refreshed(self._bus.client, recent.refreshed)
        return False


DEPARTURES_SECONDS = 10.0
_logger = get_logger()


class Departures:
    """The step of a background loop. Each `clear(departure)` removes what somebody had; it may be repeated, and raises UNAVAILABLE."""

    def __init__(self, store: DepartureStore, clears: Sequence[Callable[[Departure], Awaitable[None]]]) -> None:
        self._store, self._clears = store, clears

    async def step(self) -> bool:
        """Clear up after those whose turn it is; True if there may be more. Failures are retried after a minute."""
        due = await self._store.claim()
        for departure in due:
            try:
                for clear in self._clears:
                    await clear(departure)
            except DarkroomError as error:
                _logger.warning("departure_not_cleared", user_id=departure.public_id, error=str(error))
                continue
            await self._store.confirm(departure)
        return bool(due)


AGES_SECONDS = 30.0


class FileAges:
    """The step of a background loop, which is woken after a change. Each of `tells`, called with an account
    and the age, may be repeated, and raises UNAVAILABLE."""

    def __init__(self, settings: AccountSettings, home: Home, tells: Sequence[Callable[[int, timedelta | None], Awaitable[None]]]) -> None:
        self._settings, self._home, self._tells = settings, home, tells

    async def step(self) -> bool:
        """Send it, whether it has changed or not: another process may have changed it, or sent an older value."""
        account_id = await self._home.account_id()
        if account_id is not None:
            age = await self._settings.max_file_age()
            for tell in self._tells:
                await tell(account_id, age)
        return False
