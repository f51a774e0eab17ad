"""Settings of the tasks service."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from services.platform.config import AuditSettings, DatabaseSettings, DiskSettings, PictureSettings, ServiceSettings
from services.platform.environment import EnvironmentSettings
from services.platform.rpc.targets import Target
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.retention import RetentionSettings
from services.tasks.domain.webhooks.config import WebhookKeySettings, WebhookSettings
from services.tasks.model.records import CreditTerms
from services.tasks.surfaces.rest.limits import RestLimits


class CreditSettings(EnvironmentSettings):
    """The prices of tasks for accounts without their own terms."""

    credits: Literal["unlimited", "enforced"] = Field(
        "unlimited", description="enforced: the account's balance must cover the price of a task. unlimited: usage is only recorded."
    )
    price_multiplier: Decimal = Field(Decimal(1), ge=0, le=100, decimal_places=3, description="Factor by which list prices are multiplied.")

    @property
    def credit_terms(self) -> CreditTerms:
        """The same settings as a record."""
        return CreditTerms(unlimited=self.credits == "unlimited", multiplier_permille=int(self.price_multiplier * MILLI))


class AdministrationSettings(DatabaseSettings, CreditSettings):
    """Settings of the administration commands."""


class TasksSettings(
    ServiceSettings,
    DatabaseSettings,
    AuditSettings,
    DiskSettings,
    PictureSettings,
    CreditSettings,
    WebhookKeySettings,
    WebhookSettings,
    RetentionSettings,
    RestLimits,
):
    """Settings of the tasks service process. Field `x_y` is read from `DARKROOM_X_Y`; durations are in seconds."""

    nats_replicas: int = Field(1, ge=1, le=5, description="Replicas of each JetStream stream; use 3 on a cluster.")
    files_address: Target = Field(description="Internal listener of the files service, as a gRPC target or the `IP:port` of each replica.")
    diagnostics: bool = Field(False, description="Whether to accept diagnostic operations such as noop.")

    max_open_tasks: int = Field(10_000, ge=1, description="Maximum number of open tasks per account. A surface may have its own limit.")

    prices_file: Path | None = Field(
        None,
        description="TOML file with the operator's prices, which override the list prices (docs/explanation/credits.md).",
    )

    max_running_tasks: int = Field(
        1_000, ge=0, description="Maximum number of tasks per account that are running at the same time, in all lanes."
    )

    max_attempts: int = Field(5, ge=1, le=100, description="Maximum number of attempts of a task that fails for temporary reasons.")
    max_attempts_internal: int = Field(
        2, ge=1, le=100, description="Maximum number of attempts of a task that fails with an internal error, which is likely to recur."
    )
    max_lost_workers: int = Field(3, ge=1, description="Number of lost workers after which a task fails, because it is the likely cause.")
    attempt_timeout: float = Field(3_600.0, gt=0, description="Maximum duration of an attempt. It then ends, and the task is retried.")
    backoff: float = Field(
        2.0, gt=0, description="Maximum backoff before the second attempt; it doubles with each attempt. The actual backoff is random."
    )
    backoff_limit: float = Field(300.0, gt=0, description="Upper limit of the backoff before any attempt.")
    lease: float = Field(
        30.0, gt=0, description="Duration of an attempt's lease after each heartbeat. When the lease expires, the worker counts as lost."
    )
    heartbeat_interval: float = Field(5.0, gt=0, description="Interval at which workers send heartbeats.")
    progress_step: float = Field(0.01, gt=0, le=1, description="Smallest change of progress, from 0 to 1, that creates an event.")

    dispatch_interval: float = Field(
        0.5,
        gt=0,
        description="Interval at which all lanes are polled for tasks that can be started; four times as long after ten seconds in which "
        "nothing has happened. Notifications wake a lane earlier.",
    )
    standby_after: float | None = Field(
        None,
        ge=0,
        description="Seconds after which a waiting task has workers on standby help with its lane although others serve it. If unset, "
        "workers on standby run tasks only while no other worker serves the lane.",
    )
    reaper_interval: float = Field(
        1.0, gt=0, description="Interval at which the service polls for expired leases and tasks past their deadline."
    )
    throughput_interval: float = Field(
        2.0, gt=0, description="Interval at which the throughput of each lane is measured while tasks wait, to estimate waiting times."
    )
    relay_interval: float = Field(
        0.5, gt=0, description="Interval at which a relay polls for unpublished events, and published ones leave the outbox."
    )
    relay_age: float = Field(
        2.0, ge=0, description="Age of an event at which any relay may publish it, if the process that created it has not."
    )
    relay_retry: float = Field(
        10.0, gt=0, description="Time after which an event that a relay has claimed but not confirmed may be claimed again."
    )
    watch_interval: float = Field(
        5.0, gt=0, description="Interval at which a process looks for events of watched tasks that NATS did not deliver."
    )
    stream_heartbeat: float = Field(
        15.0, gt=0, description="Maximum time without data on a stream of Server-Sent Events; then a comment is sent."
    )

    idempotency_sweep_interval: float = Field(60.0, gt=0, description="Interval between sweeps for expired idempotency keys.")

    @field_validator("prices_file")
    @classmethod
    def _prices_are_valid(cls, prices_file: Path | None) -> Path | None:
        read_prices(prices_file)
        return prices_file

    @field_validator("heartbeat_interval")
    @classmethod
    def _lease_outlives_heartbeats(cls, interval: float, info: ValidationInfo) -> float:
        if info.data.get("lease", math.inf) <= interval:
            raise ValueError("DARKROOM_LEASE must be longer than DARKROOM_HEARTBEAT_INTERVAL, or every attempt counts as lost")
        return interval
