"""The caller's identity: Ed25519-signed tokens (JWT, RFC 7519; EdDSA, RFC 8037).

There are two kinds. An *identity token* lives about a minute; accounts signs it when the edge asks, and it names the account of a public
call. A *service token* is signed by the calling service with its own key, for the internal listeners, and names the account it acts for. A
worker that has joined from another machine signs with a key of its own, and a delegation of accounts goes with it (`delegation.py`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from services.platform import delegation
from services.platform.delegation import HeldDelegation
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

IDENTITY_HEADER = "x-darkroom-identity"
BAD_KEY_HEADER = "x-darkroom-bad-key"
"""Informs the gateway that a caller without an identity sent a key, which is ignored because the call needs none."""
ADDRESS_HEADER = "x-envoy-external-address"
"""The client's network address. The edge sets it, after the number of proxies that it trusts, and removes what clients send."""
IDENTITY_SECONDS = 60
IDENTITY_ISSUER = "accounts"
GATEWAY = "gateway"
"""May sign identity tokens, too: it repeats that of the request it serves, which may take longer than a token lasts."""
_SERVICE_SECONDS = 60
# How long a service token is reused; it then still has most of its minute left.
_REUSED_SECONDS = 20
_LEEWAY_SECONDS = 5
# How far ahead an issuer's clock may be. A token from such a clock is valid for that much longer.
_AHEAD_SECONDS = 300
_PUBLIC, _INTERNAL = "darkroom", "darkroom-internal"
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """A person who calls."""

    id: str
    """A UUID; `anonymous` where the operator has switched signing in off."""
    name: str
    role: str
    """`admin`, `editor`, `user`, or the name of one of the account's own."""
    permissions: frozenset[str]
    """The permissions of the role, such as `files:own`; with a key that has its own list, those in both."""
    must_change: bool = False
    """The session is only good for changing the password."""
    session: bool = False
    """Whether the person has signed in; otherwise an API key of the person was used."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified caller."""

    account_id: int
    """The account that the call is for; 0 when a service calls on its own behalf."""
    key_id: int = 0
    """The API key or the session that was used; 0 when a service calls, or anybody where signing in is switched off."""
    key_name: str = ""
    """The name of that key; empty for a session."""
    service: str | None = None
    """The calling service, on an internal listener; on a public one, `gateway` where that makes the call for its caller."""
    scopes: frozenset[str] | None = None
    """The key's scopes, such as `tasks:write`; None for all."""
    max_streams: int | None = None
    """How many streams the operator lets the account have, 0 for any number; None: as the settings say."""
    user: UserIdentity | None = None
    """The person who calls; None for a key of the account itself, which has every permission, and for services."""
    refreshed: int = 0
    """When the key or the session has last come to permit something else, as what it permits was read: in microseconds of the database's
    clock, 0 for never."""
    worker: str | None = None
    """The full name of the worker that calls, if it has joined from another machine."""
    ends: float = math.inf
    """When such a worker's delegation ends, in seconds since the epoch. Open calls have to end then."""

    def permits(self, permission: str) -> bool:
        """Whether the caller has a permission. A key of the account itself has every one that a list of scopes does not exclude."""
        return permission in self.user.permissions if self.user is not None else self.scopes is None


@dataclass(frozen=True, slots=True)
class Client:
    """Where a public call comes from, as the edge saw it. Neither is part of who is calling: clients choose their user agent."""

    address: str | None = None
    """The network address, such as `203.0.113.7`."""
    user_agent: str | None = None


_current: ContextVar[Identity] = ContextVar("identity")
_client: ContextVar[Client] = ContextVar("client", default=Client())  # noqa: B039 - frozen


def current_identity() -> Identity:
    """The caller of the RPC being served. Raises PERMISSION_DENIED outside of one."""
    try:
        return _current.get()
    except LookupError:
        raise DarkroomError(ErrorReason.PERMISSION_DENIED, "This call needs an identity.") from None


