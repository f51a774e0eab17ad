"""Settings of the tasks service."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.config import DatabaseSettings, PictureSettings, ServiceSettings
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.retention.config import RetentionSettings
from services.tasks.domain.webhooks.config import WebhookSettings
from services.tasks.model.records import CreditTerms
from services.tasks.surfaces.rest.limits import RestLimits


class CreditSettings(BaseSettings):
    """What tasks cost for accounts without terms of their own."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore")

    credits: Literal["unlimited", "enforced"] = Field(
        "unlimited", description="Whether a task needs a balance that covers its price (enforced), or usage is only recorded (unlimited)."
    )
    price_multiplier: Decimal = Field(Decimal(1), ge=0, le=100, decimal_places=3, description="What list prices are multiplied by.")

    @property
    def credit_terms(self) -> CreditTerms:
        """The same settings as a record."""
        return CreditTerms(unlimited=self.credits == "unlimited", multiplier_permille=int(self.price_multiplier * MILLI))


class AdministrationSettings(DatabaseSettings, CreditSettings):
    """What the administration commands need."""


class TasksSettings(ServiceSettings, DatabaseSettings, PictureSettings, CreditSettings, WebhookSettings, RetentionSettings, RestLimits):
    """Read from `DARKROOM_…`; durations are in seconds."""

    files_address: str = Field(description="Internal gRPC listener of the files service, as a gRPC target.")
    diagnostics: bool = Field(False, description="Accept diagnostic operations such as noop.")

    max_open_tasks: int = Field(10_000, ge=1, description="Open tasks an account may have; a surface may set its own limit.")

    prices_file: Path | None = Field(
        None, description="The operator's own prices, over those of services/tasks/domain/credits/prices.toml, which explains them."
    )

    max_running_tasks: int = Field(1_000, ge=0, description="Tasks of an account that may be offered or running at one time, in all lanes.")

    max_attempts: int = Field(5, ge=1, le=100, description="Attempts before a task that keeps failing by chance is given up.")
    max_attempts_internal: int = Field(2, ge=1, le=100, description="The same for an unexpected failure, which is likely to repeat.")
    max_lost_workers: int = Field(3, ge=1, description="Workers that a task may lose before it is given up as the likely cause.")
    attempt_timeout: float = Field(3_600.0, gt=0, description="How long an attempt may take; then it ends and is tried again.")
    backoff: float = Field(2.0, gt=0, description="Upper bound of the pause before the second attempt; it doubles from attempt to attempt.")
    backoff_limit: float = Field(300.0, gt=0, description="Longest pause before a further attempt.")
    lease: float = Field(30.0, gt=0, description="How long an attempt lives after a heartbeat; then its worker counts as lost.")
    heartbeat_interval: float = Field(5.0, gt=0, description="How often a worker is asked to send a heartbeat.")
    progress_step: float = Field(0.01, gt=0, le=1, description="Smallest change of progress that is an event.")

    dispatch_window: int = Field(32, ge=1, le=10_000, description="Tasks of a lane that are offered to its workers at one time.")
    dispatch_interval: float = Field(0.5, gt=0, description="Longest time until a dispatcher looks for due tasks unasked.")
    redispatch_after: float = Field(30.0, gt=0, description="A task that was offered for so long may be offered again.")
    reaper_interval: float = Field(1.0, gt=0, description="How often ended leases, lost offers and overdue tasks are looked for.")
    throughput_interval: float = Field(2.0, gt=0, description="How often the flow of each lane is measured, for the expected wait.")
    relay_interval: float = Field(0.5, gt=0, description="Longest time until a relay looks for unpublished events unasked.")
    relay_age: float = Field(2.0, ge=0, description="An event that its process has not published by this age is taken by any relay.")
    relay_retry: float = Field(10.0, gt=0, description="An event that a relay took and did not confirm is taken again after this.")
    watch_interval: float = Field(5.0, gt=0, description="How often a watcher reads the events from the database unasked.")
    stream_heartbeat: float = Field(15.0, gt=0, description="Longest silence on a stream of Server-Sent Events.")

    idempotency_sweep_interval: float = Field(60.0, gt=0, description="Pause between two looks for idempotency keys that have expired.")

    @field_validator("prices_file")
    @classmethod
    def _prices_are_valid(cls, prices_file: Path | None) -> Path | None:
        read_prices(prices_file)
        return prices_file

    @model_validator(mode="after")
    def _lease_outlives_heartbeats(self) -> Self:
        if self.lease <= self.heartbeat_interval:
            raise ValueError("DARKROOM_LEASE must be longer than DARKROOM_HEARTBEAT_INTERVAL, or every attempt counts as lost")
        return self
