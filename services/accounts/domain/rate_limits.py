"""How many requests keys, accounts and addresses may make: token buckets that all replicas share.

A bucket is a row in the database. A replica borrows a slice of its tokens, half a second's worth, and spends them from memory, so that a
request costs no statement while the limit holds over all replicas. Tokens that are not spent within five seconds lapse.

While the database cannot be reached, each replica lets through what the limit allows by its own count: keys that are known go on working,
and with N replicas the limit is up to N times as high.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter

from services.accounts.domain.rate_rules import ACCOUNT, FAILED_KEYS, FAILED_SIGN_INS, SIGN_INS, RateLimit, RateRules
from services.accounts.records import Borrowing, BucketLoan, KeyOwner
from services.platform.batching import Batcher
from services.platform.client_network import network_of
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_SLICE_SECONDS = 0.5
_LIFE_SECONDS = 5.0
# Those of guesses that were none.
_KEPT_SECONDS = 60.0
_GUESSES = (FAILED_KEYS, FAILED_SIGN_INS)
# From one log line about guesses of an address, or for a name, to the next.
_LOGGED_SECONDS = 60.0
# Well within the edge's limit for the whole check.
_PATIENCE_SECONDS = 0.5
_BATCH = 200
_CAPACITY = 100_000
# The name of a bucket holds so many of the hash of a person's name.
_DIGITS = 32
_LIMITED = Counter("darkroom_requests_limited", "Requests refused because a rate limit was reached, by its policy.", ["policy"])
# There from the start: an increase counts from what there was before.
for _policy in _GUESSES:
    _LIMITED.labels(_policy)
_UNSHARED = Counter("darkroom_rate_limit_unshared", "Times that a replica counted by itself because the database could not be reached.")
_logger = get_logger()

Borrow = Callable[[Sequence[Borrowing]], Coroutine[Any, Any, Sequence[BucketLoan]]]


class RateLimited(DarkroomError):
    """RATE_LIMITED, with the limit that was reached."""

    def __init__(self, limit: RateLimit, wait: float) -> None:
        seconds = max(1, math.ceil(wait))
        super().__init__(
            ErrorReason.RATE_LIMITED, f"{limit.subject} Try again in {seconds} s.", metadata={"policy": limit.policy}, retry_after=seconds
        )
        self.standing = Standing(limit, 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a limit is left, as far as this replica knows."""

    limit: RateLimit
    remaining: int
    """Requests that are accepted at once."""

    @property
    def seconds(self) -> int:
        """Seconds until the bucket is full again if nothing more is spent."""
        return math.ceil((self.limit.burst - self.remaining) / self.limit.rate)


