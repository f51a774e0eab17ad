"""Settings of the fal queue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.platform.environment import EnvironmentSettings


class FalSettings(EnvironmentSettings):
    """Settings of the fal queue, read from `DARKROOM_…`."""

    fal_generation: Literal["gpt_image_2", "nano_banana_2"] = Field(
        "gpt_image_2",
        description="The operation that makes the pictures of the models z-image-text-to-image and z-image-image-edit of the fal queue. "
        "DARKROOM_GPT_IMAGE_2 and DARKROOM_NANO_BANANA_2 say what serves it.",
    )
