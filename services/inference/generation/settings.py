"""Settings of picture generation, read by workers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr

from services.platform.environment import EnvironmentSettings

Key = Annotated[SecretStr | None, BeforeValidator(lambda value: value.strip() or None if isinstance(value, str) else value)]
"""A secret; empty means none."""


class GenerationSettings(EnvironmentSettings):
    """Which provider serves each operation, and how to reach it. See docs/how-to/generation.md."""

    gpt_image_2: Literal["openai", "local"] = Field("openai", description="The provider of gpt_image_2: OpenAI's API or the local model.")
    nano_banana_2: Literal["gemini", "local"] = Field(
        "gemini", description="The provider of nano_banana_2: the Gemini API or the local model."
    )

    openai_api_key: Key = Field(None, description="API key for OpenAI. If unset, OpenAI is not used.")
    openai_base_url: HttpUrl = Field(
        HttpUrl("https://api.openai.com/v1"),
        description="Base URL of /images/generations and /images/edits: OpenAI or a compatible server.",
    )
    openai_model: str = Field("gpt-image-2", min_length=1, description="Name of the OpenAI model.")
    openai_seconds: float = Field(300.0, gt=0, description="Timeout of a request to OpenAI, in seconds.")
    openai_concurrency: int = Field(8, ge=1, description="Maximum number of concurrent requests to OpenAI per worker.")

    gemini_api_key: Key = Field(None, description="API key for the Gemini API. If unset, Gemini is not used.")
    gemini_base_url: HttpUrl = Field(
        HttpUrl("https://generativelanguage.googleapis.com/v1beta"),
        description="Base URL of /models/…: the Gemini API or a compatible server.",
    )
    gemini_model: str = Field("gemini-3.1-flash-image", min_length=1, description="Name of the Gemini model.")
    gemini_seconds: float = Field(180.0, gt=0, description="Timeout of a request to the Gemini API, in seconds.")
    gemini_concurrency: int = Field(8, ge=1, description="Maximum number of concurrent requests to the Gemini API per worker.")

    model_generation: str = Field("z_image_turbo", min_length=1, description="Name of the local model in Triton.")
    generation_steps: int = Field(9, ge=1, le=100, description="Number of denoising steps of the local model.")
    generation_guidance: float = Field(0.0, ge=0, le=30, description="Guidance scale of the local model; 0 for a distilled model.")
    generation_strength: float = Field(0.6, gt=0, le=1, description="How far the local model may depart from a reference picture, 0 to 1.")
    generation_seconds: float = Field(600.0, gt=0, description="Timeout of the local model for one picture, in seconds.")
    generation_concurrency: int = Field(
        1, ge=1, description="Maximum number of pictures that each worker requests from the local model concurrently."
    )
