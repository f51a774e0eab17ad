"""The fields `RateLimit-Policy` and `RateLimit` of replies, as draft-ietf-httpapi-ratelimit-headers-10 and -11 have them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from services.accounts.domain.rate_limits import Standing
from services.accounts.domain.rate_rules import RateLimit

Fields = Sequence[tuple[str, str]]


def rate_limit_fields(standings: Sequence[Standing]) -> Fields:
    """Every limit of a request, and what is left of the one that will be reached first; nothing without a limit.

    A policy's `q` requests in `w` seconds are its bucket: what it holds, and how long it takes to fill.
    """
    if not standings:
        return ()
    least = min(standings, key=lambda standing: standing.left / standing.limit.burst)
    return (
        ("ratelimit-policy", _policies(tuple(standing.limit for standing in standings))),
        ("ratelimit", f'"{least.limit.policy}";r={max(0, min(least.left, least.limit.burst))};t={least.seconds}'),
    )


@lru_cache(maxsize=20_000)
def _policies(limits: Sequence[RateLimit]) -> str:
    return ", ".join(f'"{limit.policy}";q={limit.burst};w={max(1, round(limit.burst / limit.rate))}' for limit in limits)
