"""Settings of webhooks."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from services.platform.egress.settings import Networks
from services.platform.environment import EnvironmentSettings
from services.tasks.store.secret_cipher import read_keys


class WebhookKeySettings(EnvironmentSettings):
    """Where the keys are that encrypt webhook secrets."""

    webhook_secrets_key_file: Path = Field(
        description="File with the keys that encrypt webhook secrets in the database, 32 bytes in base64 each (`openssl rand -base64 32`). "
        "The first key encrypts; the others only decrypt what earlier first keys encrypted. Back it up apart from the database."
    )

    @field_validator("webhook_secrets_key_file")
    @classmethod
    def _keys_are_valid(cls, file: Path) -> Path:
        try:
            read_keys(file)
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from None
        return file


class WebhookSettings(EnvironmentSettings):
    """How webhooks are delivered. Durations are in seconds."""

    webhook_allow_http: bool = Field(False, description="Whether to accept webhook URLs with http in addition to https.")
    webhook_allow_loopback: bool = Field(
        False,
        description="Whether to accept webhook URLs of this machine's own addresses, such as `http://127.0.0.1:9000`, also with http. For "
        "installations that only users of this machine reach.",
    )
    webhook_allowed_networks: Networks = Field(
        (), description="Private or other special-purpose networks that webhooks may be sent to: `10.1.0.0/16,fd00:1::/32`."
    )
    webhook_max_per_account: int = Field(10, ge=1, le=1000, description="Maximum number of webhooks per account.")
    webhook_max_attempts: int = Field(12, ge=1, le=50, description="Number of attempts after which a delivery is abandoned.")
    webhook_backoff: float = Field(
        5.0,
        gt=0,
        description="Backoff before the second attempt; it is multiplied by 2.5 for each further attempt. 12 attempts take about 22 hours.",
    )
    webhook_retry_after_limit: float = Field(3600.0, ge=0, description="Longest delay that a receiver can request with Retry-After.")
    webhook_connect_timeout: float = Field(5.0, gt=0, description="Timeout for resolving a receiver's host name, and for connecting to it.")
    webhook_timeout: float = Field(15.0, gt=0, description="Timeout of an entire attempt.")
    webhook_concurrency: int = Field(256, ge=1, description="Maximum number of deliveries that a process sends concurrently.")
    webhook_concurrency_each: int = Field(
        4, ge=1, description="Maximum number of deliveries that a process sends concurrently to one receiver."
    )
    webhook_lookups: int = Field(128, ge=1, description="Maximum number of host names that a process resolves concurrently.")
    webhook_lookups_each: int = Field(8, ge=1, description="Maximum number of host names that a process resolves at once for one account.")
    webhook_interval: float = Field(
        0.5,
        gt=0,
        description="Interval at which a sender looks for due deliveries. When a task ends it looks at once, but no more often than this.",
    )
