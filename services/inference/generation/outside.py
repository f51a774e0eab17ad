"""The providers that are asked over the internet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from services.inference.contract.provider import Provider
from services.inference.generation.exchange import Exchange, provider_client
from services.inference.generation.gemini import GeminiImages
from services.inference.generation.openai_images import OpenAiImages
from services.inference.generation.settings import GenerationSettings


@asynccontextmanager
async def providers_outside(settings: GenerationSettings) -> AsyncIterator[Mapping[str, Provider]]:
    """Those that the settings have a key for, by name, with their connections."""
    async with provider_client() as client:
        known: dict[str, Provider] = {}
        if settings.openai_api_key is not None:
            headers = {"Authorization": f"Bearer {settings.openai_api_key.get_secret_value()}"}
            url = str(settings.openai_base_url)
            exchange = Exchange(client, "OpenAI", url, headers, settings.openai_seconds, settings.openai_concurrency)
            known["openai"] = OpenAiImages(exchange, settings.openai_model)
        if settings.gemini_api_key is not None:
            headers = {"x-goog-api-key": settings.gemini_api_key.get_secret_value()}
            url = str(settings.gemini_base_url)
            exchange = Exchange(client, "Gemini", url, headers, settings.gemini_seconds, settings.gemini_concurrency)
            known["gemini"] = GeminiImages(exchange, settings.gemini_model)
        yield known
