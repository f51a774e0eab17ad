"""Settings of the accounts service."""

from __future__ import annotations

from pydantic import Field

from services.accounts.domain.config import LimitSettings
from services.common.config import DatabaseSettings, ServiceSettings, TlsSettings


class AccountsSettings(ServiceSettings, DatabaseSettings, LimitSettings):
    """Settings of the accounts service process."""


class AdministrationSettings(DatabaseSettings, LimitSettings, TlsSettings):
    """Settings of the administration commands."""

    nats_url: str = Field(description="NATS server on which key revocations are announced: `nats://user:password@host:port`.")
