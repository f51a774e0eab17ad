"""Workers that join from other machines, as every part of the service sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.platform.joining import worker_urn


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker that has joined."""

    id: int
    name: str
    public_key: str
    """PEM."""
    certificate: str
    """The newest, PEM."""
    certificate_expires_at: datetime
    version: str
    """The version of Darkroom that the worker last reported."""
    joined_at: datetime
    renewed_at: datetime
    revoked_at: datetime | None

    @property
    def urn(self) -> str:
        """The full name."""
        return worker_urn(self.id, self.name)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A token with which a machine joins."""

    id: int
    account_id: int
    name: str | None
    """The only name that the worker may have; None: any."""
    expires_at: datetime
    request_sha256: bytes | None
    """The hash of the request that has used it; None while unused."""
    worker_id: int | None
    """The machine that has used it."""