class RateLimits:
    """Counts requests. `borrow` takes tokens out of shared buckets, and `clock` returns seconds."""

    def __init__(self, borrow: Borrow, rules: RateRules, clock: Callable[[], float] = time.monotonic) -> None:
        self._borrowed, self._clock = Batcher(borrow, _BATCH), clock
        self._rules, self._shared = rules, True
        self._slices: dict[str, _Slice] = {}

    def of_address(self, address: str) -> Sequence[RateLimit]:
        """The limits on requests from an address."""
        return self._rules.of_address(network_of(address))

    def of_owner(self, owner: KeyOwner) -> Sequence[RateLimit]:
        """The limits on requests with a key."""
        return self._rules.of_key(owner)

    async def spend(self, limits: Sequence[RateLimit]) -> Sequence[Standing]:
        """Count one request against every limit. Raises RATE_LIMITED when one of them is reached."""
        now = self._clock()
        slices = [self._slice(limit) for limit in limits]
        short = [(limit, held) for limit, held in zip(limits, slices, strict=True) if not held.take(now)]
        if short:
            await asyncio.gather(*(self._taken(limit, held) for limit, held in short))
        return [Standing(limit, held.remaining) for limit, held in zip(limits, slices, strict=True)]

    def standings(self, limits: Sequence[RateLimit]) -> Sequence[Standing]:
        """The remaining amount of limits, without counting a request."""
        return [Standing(limit, self._slice(limit).remaining) for limit in limits]

    def of_everybody(self, owner: KeyOwner) -> Sequence[RateLimit]:
        """The limits on requests of an account without a key."""
        return [limit for limit in self._rules.of_key(owner) if limit.policy == ACCOUNT]

    async def count_wrong_key(self, address: str) -> None:
        """Count a request with a wrong key, or another secret that nobody can guess. Raises RATE_LIMITED when there have been too many from
        the address."""
        await self.spend(self._rules.wrong_keys_of(network_of(address)))

    async def count_password(self, address: str, name: str, *, familiar: bool = False) -> Callable[[], None]:
        """Count a password as wrong before it is checked; the function that is returned takes that back. `familiar`: the person of the name
        has signed in from the address before.

        Raises RATE_LIMITED when there have been too many; then nothing is counted.
        """
        network, taken = network_of(address), list[RateLimit]()
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]

        def take_back() -> None:
            for limit in taken:
                self._slice(limit).put_back(self._clock())

        rules = self._rules.wrong_passwords_at if familiar else self._rules.wrong_passwords_of
        for limit in rules(network, digest):
            try:
                await self.spend((limit,))
            except RateLimited:
                take_back()
                raise
            taken.append(limit)
        return take_back

    async def sign_in(self, address: str, most: float | None = None) -> None:
        """Count an attempt to sign in, of which there may be `most` a minute; absent: as configured.

        Raises RATE_LIMITED when there have been too many from the address.
        """
        await self.spend(self._rules.sign_ins_of(network_of(address), most))

    async def forget(self) -> bool:
        """Drop slices that have lapsed: the step of a background loop."""
        now = self._clock()
        self._slices = {name: held for name, held in self._slices.items() if held.pending or held.matters_until > now}
        return False

    def _slice(self, limit: RateLimit) -> _Slice:
        held = self._slices.get(limit.bucket)
        if held is None:
            if len(self._slices) >= _CAPACITY:
                del self._slices[next(iter(self._slices))]
            held = self._slices[limit.bucket] = _Slice()
        return held

    async def _taken(self, limit: RateLimit, held: _Slice) -> None:
        while not held.take(now := self._clock()):
            if held.blocked_until > now:
                raise _refused(limit, held.blocked_until - now)
            if held.pending is None:
                held.pending = asyncio.create_task(self._refill(limit, held))
            # The caller may be cancelled while others still wait.
            await asyncio.shield(held.pending)

    async def _refill(self, limit: RateLimit, held: _Slice) -> None:
        # One at a time of guesses: otherwise a replica could hold tokens that the address's next one at another replica needs.
        wanted = 1 if limit.policy in (*_GUESSES, SIGN_INS) else max(1, min(limit.burst, math.ceil(limit.rate * _SLICE_SECONDS)))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                answer = await self._borrowed(Borrowing(limit.bucket, limit.rate, limit.burst, wanted))
            self._shared = True
        except (TimeoutError, DarkroomError) as error:
            _UNSHARED.inc()
            if self._shared:
                _logger.warning("rate_limits_unshared", error=repr(error))
            self._shared = False
            answer = held.by_own_count(limit, wanted, self._clock())
        finally:
            held.pending = None
        now = self._clock()
        held.tokens, held.until, held.shared = answer.tokens, now + _LIFE_SECONDS, max(0, math.floor(answer.remaining))
        if not answer.tokens:
            held.blocked_until = now + max(0.0, (_worth_asking(wanted) - answer.remaining) / limit.rate)
            if limit.policy in _GUESSES and held.logged_until <= now:
                held.logged_until = now + _LOGGED_SECONDS
                _logger.warning("guesses_refused", policy=limit.policy, bucket=limit.bucket)


class _Slice:
    """This replica's share of a bucket."""

    __slots__ = ("blocked_until", "logged_until", "own_tokens_at", "pending", "shared", "tokens", "until")

    def __init__(self) -> None:
        self.tokens, self.until = 0, 0.0
        self.shared = 0
        """Tokens that were left in the bucket."""
        self.blocked_until = 0.0
        """The bucket is empty until then."""
        self.logged_until = 0.0
        """No line about guesses is logged until then."""
        self.own_tokens_at = 0.0
        """While counting alone: when the tokens that were granted will have flowed in."""
        self.pending: asyncio.Task[None] | None = None

    @property
    def remaining(self) -> int:
        return self.shared + self.tokens

    def take(self, now: float) -> bool:
        if self.tokens <= 0 or now > self.until:
            return False
        self.tokens -= 1
        return True

    def put_back(self, now: float) -> None:
        """Keep a token for the next who takes one."""
        self.tokens, self.until = (self.tokens + 1 if now <= self.until else 1), now + _KEPT_SECONDS

    @property
    def matters_until(self) -> float:
        return max(self.until, self.blocked_until, self.logged_until)

    def by_own_count(self, limit: RateLimit, wanted: int, now: float) -> BucketLoan:
        if self.own_tokens_at > now:
            return BucketLoan(0, _worth_asking(wanted) - (self.own_tokens_at - now) * limit.rate)
        self.own_tokens_at = now + wanted / limit.rate
        return BucketLoan(wanted, 0)


def _worth_asking(wanted: int) -> int:
    """Tokens that an empty bucket has to have before it is asked again: not only one, or a flood would ask for each."""
    return max(1, wanted // 2)


def _refused(limit: RateLimit, wait: float) -> RateLimited:
    _LIMITED.labels(limit.policy).inc()
    return RateLimited(limit, wait)
