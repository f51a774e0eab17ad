"""Settings of what accounts, keys and addresses may do."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.accounts.domain.rate_rules import RateRules


class LimitSettings(BaseSettings):
    """Limits of requests and keys; 0 switches one off. An account's own limits are set with `python -m services.accounts limits`."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore")

    rate_limit_key: float = Field(500.0, ge=0, description="Requests a second that one API key may make; 0 for no limit.")
    rate_limit_account: float = Field(
        1000.0, ge=0, description="Requests a second that all API keys of an account may make together; 0 for no limit."
    )
    rate_limit_address: float = Field(
        1000.0,
        ge=0,
        description="Requests a second that may come from one address (IPv6: from one /64), whatever their keys; 0 for no limit.",
    )
    rate_limit_burst: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="How much of these rates may be used at once, in seconds: a key at rest may make 5,000 requests at once.",
    )
    rate_limit_failed_keys: float = Field(
        20.0,
        ge=0,
        description="Requests a minute with unknown or revoked API keys that may come from one address; 0 for no limit. Beyond it, no "
        "unknown key from there is looked up.",
    )
    max_keys: int = Field(
        100, ge=0, description="Maximum number of API keys per account, not counting revoked and expired ones; 0 for no limit."
    )

    @property
    def rate_rules(self) -> RateRules:
        """The same settings as a record."""
        return RateRules(
            self.rate_limit_key, self.rate_limit_account, self.rate_limit_address, self.rate_limit_burst, self.rate_limit_failed_keys
        )
