"""Limits of the JSON API that the operator can set."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RestLimits(BaseSettings):
    """Limits of the JSON API, read from `DARKROOM_…`."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore", populate_by_name=True, loc_by_alias=False)

    max_open_tasks_rest: int = Field(
        20,
        ge=1,
        description="Maximum number of open tasks per account when it creates a task with the JSON API, whose contract says 20.",
        # The second name is the old one, which existing installations may use.
        validation_alias=AliasChoices("DARKROOM_MAX_OPEN_TASKS_REST", "DARKROOM_MAX_OPEN_TASKS_PILIO"),
    )
