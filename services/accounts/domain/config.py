"""Settings of what accounts, keys, addresses and people may do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from services.accounts.domain.anonymous import is_for_people
from services.accounts.domain.rate_rules import RateRules
from services.platform.compatibility import SurfaceSettings
from services.platform.environment import EnvironmentSettings
from services.platform.rpc import catalogue


class LimitSettings(EnvironmentSettings):
    """Limits of requests and keys; 0 switches one off. An account's own limits are set with `python -m services.accounts limits`."""

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
        description="How much of these rates may be used at once, in seconds: an idle key may make 5,000 requests at once.",
    )
    rate_limit_failed_keys: float = Field(
        20.0,
        ge=0,
        description="Requests a minute with wrong keys, session tokens, sign-in links and worker tokens that may come from one address "
        "(IPv6: from one /64); 0 for no limit. Beyond it, wrong ones get 429; valid ones are let through.",
    )
    rate_limit_failed_sign_ins: float = Field(
        20.0,
        ge=0,
        description="Wrong passwords a minute that may come from one address (IPv6: from one /64), and for one name as many at once, then "
        "one a minute; 0 for no limit. Beyond it, passwords are not looked at. Where a person has signed in before, neither others at that "
        "address nor those who try that name elsewhere count, but only wrong passwords for that name from there.",
    )
    login_attempt_limit: float = Field(
        500.0, ge=0, description="Attempts to sign in a minute that may come from one address (IPv6: from one /64); 0 for no limit."
    )
    max_keys: int = Field(
        100,
        ge=0,
        description="Maximum number of API keys per account, not counting revoked and expired ones, and of those that each person may "
        "have besides; 0 for no limit.",
    )

    @property
    def rate_rules(self) -> RateRules:
        """The same settings as a record."""
        return RateRules(
            self.rate_limit_key,
            self.rate_limit_account,
            self.rate_limit_address,
            self.rate_limit_burst,
            self.rate_limit_failed_keys,
            self.login_attempt_limit,
            self.rate_limit_failed_sign_ins,
        )


@dataclass(frozen=True, slots=True)
class PeopleRules:
    """Settings of people and how they sign in; `PeopleSettings` describes them."""

    auth_enabled: bool = True
    default_username: str = "admin"
    default_password: str = ""
    skip_must_change: bool = False
    session_hours: float = 168.0
    max_users: int = 0


class SeedSettings(EnvironmentSettings):
    """With what the settings begin that people may change (`darkroom.accounts.v1.SettingsService`)."""

    default_theme: str = Field(
        "light", max_length=1000, description="With what the setting `defaultTheme` begins, which people may change; for pages."
    )
    default_locale: str = Field(
        "en", max_length=1000, description="With what the setting `defaultLocale` begins, which people may change; for pages."
    )


class PeopleSettings(SurfaceSettings):
    """People and how they sign in. Those of surfaces that have no accounts, but one list of people, live in one account."""

    public_url: str = Field("", description="The URL at which people reach the edge, for links; absent: links begin with their path.")
    people_account_id: int | None = Field(None, description="Id of the account that people belong to; absent: the oldest account.")
    auth_enabled: bool = Field(
        True,
        description="Whether people sign in. If not, anyone is a user of the account, without a key, on the compatibility surface for "
        "people; where that is off, people sign in all the same.",
    )
    default_username: str = Field(
        "admin", min_length=1, max_length=50, pattern=r"^[a-zA-Z0-9_.-]+$", description="Name of the first administrator."
    )
    default_password: str = Field(
        "",
        description="Password of the first administrator, who is added at the first attempt to sign in while there is nobody, and has to "
        "change it then. Empty: nobody is added.",
    )
    skip_must_change_password: bool = Field(False, description="Whether the first administrator may keep that password.")
    session_duration_hours: float = Field(168.0, gt=0, le=87_600, description="How long a session lasts, in hours.")
    max_users: int = Field(0, ge=0, le=2**31 - 1, description="Maximum number of people; 0 for no limit.")

    @property
    def signing_in(self) -> bool:
        """Whether people sign in: also where they need not, if each surface that would let anybody in is off."""
        return self.auth_enabled or not any(map(is_for_people, catalogue.surfaces_among(self.offered_surfaces)))

    @property
    def people_rules(self) -> PeopleRules:
        """The same settings as a record."""
        return PeopleRules(
            self.signing_in,
            self.default_username,
            self.default_password,
            self.skip_must_change_password,
            self.session_duration_hours,
            self.max_users,
        )


class WorkerSettings(EnvironmentSettings):
    """Workers that join from other machines. Without `worker_authority_dir` none can."""

    worker_authority_dir: Path | None = Field(
        None,
        description="Folder with ca.crt and ca.key, the authority of internal_tls_dir, which signs the certificates of workers that join "
        "from other machines. Absent: none can join.",
    )
