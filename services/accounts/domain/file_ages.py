"""How old files may get, as the people of the account have set it, is what the files service must know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.home import Home

INTERVAL_SECONDS = 30.0


class FileAges:
    """The step of a background loop, which is woken after a change. `tell(account_id, age)` may be repeated, and raises UNAVAILABLE."""

    def __init__(self, settings: AccountSettings, home: Home, tell: Callable[[int, timedelta | None], Awaitable[None]]) -> None:
        self._settings, self._home, self._tell = settings, home, tell

    async def step(self) -> bool:
        """Send it, whether it has changed or not: another process may have changed it, or sent an older value."""
        account_id = await self._home.account_id()
        if account_id is not None:
            await self._tell(account_id, await self._settings.max_file_age())
        return False
