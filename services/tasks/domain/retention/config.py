"""Retention settings of the tasks service. `docs/explanation/retention.md` lists them together with those of the files service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from services.platform.environment import EnvironmentSettings

_DAY = 86_400.0


class RetentionSettings(EnvironmentSettings):
    """How long records are kept, in seconds. A change also applies to existing rows."""

    # If the files service misses the end of a task, it asks about it later. So the task must still exist an hour or two after its end.
    task_retention: float = Field(
        30 * _DAY, ge=_DAY, description="How long a task and everything that belongs to it is kept after its end."
    )
    event_retention: float = Field(
        7 * _DAY, ge=3_600, description="How long the events of a task are kept after its end; the last event is kept as long as the task."
    )
    webhook_log_retention: float = Field(14 * _DAY, ge=3_600, description="How long a webhook delivery is kept in the log after its end.")
    retention_interval: float = Field(60.0, gt=0, description="Interval between sweeps for expired records.")

    @property
    def task_life(self) -> timedelta:
        """How long a task is kept after its end."""
        return timedelta(seconds=self.task_retention)
