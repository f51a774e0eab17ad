"""Settings of retention. `docs/retention.md` lists them in one table with those of files."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_DAY = 86_400.0


class RetentionSettings(BaseSettings):
    """Durations are in seconds. A change also applies to existing rows."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore")

    # The files service asks about tasks whose end it was not told of, so they must still exist an hour or two after they ended.
    task_retention: float = Field(30 * _DAY, ge=_DAY, description="How long a task is kept after its end, with all that belongs to it.")
    event_retention: float = Field(
        7 * _DAY, ge=3_600, description="How long the events of a task are kept after its end; the last one stays."
    )
    webhook_log_retention: float = Field(14 * _DAY, ge=3_600, description="How long a webhook's delivery is kept after its end.")
    retention_interval: float = Field(60.0, gt=0, description="Pause between two looks for what has expired.")

    @property
    def task_life(self) -> timedelta:
        """How long a task is kept after its end."""
        return timedelta(seconds=self.task_retention)
