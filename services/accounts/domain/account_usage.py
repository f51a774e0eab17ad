"""An account's usage of its limits, combined from the parts that each service knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from services.accounts.domain.rate_limits import Standing
from services.accounts.domain.rate_rules import KEY, RateRules
from services.accounts.records import Borrowing, KeyOwner
from services.accounts.store.accounts import AccountStore
from services.platform.account_usage import Amount, Credits, ReadPart
from services.platform.clock import Clock, system_clock
from services.platform.errors import DarkroomError, ErrorReason

ReadBuckets = Callable[[Sequence[Borrowing]], Awaitable[Sequence[int]]]
"""Whole tokens that shared buckets have left, in the same order."""


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """The account's usage and limits."""

    amounts: Mapping[str, Amount]
    """By the name of what is limited."""
    requests: Sequence[Standing]
    """The remaining limits of a key, if one was named, and of the account."""
    credits: Credits | None


class UsageReport:
    """Reads usage from this service and, by `parts`, from the others. `max_keys` is as for `Accounts`."""

    def __init__(
        self,
        store: AccountStore,
        tokens: ReadBuckets,
        rules: RateRules,
        parts: Sequence[ReadPart],
        *,
        max_keys: int,
        clock: Clock = system_clock,
    ) -> None:
        self._store, self._tokens, self._rules, self._parts, self._max_keys, self._clock = store, tokens, rules, parts, max_keys, clock

    async def of(self, account_id: int, key_id: int = 0) -> AccountUsage:
        """An account's usage; `key_id` is the key whose limit of requests is of interest, 0 for none.

        Raises ACCOUNT_NOT_FOUND, and UNAVAILABLE if a part cannot be read: what is left out would seem to be free.
        """
        known = await self._store.usage(account_id, self._clock())
        if known is None:
            raise DarkroomError(ErrorReason.ACCOUNT_NOT_FOUND, f"There is no account {account_id}.")
        parts = await asyncio.gather(*(part(account_id) for part in self._parts))
        keys, own = known
        max_keys = self._max_keys if own.max_keys is None else own.max_keys
        amounts = {"keys": Amount(keys, max_keys or None)}
        for part in parts:
            amounts.update(part.amounts)
        if own.max_streams is not None and (streams := amounts.get("streams")):
            amounts["streams"] = Amount(streams.used, own.max_streams or None)
        limits = [limit for limit in self._rules.of_key(KeyOwner(key_id, account_id, own_limits=own)) if key_id or limit.policy != KEY]
        left = await self._tokens([Borrowing(limit.bucket, limit.rate, limit.burst, 0) for limit in limits])
        credits_ = next((part.credits for part in parts if part.credits is not None), None)
        return AccountUsage(amounts, list(map(Standing, limits, left)), credits_)
