"""Which limits a request has: by the settings, and by what the operator has set for its account."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.accounts.records import KeyOwner

KEY, ACCOUNT, ADDRESS, SIGN_INS = "key", "account", "address", "sign-ins"
FAILED_KEYS, FAILED_SIGN_INS = "failed-keys", "failed-sign-ins"
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One token bucket: `rate` tokens a second flow into it, it holds `burst`, and a request takes one."""

    policy: str
    bucket: str
    """The bucket's name, the same in every replica."""
    rate: float
    burst: int
    subject: str
    """The subject of the limit, for callers who reach it."""


@dataclass(frozen=True, slots=True)
class RateRules:
    """The limits of the settings; 0 for none."""

    key_rate: float = 0.0
    """Requests a second."""
    account_rate: float = 0.0
    address_rate: float = 0.0
    burst_seconds: float = 10.0
    """How much of a rate may be used at once, in seconds of it."""
    failed_keys: float = 0.0
    """Requests a minute, all of which may come at once."""
    sign_ins: float = 0.0
    """Attempts to sign in a minute, all of which may come at once."""
    failed_sign_ins: float = 0.0
    """Wrong passwords: from one address so many a minute, all of which may come at once; for one name as many at once, then one a
    minute."""

    def of_key(self, owner: KeyOwner) -> Sequence[RateLimit]:
        """The limits on requests with a key: the key's own limit, then its account's."""
        return _of_key(self, owner)

    def of_address(self, address: str) -> Sequence[RateLimit]:
        """The limits on all requests from an address; none without one."""
        return _of_address(self, address)

    def wrong_keys_of(self, address: str) -> Sequence[RateLimit]:
        """The limits on requests from an address with wrong keys; none without one."""
        return _wrong_keys_of(self, address)

    def wrong_passwords_of(self, address: str, name: str) -> Sequence[RateLimit]:
        """The limits on wrong passwords from an address, for a name (in a form that may be stored)."""
        return (
            *_in_a_minute(FAILED_SIGN_INS, address, self.failed_sign_ins, "Too many wrong passwords from this address."),
            *self._wrong_passwords("name", name, "Too many wrong passwords for this name."),
        )

    def wrong_passwords_at(self, address: str, name: str) -> Sequence[RateLimit]:
        """The limit in place of those where the person of the name has signed in from the address before."""
        return self._wrong_passwords("at", f"{name}@{address}", "Too many wrong passwords for this name from this address.")

    def _wrong_passwords(self, kind: str, whose: str, explained: str) -> Sequence[RateLimit]:
        if not self.failed_sign_ins:
            return ()
        bucket = f"{FAILED_SIGN_INS}:{kind}:{whose}"
        return (RateLimit(FAILED_SIGN_INS, bucket, 1 / _MINUTE, max(1, math.ceil(self.failed_sign_ins)), explained),)

    def sign_ins_of(self, address: str, most: float | None = None) -> Sequence[RateLimit]:
        """The limits on sign-in attempts from an address, `most` a minute if that is given; none without an address."""
        return _sign_ins_of(self, address, most)

    def limit(self, policy: str, name: object, rate: float, whose: str) -> Sequence[RateLimit]:
        """The limit of one bucket; none for a rate of 0."""
        if not rate:
            return ()
        burst = max(1, math.ceil(rate * self.burst_seconds))
        explained = f"Too many requests {whose}: it may make {rate:g} a second."
        return (RateLimit(policy, f"{policy}:{name}", rate, burst, explained),)


@lru_cache(maxsize=20_000)
def _of_key(rules: RateRules, owner: KeyOwner) -> Sequence[RateLimit]:
    own = owner.own_limits
    key_rate = rules.key_rate if own.key_request_rate is None else own.key_request_rate
    account_rate = rules.account_rate if own.request_rate is None else own.request_rate
    return (
        *rules.limit(KEY, owner.key_id, key_rate, "with this API key"),
        *rules.limit(ACCOUNT, owner.account_id, account_rate, "of this account"),
    )


@lru_cache(maxsize=20_000)
def _of_address(rules: RateRules, address: str) -> Sequence[RateLimit]:
    return rules.limit(ADDRESS, address, rules.address_rate, "from this address") if address else ()


@lru_cache(maxsize=20_000)
def _wrong_keys_of(rules: RateRules, address: str) -> Sequence[RateLimit]:
    return _in_a_minute(FAILED_KEYS, address, rules.failed_keys, "Too many wrong keys from this address; a valid one is let through.")


@lru_cache(maxsize=20_000)
def _sign_ins_of(rules: RateRules, address: str, most: float | None) -> Sequence[RateLimit]:
    explained = "Too many attempts to sign in from this address."
    if most is None:
        return _in_a_minute(SIGN_INS, address, rules.sign_ins, explained)
    # A bucket for each limit: that of another one may be empty for a minute, and be known to be.
    return _in_a_minute(SIGN_INS, address, most, explained, f"{address}@{most:g}")


def _in_a_minute(policy: str, address: str, most: float, explained: str, bucket: str = "") -> Sequence[RateLimit]:
    if not address or not most:
        return ()
    return (RateLimit(policy, f"{policy}:{bucket or address}", most / _MINUTE, max(1, math.ceil(most)), explained),)
