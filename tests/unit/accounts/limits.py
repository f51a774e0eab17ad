"""Rate limits of an accounts service whose buckets are in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from services.accounts.domain.rate_limits import RateLimits
from services.accounts.domain.rate_rules import RateRules
from services.accounts.records import Borrowing, BucketLoan
from services.platform.errors import DarkroomError, ErrorReason


class Buckets:
    """What replicas share, and a clock that a test moves. While `away`, borrowing fails."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.away = False
        self.statements = 0
        self._tokens: dict[str, tuple[float, float]] = {}

    def clock(self) -> float:
        return self.now

    async def borrow(self, asked: Sequence[Borrowing]) -> Sequence[BucketLoan]:
        self.statements += 1
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "away")
        return [self._take(one) for one in asked]

    def _take(self, one: Borrowing) -> BucketLoan:
        tokens, filled_at = self._tokens.get(one.bucket, (float(one.burst), self.now))
        tokens = min(one.burst, tokens + (self.now - filled_at) * one.rate)
        granted = max(0, min(one.tokens, int(tokens + 1e-6)))
        self._tokens[one.bucket] = (tokens - granted, self.now)
        return BucketLoan(granted, tokens - granted)


def limits(buckets: Buckets, rules: RateRules) -> RateLimits:
    """A replica's."""
    return RateLimits(buckets.borrow, rules, buckets.clock)


def unlimited() -> RateLimits:
    """None at all."""
    return limits(Buckets(), RateRules())
