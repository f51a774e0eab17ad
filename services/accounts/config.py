"""Settings of the accounts service."""

from __future__ import annotations

from pydantic import Field

from services.common.config import DatabaseSettings, ServiceSettings


class AccountsSettings(ServiceSettings, DatabaseSettings):
    """Settings for serving."""


class AdministrationSettings(DatabaseSettings):
    """Settings for the administration commands."""

    nats_url: str = Field(description="NATS server by which a revocation is announced: `nats://user:password@host:port`.")
