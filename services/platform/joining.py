"""The protocol between a machine that joins as a worker and the accounts service: the token, and how it protects their one exchange.

A token is one word that a person carries from the server to the machine. It holds where the server is, the digest of its authority, and a
secret, from which both sides derive two keys: one authenticates the request, the other encrypts the reply. The secret itself is not sent,
and the server does not store it: it derives it from its signing key and the token's id. So the exchange may go over plain HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREFIX = "dkw_"
"""With which every token begins."""
LONGEST_CLOCK_DIFFERENCE = 30.0
"""Seconds. A worker's tokens live a minute, so one whose clock is further behind could not work."""
_SECRET_BYTES, _NONCE_BYTES = 32, 12


@dataclass(frozen=True, slots=True)
class JoinToken:
    """The token with which a machine joins."""

    url: str
    """The public URL of the server, without a slash at the end."""
    workers: str
    """`host:port` of the server's port for workers."""
    authority: str
    """SHA-256 of the authority's certificate (DER), in hexadecimal."""
    id: int
    secret: str
    """In hexadecimal."""

    def text(self) -> str:
        """The token as one word."""
        content = json.dumps(asdict(self), separators=(",", ":")).encode()
        check = hashlib.sha256(content).digest()[:4]
        return PREFIX + base64.urlsafe_b64encode(check + content).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> JoinToken:
        """Read a token. Raises ValueError for what is none, or not a whole one."""
        word = text.strip()
        if not word.startswith(PREFIX):
            raise ValueError(f"it does not begin with {PREFIX}")
        try:
            encoded = word.removeprefix(PREFIX)
            data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            if hashlib.sha256(data[4:]).digest()[:4] != data[:4]:
                raise ValueError
            token = cls(**json.loads(data[4:]))
        except (ValueError, TypeError):
            raise ValueError("it is incomplete: copy the whole line") from None
        return token

    @property
    def keys(self) -> JoinKeys:
        """The keys for the exchange."""
        return JoinKeys(bytes.fromhex(self.secret))


def secret_of(pepper: bytes, token_id: int) -> bytes:
    """The secret of a token, which the server derives each time from 32 secret bytes of its own."""
    return hmac.digest(pepper, f"worker token {token_id}".encode(), "sha256")


class JoinKeys:
    """Protects the request and the reply."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _SECRET_BYTES:
            raise ValueError(f"a token's secret has {_SECRET_BYTES} bytes")
        self._request, self._reply = (_derived(secret, purpose) for purpose in ("request", "reply"))

    def mac(self, fields: Sequence[str]) -> str:
        """The authentication code of a request with these fields, in base64."""
        return base64.b64encode(hmac.digest(self._request, _joined(fields), "sha256")).decode()

    def matches(self, fields: Sequence[str], mac: str) -> bool:
        """Whether a request with these fields has this code."""
        return hmac.compare_digest(self.mac(fields).encode(), mac.encode())

    def seal(self, content: bytes, context: bytes) -> str:
        """The reply to the request with that digest, encrypted, in base64."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self._reply).encrypt(nonce, content, context)).decode()

    def open(self, sealed: str, context: bytes) -> bytes:
        """The reply to the request with that digest. Raises ValueError if nobody who knows the token has made it."""
        data = base64.b64decode(sealed)
        try:
            return AESGCM(self._reply).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise ValueError("the reply was not made with this token") from None


def digest_of_request(token_id: str, name: str, certificate_request: str, public_key: str) -> bytes:
    """The identity of a request: everything except its time and version."""
    return hashlib.sha256(_joined((token_id, name, certificate_request, public_key))).digest()


def worker_urn(worker_id: int, name: str) -> str:
    """The full name of a joined worker."""
    return f"{URN}{worker_id}:{name}"


def id_of(urn: str) -> int:
    """The id of a joined worker, by its full name; 0 if that has none."""
    number = urn.rpartition(":")[0].rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


URN = "urn:darkroom:worker:"
"""With which the full name of every joined worker begins."""
_LONGEST_MACHINE = 60
"""As the setting `worker_name` has it."""


def machine_of(urn: str) -> str:
    """The name under which the machine of a joined worker works, by the worker's full name."""
    return urn.rpartition(":")[2][:_LONGEST_MACHINE]


def is_process_of(urn: str, name: str) -> bool:
    """Whether a joined worker, by its full name, may call its process so: the machine, the number of the process, and a random part."""
    return re.fullmatch(rf"{re.escape(machine_of(urn))}-\d+-[0-9a-f]{{6}}", name) is not None


def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"darkroom worker {purpose}".encode()).derive(secret)


def _joined(fields: Sequence[str]) -> bytes:
    # Unambiguous, whatever the fields hold.
    return json.dumps(list(fields)).encode()
