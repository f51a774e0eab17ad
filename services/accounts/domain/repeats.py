"""Calls about people that their callers may repeat, also such as reply with a secret, although secrets are never stored.

A secret is derived from a random nonce and a secret of the service, as `key_creation.py` says. The digest of a request is keyed: a request
may hold a password, which nobody is to try out on what is stored.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from services.accounts.records import OneCall
from services.accounts.store.call_records import CallRecords
from services.platform.clock import Clock, system_clock
from services.platform.idempotency import KEPT, IdempotencyRecords, in_progress
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import Identity

PURPOSE = "calls about people"
"""The purpose from which the service's secret for this is derived."""
_NONCE_BYTES = 32
Made = TypeVar("Made")


class Repeats:
    """Does each call once."""

    def __init__(self, idempotency: IdempotencyRecords, records: CallRecords, pepper: bytes, clock: Clock = system_clock) -> None:
        self._idempotency, self._records, self._pepper, self._clock = idempotency, records, pepper, clock

    async def once(
        self,
        call: IdempotentCall | None,
        caller: Identity,
        make: Callable[[OneCall], Awaitable[Made]],
        made: Callable[[OneCall, Sequence[int]], Awaitable[Made]],
    ) -> Made:
        """The result of `make`, which stores the call with what it creates; or that of `made` for the ids of what an earlier call with the
        same idempotency key created. Both derive the same secrets from the call.

        Raises what they raise, and IDEMPOTENCY_KEY_MISMATCH when the earlier call was different, or came with another key or session.
        """
        if call is not None:
            # Another key of the account may do less, and gets no secret of this one's.
            call = replace(call, digest=hmac.digest(self._pepper, call.digest + str(caller.key_id).encode(), "sha256"))
        new = OneCall(call, secrets.token_bytes(_NONCE_BYTES), self._clock())

        async def again(ids: Sequence[int]) -> Made:
            assert call is not None
            found = await self._records.find(call)
            if found is None:
                # The 24 hours have just ended: a repeat is a new call.
                raise in_progress()
            nonce, expires_at = found
            return await made(OneCall(call, nonce, expires_at - KEPT), ids)

        return await self._idempotency.once(call, lambda: make(new), again)

    def secret(self, one: OneCall) -> bytes:
        """64 bytes, always the same for a call, and indistinguishable from random without both the nonce and the secret of the service."""
        return hmac.digest(self._pepper, one.nonce, "sha512")
