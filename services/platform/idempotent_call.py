"""A call with an idempotency key, for those who know nothing of a database."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = "idempotency-key"
CONTENT_HEADER = "x-darkroom-content"
"""By which the gateway says what the files of a form hold, whose ids differ each time that the form is sent: hexadecimal."""
REPLAYED = "x-darkroom-replayed"
"""Trailer of a reply that repeats an earlier one: what was stored for this call is not needed."""


@dataclass(frozen=True, slots=True)
class IdempotentCall:
    """A creating call that its client may repeat."""

    account_id: int
    method: str
    """Full path of the rpc: keys are scoped to a method."""
    key: str
    """1 to 255 printable ASCII characters."""
    digest: bytes
    """SHA-256 of the request, which distinguishes it from a different request with the same key."""
