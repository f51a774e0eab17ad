"""Which provider serves which operation, by the settings."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from services.inference.contract.provider import Provider
from services.inference.generation.exchange import Exchange
from services.inference.generation.gemini import GeminiImages
from services.inference.generation.local_diffusion import LocalDiffusion, Schedule
from services.inference.generation.openai_images import OpenAiImages
from services.inference.generation.settings import GenerationSettings
from services.inference.model_server.triton import Triton


def providers(settings: GenerationSettings, client: httpx.AsyncClient, triton: Triton) -> Mapping[str, Provider]:
    """By operation, those that are configured."""
    known: dict[str, Provider] = {"local": _local(settings, triton)}
    if settings.openai_api_key is not None:
        headers = {"Authorization": f"Bearer {settings.openai_api_key.get_secret_value()}"}
        exchange = Exchange(client, "OpenAI", str(settings.openai_base_url), headers, settings.openai_seconds, settings.openai_concurrency)
        known["openai"] = OpenAiImages(exchange, settings.openai_model)
    if settings.gemini_api_key is not None:
        headers = {"x-goog-api-key": settings.gemini_api_key.get_secret_value()}
        exchange = Exchange(client, "Gemini", str(settings.gemini_base_url), headers, settings.gemini_seconds, settings.gemini_concurrency)
        known["gemini"] = GeminiImages(exchange, settings.gemini_model)
    chosen = {"gpt_image_2": settings.gpt_image_2, "nano_banana_2": settings.nano_banana_2}
    return {operation: known[name] for operation, name in chosen.items() if name in known}


def _local(settings: GenerationSettings, triton: Triton) -> LocalDiffusion:
    schedule = Schedule(settings.generation_steps, settings.generation_guidance, settings.generation_strength)
    return LocalDiffusion(triton, settings.model_generation, schedule, settings.generation_seconds, settings.generation_concurrency)