def set_identity(identity: Identity) -> None:
    """Make `identity` the caller for the rest of the current RPC."""
    _current.set(identity)


def current_client() -> Client:
    """Where the RPC being served comes from; unknown outside of a public one."""
    return _client.get()


def set_client(client: Client) -> None:
    """Make `client` the origin of the rest of the current RPC."""
    _client.set(client)


class Signer:
    """Signs tokens with a service's own key, or as a worker that has a delegation. `clock` returns seconds since the epoch."""

    def __init__(
        self, issuer: str, key_file: Path, clock: Callable[[], float] = time.time, delegated: HeldDelegation | None = None
    ) -> None:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{key_file} does not hold an Ed25519 private key")
        self._issuer, self._key, self._clock, self._delegated = issuer, key, clock, delegated
        self._service_token = lru_cache(maxsize=4096)(self._sign_service_token)

    def identity_token(
        self,
        account_id: int,
        key_id: int,
        scopes: Collection[str] | None = None,
        seconds_left: float = IDENTITY_SECONDS,
        key_name: str = "",
        max_streams: int | None = None,
        user: UserIdentity | None = None,
        refreshed: int = 0,
    ) -> str:
        """A token for the identity header, valid for `IDENTITY_SECONDS`, or for `seconds_left` if the key expires sooner.

        `scopes` is what the key may do; None for everything. `max_streams`, `user` and `refreshed` are as in `Identity`.
        """
        claims: dict[str, object] = {"key": key_id, "name": key_name}
        if scopes is not None:
            claims["scope"] = " ".join(sorted(scopes))
        if max_streams is not None:
            claims["streams"] = max_streams
        if user is not None:
            claims["user"] = {**asdict(user), "permissions": sorted(user.permissions)}
        if refreshed:
            claims["refreshed"] = refreshed
        return self._sign(_PUBLIC, account_id, min(IDENTITY_SECONDS, math.ceil(seconds_left)), claims)

    def service_metadata(self, account_id: int = 0) -> tuple[tuple[str, str], ...]:
        """gRPC metadata with which this service calls another on behalf of an account (0: on its own behalf)."""
        delegated = self._delegated.token if self._delegated is not None else None
        return (("authorization", f"Bearer {self._service_token(account_id, int(self._clock()) // _REUSED_SECONDS, delegated)}"),)

    def delegation(self, worker: str, public_key: Ed25519PublicKey) -> str:
        """A delegation to a worker, by its full name; of accounts alone do others accept it."""
        return delegation.sign_delegation(self._issuer, self._key, worker, public_key, int(self._clock()))

    def derived_secret(self, purpose: str) -> bytes:
        """32 bytes that only this service can derive, different for each purpose: HKDF (RFC 5869) of its key."""
        return HKDF(SHA256(), length=32, salt=None, info=f"darkroom {purpose}".encode()).derive(self._key.private_bytes_raw())

    def _sign_service_token(self, account_id: int, _period: int, delegated: str | None) -> str:
        return self._sign(_INTERNAL, account_id, _SERVICE_SECONDS, {}, {delegation.HEADER: delegated} if delegated else None)

    def _sign(
        self, audience: str, account_id: int, seconds: int, claims: Mapping[str, object], headers: dict[str, Any] | None = None
    ) -> str:
        now = int(self._clock())
        payload = {"iss": self._issuer, "aud": audience, "sub": str(account_id), "iat": now, "exp": now + seconds, **claims}
        return jwt.encode(payload, self._key, algorithm="EdDSA", headers=headers)


@dataclass(frozen=True, slots=True)
class _Token:
    """A token with a good signature."""

    identity: Identity
    issuer: str
    expires: float
    """Seconds since the epoch."""


