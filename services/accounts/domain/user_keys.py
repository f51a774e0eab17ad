"""API keys of people: the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from services.accounts.domain.keys import user_key
from services.accounts.domain.repeats import Repeats
from services.accounts.domain.texts import comma_list
from services.accounts.domain.usage import Usage
from services.accounts.people import PersonKey
from services.accounts.records import OneCall
from services.accounts.store.sessions import SessionStore
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity, UserIdentity
from services.platform.scopes import require_changed_password

_DEFAULT_NAME, _LONGEST = "Default API Key", 100
_EVERYONES = "apikeys:all"


class UserKeys:
    """Operations of people on their keys. `revoked(key_id)` is called for each key that has ended. A person may have `max_keys` (0: any
    number) unless the account has a number of its own."""

    def __init__(
        self,
        store: SessionStore,
        usage: Usage,
        repeats: Repeats,
        revoked: Callable[[int], None],
        clock: Clock = system_clock,
        *,
        max_keys: int = 0,
    ) -> None:
        self._store, self._usage, self._repeats, self._revoked = store, usage, repeats, revoked
        self._clock, self._max_keys = clock, max_keys

    async def create(
        self,
        caller: Identity,
        name: str,
        permissions: Sequence[str],
        expires_at: Callable[[], datetime | None],
        call: IdempotentCall | None = None,
    ) -> tuple[PersonKey, str]:
        """A new key's record and the key itself, which only a repeated call shows again: with the same idempotency key, and with the same
        session or key. It has at most the limits of the key that calls, if one does. `expires_at` may raise FIELD_INVALID, too.

        Raises PERMISSION_DENIED, PASSWORD_CHANGE_REQUIRED, IDEMPOTENCY_KEY_MISMATCH, API_KEY_NOT_FOUND (that of the earlier call is gone),
        FIELD_INVALID (name, permissions, expire_time) and TOO_MANY_API_KEYS, in this order.
        """
        user = _person(caller)

        async def make(one: OneCall) -> tuple[PersonKey, str]:
            return await self._create(caller, user, name, permissions, expires_at, one)

        async def made(one: OneCall, ids: Sequence[int]) -> tuple[PersonKey, str]:
            key = await self._store.key(ids[0])
            if key is None:
                raise _no_such_key()
            return key, user_key(self._repeats.secret(one)).secret

        return await self._repeats.once(call, caller, make, made)

    async def _create(
        self,
        caller: Identity,
        user: UserIdentity,
        name: str,
        permissions: Sequence[str],
        expires_at: Callable[[], datetime | None],
        one: OneCall,
    ) -> tuple[PersonKey, str]:
        name = name.strip() or _DEFAULT_NAME
        if len(name) > _LONGEST or "\0" in name:
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"Name must be {_LONGEST} characters or fewer, without NUL", field="name")
        wanted = list(dict.fromkeys(permissions))
        if lacking := [one for one in wanted if one not in user.permissions]:
            message = f"Cannot scope key with permissions you don't have: {comma_list(lacking)}"
            raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="permissions")
        ends = expires_at()
        if ends is not None and ends <= self._clock():
            raise DarkroomError(ErrorReason.FIELD_INVALID, "expiresAt must be in the future", field="expire_time")
        calling = None if user.session else await self._store.key(caller.key_id)
        if calling is not None:
            wanted = wanted or list(calling.permissions or ())
            if ends is not None and calling.expires_at is not None and ends > calling.expires_at:
                message = "expiresAt must not be later than the expiry of the key that creates this one"
                raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="expire_time")
            ends = ends or calling.expires_at
        key = user_key(self._repeats.secret(one))
        made = await self._store.add_key(
            caller.account_id,
            user.id,
            name,
            key.digest,
            wanted or None,
            ends,
            caller_id=caller.key_id,
            max_keys=self._max_keys,
            one=one,
        )
        if made is None:
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
        return made, key.secret

    async def all(self, caller: Identity) -> Sequence[PersonKey]:
        """The caller's keys, or everyone's for a caller with that permission, the oldest first. Raises PASSWORD_CHANGE_REQUIRED."""
        user = caller.user
        if user is not None:
            require_changed_password(user)
        # Uses seen by this replica and not yet written.
        await self._usage.step()
        return await self._store.keys(caller.account_id, None if user is None or _EVERYONES in user.permissions else user.id)

    async def delete(self, caller: Identity, key_id: str) -> None:
        """Delete one of the caller's own keys. Raises PASSWORD_CHANGE_REQUIRED and API_KEY_NOT_FOUND."""
        user, ended = caller.user, None
        if user is not None:
            require_changed_password(user)
            if "\0" not in key_id:
                ended = await self._store.end_key(caller.account_id, user.id, key_id)
        if ended is None:
            raise _no_such_key()
        self._revoked(ended)


def _no_such_key() -> DarkroomError:
    return DarkroomError(ErrorReason.API_KEY_NOT_FOUND, "API key not found")


def _person(caller: Identity) -> UserIdentity:
    if caller.user is None or not caller.key_id:
        raise DarkroomError(ErrorReason.PERMISSION_DENIED, "Only people who have signed in have such API keys.")
    require_changed_password(caller.user)
    return caller.user
