"""Settings of webhooks."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.tasks.domain.webhooks.addresses import Network


class WebhookSettings(BaseSettings):
    """Durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore")

    webhook_allow_http: bool = Field(False, description="Take http URLs of webhooks, not https ones only.")
    webhook_allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="Private or otherwise special networks that webhooks may be sent to: `10.1.0.0/16,fd00:1::/32`."
    )
    webhook_max_per_account: int = Field(10, ge=1, le=1000, description="Webhooks that an account may have.")
    webhook_max_attempts: int = Field(12, ge=1, le=50, description="Attempts before a delivery is given up.")
    webhook_backoff: float = Field(
        5.0, gt=0, description="Pause before the second attempt; it grows by 2.5 from attempt to attempt: with 12 attempts over 22 hours."
    )
    webhook_retry_after_limit: float = Field(3600.0, ge=0, description="Longest pause that a receiver can ask for by Retry-After.")
    webhook_connect_timeout: float = Field(5.0, gt=0, description="Longest time until a receiver's address is found or connected to.")
    webhook_timeout: float = Field(15.0, gt=0, description="Longest time of an attempt in all.")
    webhook_concurrency: int = Field(256, ge=1, description="Deliveries that one process sends at the same time.")
    webhook_concurrency_each: int = Field(4, ge=1, description="The same to one receiver.")
    webhook_interval: float = Field(0.25, gt=0, description="How often a sender looks for due deliveries.")

    @field_validator("webhook_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
