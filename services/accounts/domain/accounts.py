"""Accounts and their keys: the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from services.accounts.domain.keys import make_key
from services.accounts.networks import texts
from services.accounts.records import UNLIMITED, Account, AccountLimits, ApiKey, KeyLimits, LimitChange, RepeatableKey
from services.accounts.store.accounts import AccountStore
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason

_NAME_LENGTH = 100
DEFAULT_OVERLAP = timedelta(days=1)
"""How long a key that is rotated goes on working."""
LONGEST_OVERLAP = timedelta(days=30)
"""How long a key that is rotated may go on working at most."""


class Accounts:
    """Operations on accounts and keys. `revoked(key_id)` is called for each key that has ended.

    An account may have `max_keys` keys (0: any number) unless the operator has set another number for it.
    """

    def __init__(self, store: AccountStore, revoked: Callable[[int], None], clock: Clock = system_clock, *, max_keys: int = 0) -> None:
        self._store, self._revoked, self._max_keys, self._clock = store, revoked, max_keys, clock

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
        *,
        counted: bool = False,
    ) -> tuple[ApiKey, str]:
        """A new key's record and the key itself, which cannot be shown again.

        `creator_id` is the key that creates it, if any: the new key inherits that key's limits where `limits` sets none, and may not exceed
        them. With `repeatable`, the new key is that one, and its call is recorded. The account's maximum of keys holds with a creator, and
        where `counted` says so.
        Raises FIELD_INVALID, ACCOUNT_NOT_FOUND, API_KEY_NOT_FOUND (the creator has been deleted), PERMISSION_DENIED, TOO_MANY_API_KEYS,
        and IDEMPOTENCY_IN_PROGRESS when the call has already been recorded.
        """
        name = _checked(name)
        await self.account(account_id)
        if limits.expires_at is not None and limits.expires_at <= self._clock():
            raise DarkroomError(ErrorReason.FIELD_INVALID, "expire_time: must be in the future", field="expire_time")
        if creator_id is not None:
            limits = await self._within(creator_id, account_id, limits)
        key = repeatable.key if repeatable is not None else make_key()
        # The operator, who sets the limit, is not held to it.
        most = self._max_keys if creator_id is not None or counted else None
        added = await self._store.add_key(
            account_id, name, key, limits, repeatable, creator_id=creator_id, max_keys=most, now=self._clock()
        )
        if added is None:
            raise _revoked_meanwhile()
        return added, key.secret

    async def rotate_key(
        self, account_id: int, key_id: int, overlap: timedelta, caller_id: int | None, repeatable: RepeatableKey | None = None
    ) -> tuple[ApiKey, str]:
        """A key with the same name and limits, and the key itself; the old one works until `overlap` has passed.

        A key may rotate itself, and others that it could have created; without a calling key, any may be rotated.
        Raises FIELD_INVALID, API_KEY_NOT_FOUND, API_KEY_NOT_ACTIVE, PERMISSION_DENIED, TOO_MANY_API_KEYS when too many keys
        are on their way out, and IDEMPOTENCY_IN_PROGRESS as `create_key` does.
        """
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"overlap: must be 0 to {LONGEST_OVERLAP.days} days", field="overlap")
        old = await self.key(key_id, account_id)
        if caller_id is not None and caller_id != key_id and not (await self.key(caller_id, account_id)).limits.allow(old.limits):
            raise DarkroomError(
                ErrorReason.PERMISSION_DENIED,
                f"This key cannot rotate key {key_id}, which has more scopes, expires later, or may be used from other networks.",
            )
        key, now = repeatable.key if repeatable is not None else make_key(), self._clock()
        made = await self._store.rotate(
            old, key, until=now + overlap, caller_id=caller_id, repeatable=repeatable, max_keys=self._max_keys, now=now
        )
        if made is None:
            raise await self._not_active(key_id, account_id, now)
        if not overlap:
            self._revoked(key_id)
        return made, key.secret

    async def _not_active(self, key_id: int, account_id: int, now: datetime) -> DarkroomError:
        key, newer = await self.key(key_id, account_id), await self._store.replacing(key_id)
        if key.revoked_at is not None:
            why = "has been revoked"
        elif newer is not None:
            why = f"has been replaced by key {newer}: rotate that key"
        elif key.expires_at is not None and key.expires_at <= now:
            why = "has expired"
        else:
            return _revoked_meanwhile()
        return DarkroomError(ErrorReason.API_KEY_NOT_ACTIVE, f"API key {key_id} {why}.")

    async def _within(self, creator_id: int, account_id: int, wanted: KeyLimits) -> KeyLimits:
        own = (await self.key(creator_id, account_id)).limits
        limits = KeyLimits(wanted.scopes or own.scopes, wanted.expires_at or own.expires_at, wanted.networks or own.networks)
        if own.allow(limits):
            return limits
        missing = sorted((limits.scopes or frozenset()) - (own.scopes or frozenset())) if own.scopes is not None else []
        if missing:
            message = f"scopes: this key lacks {', '.join(missing)} itself and cannot grant it to another key."
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, message, field="scopes", allowed=sorted(own.scopes or ()))
        if outside := own.outside(limits):
            message = (
                f"allowed_networks: this key may not be used from {', '.join(texts(outside))} itself and cannot allow another key to be."
            )
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, message, field="allowed_networks", allowed=texts(own.networks or ()))
        raise DarkroomError(
            ErrorReason.PERMISSION_DENIED,
            "expire_time: must not be later than the expiry of the key that creates this one",
            field="expire_time",
        )

    async def set_limits(self, account_id: int, change: LimitChange) -> AccountLimits:
        """Set some of an account's own limits, in effect within seconds; returns the current value of all of them. Raises
        ACCOUNT_NOT_FOUND.
        """
        limits = await self._store.set_limits(account_id, change)
        if limits is None:
            raise DarkroomError(ErrorReason.ACCOUNT_NOT_FOUND, f"There is no account {account_id}.")
        return limits

    async def keys(self, account_id: int) -> Sequence[ApiKey]:
        """The account's keys, newest first, revoked ones included."""
        return await self._store.keys(account_id)

    async def key(self, key_id: int, account_id: int | None) -> ApiKey:
        """One key of an account, or of any (None). Raises API_KEY_NOT_FOUND."""
        found = await self._store.key(key_id, account_id)
        if found is None:
            raise no_such_key(str(key_id))
        return found

    async def revoke_key(self, key_id: int, account_id: int | None) -> tuple[ApiKey, Sequence[ApiKey]]:
        """Revoke a key of one account, or of any (None), with the keys that it replaces and all that these created.

        Returns the key and what else has been revoked now. Repeating it is harmless. Raises API_KEY_NOT_FOUND.
        """
        owned = await self.key(key_id, account_id)
        ended = await self._store.revoke(key_id, owned.account_id)
        for ended_id in {key_id, *(key.id for key in ended)}:
            self._revoked(ended_id)
        return await self.key(key_id, account_id), [key for key in ended if key.id != key_id]


def _revoked_meanwhile() -> DarkroomError:
    return DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")


def no_such_key(key_id: str) -> DarkroomError:
    """The error for a key that does not exist or belongs to another account."""
    return DarkroomError(ErrorReason.API_KEY_NOT_FOUND, f"There is no API key {key_id}.")


def _checked(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_LENGTH or not name.isprintable():
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"name: must be 1 to {_NAME_LENGTH} printable characters", field="name")
    return name
