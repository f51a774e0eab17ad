"""Everybody, where the operator has switched signing in off."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from services.accounts.domain.authentication import FRESH_SECONDS, KeyIdentity, SignToken
from services.accounts.domain.home import Home
from services.accounts.domain.keys import SESSION
from services.accounts.permissions import BUILT_IN, USER, scopes_of
from services.accounts.records import KeyOwner
from services.accounts.store.accounts import AccountStore
from services.platform.clock import Clock, system_clock
from services.platform.identity import UserIdentity
from services.platform.rpc.surfaces import Surface

ANONYMOUS = "anonymous"
"""Id and name of everybody."""
_USER = UserIdentity(ANONYMOUS, ANONYMOUS, USER, BUILT_IN[USER])


def is_for_people(surface: Surface) -> bool:
    """Whether a surface's callers are people first, and so whether anybody may call it where nobody signs in: the gateway answers all of
    it, and its callers have sessions."""
    return surface.over_http and any(SESSION in scheme.prefixes for scheme in surface.keys)


class Anonymous:
    """One user without a key or a session, of the account that people belong to. Facts about the account are cached for seconds."""

    def __init__(
        self,
        home: Home,
        accounts: AccountStore,
        sign: SignToken,
        clock: Callable[[], float] = time.monotonic,
        now: Clock = system_clock,
    ) -> None:
        self._home, self._accounts, self._sign, self._clock, self._now = home, accounts, sign, clock, now
        self._known: KeyIdentity | None = None
        self._asked_at = 0.0

    async def identity(self) -> KeyIdentity | None:
        """That user, and an identity token; None while there is no account."""
        if self._known is None or self._clock() - self._asked_at > FRESH_SECONDS:
            asked_at, now = self._clock(), self._now()
            owner = await self._owner(now)
            self._known, self._asked_at = KeyIdentity(owner, self._sign(owner, now)) if owner is not None else None, asked_at
        return self._known

    async def _owner(self, now: datetime) -> KeyOwner | None:
        account_id = await self._home.account_id()
        known = await self._accounts.usage(account_id, now) if account_id is not None else None
        if account_id is None or known is None:
            return None
        return KeyOwner(0, account_id, scopes_of(_USER.permissions), own_limits=known[1], user=_USER)
