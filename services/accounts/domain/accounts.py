"""Accounts and their keys: the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.accounts.domain.keys import make_key
from services.accounts.records import UNLIMITED, Account, ApiKey, KeyLimits, RepeatableKey
from services.accounts.store.accounts import AccountStore
from services.common.clock import Clock, system_clock
from services.common.errors import DarkroomError, ErrorReason

_NAME_LENGTH = 100


class Accounts:
    """What can be done to accounts and keys. `revoked(key_id)` is called after a key has been revoked."""

    def __init__(self, store: AccountStore, revoked: Callable[[int], None], clock: Clock = system_clock) -> None:
        self._store, self._revoked, self._clock = store, revoked, clock

    async def create_account(self, name: str) -> Account:
        """A new account, with a name of 1 to 100 characters. Raises FIELD_INVALID."""
        return await self._store.add_account(_checked(name))

    async def account(self, account_id: int) -> Account:
        """One account. Raises ACCOUNT_NOT_FOUND."""
        found = await self._store.account(account_id)
        if found is None:
            raise DarkroomError(ErrorReason.ACCOUNT_NOT_FOUND, f"There is no account {account_id}.")
        return found

    async def create_key(
        self,
        account_id: int,
        name: str,
        limits: KeyLimits = UNLIMITED,
        creator_id: int | None = None,
        repeatable: RepeatableKey | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key's record and the key itself, which cannot be shown again.

        `creator_id` is the key that creates it, if any: the new key inherits that key's limits where `limits` sets none, and may not exceed
        them. With `repeatable`, the new key is that one, and its call is recorded.
        Raises FIELD_INVALID, ACCOUNT_NOT_FOUND, API_KEY_NOT_FOUND (the creator has been deleted), PERMISSION_DENIED, and
        IDEMPOTENCY_IN_PROGRESS when the call has already been recorded.
        """
        name = _checked(name)
        await self.account(account_id)
        if limits.expires_at is not None and limits.expires_at <= self._clock():
            raise DarkroomError(ErrorReason.FIELD_INVALID, "expire_time: must be in the future", field="expire_time")
        if creator_id is not None:
            limits = await self._within(creator_id, account_id, limits)
        key = repeatable.key if repeatable is not None else make_key()
        return await self._store.add_key(account_id, name, key, limits, repeatable, now=self._clock()), key.secret

    async def _within(self, creator_id: int, account_id: int, wanted: KeyLimits) -> KeyLimits:
        creator = await self._store.key(creator_id, account_id)
        if creator is None:
            raise no_such_key(str(creator_id))
        own = KeyLimits(frozenset(creator.scopes) if creator.scopes is not None else None, creator.expires_at)
        limits = KeyLimits(wanted.scopes or own.scopes, wanted.expires_at or own.expires_at)
        if own.allow(limits):
            return limits
        missing = sorted((limits.scopes or frozenset()) - (own.scopes or frozenset())) if own.scopes is not None else []
        if missing:
            message = f"scopes: this key lacks {', '.join(missing)} itself and cannot grant it to another key."
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, message, field="scopes", allowed=sorted(own.scopes or ()))
        raise DarkroomError(
            ErrorReason.PERMISSION_DENIED,
            "expire_time: must not be later than when the key that creates this one expires",
            field="expire_time",
        )

    async def keys(self, account_id: int) -> Sequence[ApiKey]:
        """The account's keys, newest first, revoked ones included."""
        return await self._store.keys(account_id)

    async def revoke_key(self, key_id: int, account_id: int | None) -> ApiKey:
        """Revoke a key of one account, or of any (None); repeating it is harmless. Raises API_KEY_NOT_FOUND."""
        key = await self._store.revoke(key_id, account_id)
        if key is None:
            raise no_such_key(str(key_id))
        self._revoked(key_id)
        return key


def no_such_key(key_id: str) -> DarkroomError:
    """The error for a key that does not exist or belongs to another account."""
    return DarkroomError(ErrorReason.API_KEY_NOT_FOUND, f"There is no API key {key_id}.")


def _checked(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_LENGTH or not name.isprintable():
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"name: must be 1 to {_NAME_LENGTH} printable characters", field="name")
    return name
