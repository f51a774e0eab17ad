"""Accounts and keys as every part of the service sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from services.accounts.networks import Network, contains, networks
from services.platform.idempotent_call import IdempotentCall
from services.platform.identity import UserIdentity


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant: it owns files and tasks."""

    id: int
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of an account. The key itself is not stored."""

    id: int
    account_id: int
    name: str
    prefix: str
    """Its first characters."""
    sha256: bytes
    """SHA-256 of the key, 32 bytes."""
    created_at: datetime
    revoked_at: datetime | None
    scopes: Sequence[str] | None
    """Its scopes; None for all."""
    expires_at: datetime | None
    last_used_at: datetime | None
    creator_id: int | None
    """The key that created it; None if the operator did, or if it is older than this record."""
    replaces_id: int | None
    """The key that it replaces: it was made by rotating that one."""
    allowed_networks: Sequence[str] | None = None
    """From where it may be used, in CIDR notation; None for everywhere."""

    @property
    def limits(self) -> KeyLimits:
        """Its scopes, its end, and its networks."""
        scopes = frozenset(self.scopes) if self.scopes is not None else None
        return KeyLimits(scopes, self.expires_at, networks(self.allowed_networks) if self.allowed_networks is not None else None)


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """The scopes, end and networks of a key."""

    scopes: frozenset[str] | None = None
    """Such as `tasks:write`; None for everything."""
    expires_at: datetime | None = None
    """None: it does not expire."""
    networks: frozenset[Network] | None = None
    """None: everywhere."""

    def allow(self, other: KeyLimits) -> bool:
        """Whether a key with these limits may create one with the other limits: no more scopes, no later expiry, no other networks."""
        narrower = self.scopes is None or (other.scopes is not None and other.scopes <= self.scopes)
        sooner = self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at)
        return narrower and sooner and not self.outside(other)

    def outside(self, other: KeyLimits) -> Sequence[Network]:
        """The networks from which a key with the other limits could be used and one with these could not; without limits, all addresses."""
        if self.networks is None:
            return ()
        return [one for one in (other.networks or _EVERYWHERE) if not contains(self.networks, one)]


UNLIMITED = KeyLimits()
_EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that has just been made."""

    secret: str
    """The key itself, shown to its owner once."""
    prefix: str
    """Its first characters, for its owner to recognise it."""
    digest: bytes


@dataclass(frozen=True, slots=True)
class RepeatableKey:
    """A key created by an idempotent call, so that a repeat of the call can make it again."""

    call: IdempotentCall
    key: NewKey
    nonce: bytes
    """The input from which the key is derived."""


@dataclass(frozen=True, slots=True)
class OneCall:
    """A call that creates something about people."""

    call: IdempotentCall | None
    """None for one that cannot be repeated."""
    nonce: bytes
    """The input from which its secrets are derived."""
    moment: datetime
    """When it was made first."""


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The operator's settings for one account. None: as the settings say; 0: no limit."""

    request_rate: float | None = None
    """Requests a second that all its keys may make together."""
    key_request_rate: float | None = None
    """Requests a second that each of its keys may make."""
    max_keys: int | None = None
    """Keys that it may have; revoked and expired ones do not count."""
    max_streams: int | None = None
    """Streams and waiting calls that it may have open."""


LimitChange = Mapping[str, float | int | None]
"""New values of some fields of `AccountLimits`, by their names."""


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A key or a session that has not been revoked: its id, its account, and its limits."""

    key_id: int
    account_id: int
    scopes: frozenset[str] | None = None
    """The key's scopes; None for all."""
    expires_at: datetime | None = None
    """When it expires, or has expired."""
    own_limits: AccountLimits = AccountLimits()
    """Its account's."""
    name: str = ""
    """The key's."""
    networks: frozenset[Network] | None = None
    """From where the key may be used; None for everywhere."""
    user: UserIdentity | None = None
    """Whose it is; None for a key of the account itself."""
    refreshed: int = 0
    """As in `Identity`."""


@dataclass(frozen=True, slots=True)
class Borrowing:
    """Tokens that are wanted from a shared bucket."""

    bucket: str
    """Its name."""
    rate: float
    """Tokens that flow into it in a second."""
    burst: int
    """Tokens that it holds when it is full."""
    tokens: int


@dataclass(frozen=True, slots=True)
class BucketLoan:
    """The answer of a shared bucket."""

    tokens: int
    """Tokens, from 0 to what was wanted."""
    remaining: float
    """Tokens that it has left."""
