"""Settings of picture generation, read by workers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Key = Annotated[SecretStr | None, BeforeValidator(lambda value: value.strip() or None if isinstance(value, str) else value)]
"""A secret; empty means none."""


class GenerationSettings(BaseSettings):
    """Which provider serves which operation, and how it is reached; docs/generation.md explains them."""

    model_config = SettingsConfigDict(env_prefix="DARKROOM_", frozen=True, extra="ignore")

    gpt_image_2: Literal["openai", "local"] = Field("openai", description="What serves gpt_image_2: OpenAI's API, or the local model.")
    nano_banana_2: Literal["gemini", "local"] = Field("gemini", description="What serves nano_banana_2: Gemini's API, or the local model.")

    openai_api_key: Key = Field(None, description="Key for OpenAI's API; without it, OpenAI serves nothing.")
    openai_base_url: HttpUrl = Field(
        HttpUrl("https://api.openai.com/v1"), description="Where /images/generations and /images/edits are: OpenAI, or what speaks like it."
    )
    openai_model: str = Field("gpt-image-2", min_length=1, description="OpenAI model to use.")
    openai_seconds: float = Field(300.0, gt=0, description="How long a request to OpenAI may take.")
    openai_concurrency: int = Field(8, ge=1, description="Requests to OpenAI at one time, of each worker.")

    gemini_api_key: Key = Field(None, description="Key for the Gemini API; without it, Gemini serves nothing.")
    gemini_base_url: HttpUrl = Field(
        HttpUrl("https://generativelanguage.googleapis.com/v1beta"),
        description="Where /models/… are: the Gemini API, or what speaks like it.",
    )
    gemini_model: str = Field("gemini-3.1-flash-image", min_length=1, description="Gemini model to use.")
    gemini_seconds: float = Field(180.0, gt=0, description="How long a request to the Gemini API may take.")
    gemini_concurrency: int = Field(8, ge=1, description="Requests to the Gemini API at one time, of each worker.")

    model_generation: str = Field("z_image_turbo", min_length=1, description="Triton's name of the local model.")
    generation_steps: int = Field(9, ge=1, le=100, description="Denoising steps of the local model.")
    generation_guidance: float = Field(0.0, ge=0, le=30, description="Guidance scale of the local model; 0 for a distilled one.")
    generation_strength: float = Field(0.6, gt=0, le=1, description="How far the local model goes away from a reference, 0 to 1.")
    generation_seconds: float = Field(600.0, gt=0, description="How long the local model may take for one picture.")
    generation_concurrency: int = Field(1, ge=1, description="Pictures that each worker requests from the local model at one time.")
