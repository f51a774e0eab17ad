"""Delegations: accounts says that another key may sign as a service, for a while.

A worker that has joined from another machine has a key of its own, and not that of the inference service. A *delegation* is a token (JWT)
signed by accounts with the worker's public key and full name. The worker's service tokens carry it in their header, and count only in calls
with the certificate of the same worker. Its life is short, and accounts renews it for workers that have not been revoked.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEADER = "dlg"
"""In the header of a service token: the delegation with which it counts."""
SECONDS = 900
"""How long a delegation is good for. A worker that has been revoked may still work until then where a service does not hear of that."""
DELEGATED = "inference"
"""The only service as which others may sign."""
_AUDIENCE = "darkroom-delegation"


@dataclass(frozen=True, slots=True)
class Delegation:
    """The answer of accounts."""

    worker: str
    """Full name of the worker."""
    key: Ed25519PublicKey
    ends: float
    """Seconds since the epoch."""


def sign_delegation(issuer: str, key: Ed25519PrivateKey, worker: str, public_key: Ed25519PublicKey, now: int) -> str:
    """A delegation to the holder of a key, for `SECONDS` from now."""
    raw = base64.urlsafe_b64encode(public_key.public_bytes_raw()).decode()
    claims = {"iss": issuer, "aud": _AUDIENCE, "sub": worker, "as": DELEGATED, "key": raw, "iat": now, "exp": now + SECONDS}
    return jwt.encode(claims, key, algorithm="EdDSA")


def carried_by(token: str, issuer: str, keys: Mapping[str, Ed25519PublicKey]) -> Delegation | None:
    """The delegation that a token carries, checked with the issuer's key; None for a token without one. The token itself is not checked,
    and no time is looked at. Raises ValueError for one with a delegation that does not count."""
    try:
        carried = jwt.get_unverified_header(token).get(HEADER)
        if carried is None:
            return None
        claims = jwt.decode(
            str(carried),
            keys[issuer],
            algorithms=["EdDSA"],
            audience=_AUDIENCE,
            issuer=issuer,
            options={"require": ["exp", "sub", "iss"], "verify_exp": False, "verify_iat": False},
        )
        key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(claims["key"]))
        delegated, worker, ends = claims["as"], str(claims["sub"]), float(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the delegation is not valid") from error
    if delegated != DELEGATED:
        raise ValueError("the delegation is for another service")
    return Delegation(worker, key, ends)


class HeldDelegation:
    """The newest delegation that a worker has, in a file that outlives the process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._token = file.read_text().strip()

    @property
    def token(self) -> str:
        return self._token

    @property
    def ends(self) -> float:
        """When it ends, in seconds since the epoch."""
        return float(jwt.decode(self._token, options={"verify_signature": False})["exp"])

    def replace(self, token: str) -> None:
        """Hold another one from now on."""
        fresh = self._file.with_name(f".{self._file.name}.new")
        fresh.touch(mode=0o600)
        fresh.write_text(token)
        fresh.replace(self._file)
        self._token = token