class Verifier:
    """Verifies tokens of the services that this installation trusts.

    A token with a good signature that is out of its time was signed by a clock that differs from this one. That is not the caller's fault,
    so it is UNAVAILABLE, and logged. `clock` returns seconds since the epoch.
    """

    def __init__(self, trusted_keys_file: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        for issuer, pem in json.loads(trusted_keys_file.read_text()).items():
            key = load_pem_public_key(pem.encode())
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError(f"{trusted_keys_file}: the key of {issuer} is not an Ed25519 public key")
            self._keys[issuer] = key
        # A client's calls within a minute carry the same token, so it is read only once.
        self._identity = lru_cache(maxsize=4096)(self._read_identity)
        self._service = lru_cache(maxsize=4096)(self._read_service)

    def identity(self, token: str) -> Identity:
        """The caller named by an identity token. Raises API_KEY_INVALID, and UNAVAILABLE for one that is out of its time."""
        return self._in_time(self._identity(token))

    def service(self, authorization: str) -> Identity:
        """The caller named by the `authorization` metadata of an internal call. Raises API_KEY_INVALID, and UNAVAILABLE for a token that is
        out of its time."""
        return self._in_time(self._service(authorization))

    def _in_time(self, token: _Token) -> Identity:
        """The caller, checked at each use. When the token was issued does not matter."""
        left = token.expires - self._clock()
        if not -_LEEWAY_SECONDS <= left <= max(IDENTITY_SECONDS, _SERVICE_SECONDS) + _AHEAD_SECONDS:
            # That of a worker that has slept ends while it sleeps; it gets another and calls again.
            what = "clocks_differ" if token.identity.ends > self._clock() else "delegation_ended"
            _logger.warning(what, issuer=token.issuer, token_ends_in_seconds=round(left, 1))
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The service cannot verify requests at the moment. Try again later.")
        return token.identity

    def _read_identity(self, token: str) -> _Token:
        claims = self._claims(token, _PUBLIC)
        issuer = str(claims["iss"])
        if issuer not in (IDENTITY_ISSUER, GATEWAY):
            raise _refused()
        identity = Identity(
            account_id=int(str(claims["sub"])),
            key_id=int(str(claims["key"])),
            key_name=str(claims.get("name", "")),
            service=GATEWAY if issuer == GATEWAY else None,
            scopes=frozenset(str(claims["scope"]).split()) if "scope" in claims else None,
            max_streams=int(str(claims["streams"])) if "streams" in claims else None,
            user=_user(claims["user"]) if "user" in claims else None,
            refreshed=int(str(claims.get("refreshed", 0))),
        )
        return _Token(identity, issuer, float(str(claims["exp"])))

    def _read_service(self, authorization: str) -> _Token:
        token = authorization.removeprefix("Bearer ")
        try:
            delegated = delegation.carried_by(token, IDENTITY_ISSUER, self._keys)
        except ValueError:
            raise _refused() from None
        claims = self._claims(token, _INTERNAL, delegated.key if delegated is not None else None)
        issuer, expires = str(claims["iss"]), float(str(claims["exp"]))
        identity = Identity(account_id=int(str(claims["sub"])), service=issuer)
        if delegated is None:
            return _Token(identity, issuer, expires)
        if issuer != delegation.DELEGATED:
            raise _refused()
        return _Token(replace(identity, worker=delegated.worker, ends=delegated.ends), delegated.worker, min(expires, delegated.ends))

    def _claims(self, token: str, audience: str, key: Ed25519PublicKey | None = None) -> dict[str, object]:
        """The claims of a token with a valid signature, by its issuer's key or the given one. Its time is not checked."""
        try:
            issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
            claims: dict[str, object] = jwt.decode(
                token,
                key or self._keys[issuer],
                algorithms=["EdDSA"],
                audience=audience,
                options={"require": ["exp", "sub", "iss"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, KeyError):
            raise _refused() from None
        return claims


def _user(claim: Any) -> UserIdentity:
    # Another version may say more, or less, about a person.
    said = {field.name: claim[field.name] for field in fields(UserIdentity) if field.name in claim}
    return UserIdentity(**{**said, "permissions": frozenset(claim["permissions"])})


def _refused() -> DarkroomError:
    return DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
