"""Signatures by Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable

_PREFIX = "whsec_"
_KEY_BYTES = 32


def new_secret() -> str:
    """A random secret as its owner gets it: `whsec_` and the key in base64."""
    return secret_of(secrets.token_bytes(_KEY_BYTES))


def secret_of(key: bytes) -> str:
    return _PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The key that a secret holds."""
    return base64.b64decode(secret.removeprefix(_PREFIX))


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`. `timestamp` is in seconds since 1970."""
    digest = hmac.digest(key_of(secret), f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def headers(valid_secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature per secret; a receiver takes the message if it knows any of them."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in valid_secrets),
    }
