"""How much of its limits an account has used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.platform.account_usage import Amount, Credits, UsagePart
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.store.policies import PolicyStore


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """The limits of accounts for which the operator has not set others."""

    max_open: int
    max_pooled: int
    max_running: int
    max_webhooks: int
    max_streams: int
    """0 for no limit."""


class TaskUsage:
    """The usage that this service counts. `streams(account_id)` is how many the account has open."""

    def __init__(self, policies: PolicyStore, ledger: Ledger, limits: UsageLimits, streams: Callable[[int], int]) -> None:
        self._policies, self._ledger, self._limits, self._streams = policies, ledger, limits, streams

    async def part(self, account_id: int) -> UsagePart:
        """The part of an account. Raises UNAVAILABLE."""
        counts, balance, limits = await self._policies.counts(account_id), await self._ledger.balance(account_id), self._limits
        amounts = {
            "open_tasks": Amount(counts.open, _own(counts.max_open, limits.max_open)),
            # The operator's limit takes the place of both.
            "open_single_tasks": Amount(counts.pooled, limits.max_pooled if counts.max_open is None else None),
            "running_tasks": Amount(counts.running, _own(counts.max_running, limits.max_running)),
            "webhooks": Amount(counts.webhooks, _own(counts.max_webhooks, limits.max_webhooks)),
            "streams": Amount(self._streams(account_id), limits.max_streams or None),
        }
        terms = balance.terms
        held = Credits(balance.available_millicredits, balance.reserved_millicredits, terms.unlimited, terms.multiplier_permille)
        return UsagePart(amounts, held)


def _own(limit: int | None, default: int) -> int:
    return default if limit is None else limit
