"""Creating API keys with repeatable calls, although keys are never stored.

A key that is created with an idempotency key is derived from a random nonce and a secret of the service. The nonce is kept with the
record of the call for 24 hours; the secret is not in the database. So a repeat makes the same key again, and once the record is gone
the key cannot be made again. Neither the database nor the service's secret alone reveals a key.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from services.accounts.domain.accounts import Accounts, no_such_key
from services.accounts.domain.keys import derived_key
from services.accounts.records import ApiKey, KeyLimits, RepeatableKey
from services.accounts.store.accounts import AccountStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotency import IdempotencyRecords, in_progress
from services.platform.idempotent_call import HEADER, IdempotentCall
from services.platform.identity import Identity

PURPOSE = "api keys"
"""The purpose from which the service's secret for this is derived."""
_NONCE_BYTES = 32

Make = Callable[[RepeatableKey | None], Awaitable[tuple[ApiKey, str]]]


def calling_key(caller: Identity) -> int | None:
    """The key of the account that makes a call; None for an administrator who has signed in.

    Raises PERMISSION_DENIED for other people and for keys of people: what they make would outlive what they may do themselves.
    """
    if caller.user is None:
        return caller.key_id
    if caller.user.session and caller.scopes is None:
        return None
    message = (
        "API keys of the account are created and rotated with one of them, or by an administrator who has signed in. People have keys of "
        "their own (UserKeysService, /v1/me/keys)."
    )
    raise DarkroomError(ErrorReason.PERMISSION_DENIED, message)


class KeyCreation:
    """Creates keys on behalf of other keys."""

    def __init__(self, accounts: Accounts, store: AccountStore, records: IdempotencyRecords, pepper: bytes) -> None:
        self._accounts, self._store, self._records, self._pepper = accounts, store, records, pepper

    async def create(
        self, account_id: int, name: str, limits: KeyLimits, creator_id: int | None, call: IdempotentCall | None
    ) -> tuple[ApiKey, str]:
        """A new key's record and the key; or, if an earlier call had the same idempotency key, that key and its current record.

        Raises what `Accounts.create_key` does. Raises IDEMPOTENCY_KEY_MISMATCH when the earlier call was different or came with another
        API key, or when its key cannot be made again because the service's signing key has been replaced since.
        """
        return await self._once(
            call, creator_id, lambda repeatable: self._accounts.create_key(account_id, name, limits, creator_id, repeatable, counted=True)
        )

    async def rotate(
        self, account_id: int, key_id: int, overlap: timedelta, caller_id: int | None, call: IdempotentCall | None
    ) -> tuple[ApiKey, str]:
        """The record of the key that replaces another, and the key; with an idempotency key as `create` does.

        Raises what `Accounts.rotate_key` does, and IDEMPOTENCY_KEY_MISMATCH as `create` does.
        """
        return await self._once(
            call, caller_id, lambda repeatable: self._accounts.rotate_key(account_id, key_id, overlap, caller_id, repeatable)
        )

    async def _once(self, call: IdempotentCall | None, creator_id: int | None, make: Make) -> tuple[ApiKey, str]:
        if call is None:
            return await make(None)
        # The same request by another key of the account is a different call; otherwise that key could get more scopes than its own.
        call = replace(call, digest=hashlib.sha256(call.digest + str(creator_id).encode()).digest())
        nonce = secrets.token_bytes(_NONCE_BYTES)
        repeatable = RepeatableKey(call, derived_key(self._pepper, nonce), nonce)
        return await self._records.once(call, lambda: make(repeatable), lambda ids: self._made(call, ids[0]))

    async def _made(self, call: IdempotentCall, key_id: int) -> tuple[ApiKey, str]:
        stored, nonce = await self._store.key(key_id, call.account_id), await self._store.nonce(call)
        if stored is None:
            raise no_such_key(str(key_id))
        if nonce is None:
            # The 24 hours have just ended: a repeat makes a new key.
            raise in_progress()
        key = derived_key(self._pepper, nonce)
        if key.digest != stored.sha256:
            raise DarkroomError(
                ErrorReason.IDEMPOTENCY_KEY_MISMATCH,
                f"The secret of key {stored.id}, which an earlier call with this idempotency key has made, cannot be shown again: the "
                "service's signing key has been replaced since. Revoke that key, and create another with a new idempotency key.",
                field=HEADER,
            )
        return stored, key.secret
