"""The shared settings of an account's people: the rules, and the service's own use of them."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from services.accounts.domain.home import Home
from services.accounts.installation import Setting
from services.accounts.store.account_settings import SettingStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity
from services.platform.scopes import require_changed_password

MOST, MOST_BYTES = 2000, 2 << 20
_INSTANCE, _LOGIN_ATTEMPTS, _MAX_AGE_HOURS = "instance_id", "loginAttemptLimit", "tempFileMaxAgeHours"
_MOST_ATTEMPTS = 1_000_000.0
_LEAST_AGE, _MOST_AGE = timedelta(seconds=1), timedelta(days=36_500)


class AccountSettings:
    """The settings. `seeds` are those that are there from the beginning, besides the id of the installation; `changed` is called after each
    change.

    Raises PERMISSION_DENIED for callers of another account, and PASSWORD_CHANGE_REQUIRED for sessions whose person has to change the
    password first.
    """

    def __init__(self, store: SettingStore, home: Home, seeds: Mapping[str, str], changed: Callable[[], None]) -> None:
        self._store, self._home, self._seeds, self._changed = store, home, seeds, changed
        self._seeded = False

    async def all(self, caller: Identity) -> Sequence[Setting]:
        """All settings, by name."""
        account_id = await self._account_of(caller)
        await self._seed(account_id)
        return await self._store.all(account_id)

    async def get(self, caller: Identity, name: str) -> Setting:
        """A setting. Raises SETTING_NOT_FOUND."""
        account_id = await self._account_of(caller)
        await self._seed(account_id)
        for found in await self._store.some(account_id, [name]):
            return found
        raise DarkroomError(ErrorReason.SETTING_NOT_FOUND, "This setting does not exist.")

    async def change(self, caller: Identity, values: Mapping[str, str], removed: Sequence[str]) -> None:
        """Write and remove settings, all or none. Raises FIELD_INVALID."""
        account_id = await self._account_of(caller)
        if "" in values or "" in removed:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "A setting needs a name.", field="values" if "" in values else "removed")
        if not values.keys().isdisjoint(removed):
            raise DarkroomError(ErrorReason.FIELD_INVALID, "A setting cannot be written and removed at once.", field="removed")
        # First, so that a value that is written now is not taken for one that was there before.
        await self._seed(account_id)
        await self._store.change(account_id, values, removed, most=MOST, most_bytes=MOST_BYTES)
        self._changed()

    async def values(self, names: Sequence[str]) -> Mapping[str, str]:
        """The values of some settings, for those who act on them."""
        account_id = await self._home.account_id()
        found = await self._store.some(account_id, names) if account_id is not None else ()
        return {one.name: one.value for one in found}

    async def login_attempts(self) -> float | None:
        """Attempts to sign in a minute that one address may make; 0 for no limit, None where nothing usable is set."""
        most = await self._number(_LOGIN_ATTEMPTS)
        return min(most, _MOST_ATTEMPTS) if most is not None and most >= 0 else None

    async def max_file_age(self) -> timedelta | None:
        """How old uploads and results may get; None where nothing usable is set."""
        hours = await self._number(_MAX_AGE_HOURS)
        if hours is None or hours <= 0:
            return None
        return max(timedelta(hours=min(hours, _MOST_AGE / timedelta(hours=1))), _LEAST_AGE)

    async def _number(self, name: str) -> float | None:
        """A setting that is a finite number; None for any other."""
        try:
            number = float((await self.values([name])).get(name, ""))
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    async def _account_of(self, caller: Identity) -> int:
        require_changed_password(caller.user)
        return await self._home.require(caller)

    async def _seed(self, account_id: int) -> None:
        if not self._seeded:
            await self._store.seed(account_id, {**self._seeds, _INSTANCE: str(uuid.uuid4())})
            self._seeded = True
