"""Limits of the JSON API that the operator can set."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from services.platform.environment import EnvironmentSettings


class RestLimits(EnvironmentSettings):
    """Limits of the JSON API, read from `DARKROOM_…`."""

    model_config = SettingsConfigDict(populate_by_name=True, loc_by_alias=False)

    max_open_tasks_rest: int = Field(
        20,
        ge=1,
        description="Maximum number of open tasks per account that single calls of the JSON API have created; its contract says 20. "
        "Batches, and tasks of the other APIs, do not count. An account's own limit (`admin policy`) takes its place.",
        # The second name is the old one, which existing installations may use.
        validation_alias=AliasChoices("DARKROOM_MAX_OPEN_TASKS_REST", "DARKROOM_MAX_OPEN_TASKS_PILIO"),
    )
