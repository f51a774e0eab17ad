"""Users of NATS as an operator's own tools (`nsc`) make them: by JWTs that an operator and an account have signed."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import nkeys  # type: ignore[import-untyped]

_KINDS = {"operator": nkeys.PREFIX_BYTE_OPERATOR, "account": nkeys.PREFIX_BYTE_ACCOUNT, "user": nkeys.PREFIX_BYTE_USER}
_UNLIMITED = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
_JETSTREAM = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)


class NatsOperator:
    """An operator with one account, which has JetStream."""

    def __init__(self) -> None:
        (operator, _), (system, _), (self._account, _) = _key("operator"), _key("account"), _key("account")
        limits = {**_UNLIMITED, "wildcards": True}
        accounts = {
            system: _jwt(operator, system, "account", {"limits": limits}),
            self._account: _jwt(operator, self._account, "account", {"limits": {**limits, **_JETSTREAM}}),
        }
        lines = (
            f"operator: {_jwt(operator, operator, 'operator', {})}",
            f"system_account: {system.public_key.decode()}",
            "resolver: MEMORY",
            "resolver_preload: {",
            *(f"  {key.public_key.decode()}: {jwt}" for key, jwt in accounts.items()),
            "}",
        )
        self.configuration = "\n".join(lines)
        """For the configuration of servers."""

    def credentials(self, name: str, subscribe: Sequence[str]) -> str:
        """A file of credentials of a user that may publish everything and subscribe to some subjects."""
        user, seed = _key("user")
        rights = {"pub": {}, "sub": {"allow": list(subscribe)}, "subs": -1, "data": -1, "payload": -1}
        jwt = _jwt(self._account, user, "user", rights, name)
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed.decode()}\n------END USER NKEY SEED------\n"
        )


def _key(kind: str) -> tuple[nkeys.KeyPair, bytes]:
    seed = bytes(nkeys.encode_seed(os.urandom(32), _KINDS[kind]))
    return nkeys.from_seed(bytearray(seed)), seed


def _jwt(signer: nkeys.KeyPair, subject: nkeys.KeyPair, kind: str, claims: Mapping[str, Any], name: str = "tests") -> str:
    body = {
        "jti": base64.b32encode(os.urandom(20)).decode(),
        "iat": int(time.time()),
        "iss": signer.public_key.decode(),
        "name": name,
        "sub": subject.public_key.decode(),
        "nats": {**claims, "type": kind, "version": 2},
    }
    signed = f"{_coded(json.dumps({'typ': 'JWT', 'alg': 'ed25519-nkey'}).encode())}.{_coded(json.dumps(body).encode())}"
    return f"{signed}.{_coded(signer.sign(signed.encode()))}"


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
