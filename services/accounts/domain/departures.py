"""What people who were removed had in other services goes after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from services.accounts.store.departures import Departure, DepartureStore
from services.platform.errors import DarkroomError
from services.platform.log import get_logger

INTERVAL_SECONDS = 10.0
_logger = get_logger()


class Departures:
    """The step of a background loop. Each `clear(departure)` removes what somebody had; it may be repeated, and raises UNAVAILABLE."""

    def __init__(self, store: DepartureStore, clears: Sequence[Callable[[Departure], Awaitable[None]]]) -> None:
        self._store, self._clears = store, clears

    async def step(self) -> bool:
        """Clear up after those whose turn it is; True if there may be more. What fails is tried again after a minute."""
        due = await self._store.claim()
        for departure in due:
            try:
                for clear in self._clears:
                    await clear(departure)
            except DarkroomError as error:
                _logger.warning("departure_not_cleared", user_id=departure.public_id, error=str(error))
                continue
            await self._store.cleared(departure)
        return bool(due)
