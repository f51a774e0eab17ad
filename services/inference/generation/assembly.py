"""Which provider serves which operation according to the settings, and announcing that to the tasks service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import httpx

from services.inference.contract.provider import Provider
from services.inference.generation.exchange import Exchange
from services.inference.generation.gemini import GeminiImages
from services.inference.generation.local_diffusion import LocalDiffusion, Schedule
from services.inference.generation.openai_images import OpenAiImages
from services.inference.generation.settings import GenerationSettings
from services.inference.model_server.triton import Triton
from services.pictures.offers import GPU, Offers
from services.pictures.operations import LANES_BEFORE, specs


def providers(settings: GenerationSettings, client: httpx.AsyncClient, triton: Triton) -> Mapping[str, Provider]:
    """The configured providers, by operation."""
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


class Offering:
    """The step of a background loop: announces to the tasks service which operations are served here by a provider that is ready, which
    newer lanes, and whether models run on a GPU."""

    def __init__(
        self, offers: Offers, serving: Mapping[str, Provider], lanes: Collection[str], on_gpu: Callable[[], Awaitable[bool]]
    ) -> None:
        self._offers, self._on_gpu = offers, on_gpu
        self._lanes = [lane for lane in lanes if lane in LANES_BEFORE]
        self._serving = {name: provider for name, provider in serving.items() if specs()[name].lane in lanes}
        self.configured: Sequence[str] = sorted(self._serving)
        """The operations that can be served, once their providers are ready."""
        self.ready: Sequence[str] = ()
        """The operations that were served the last time."""
        self.gpu = False

    async def step(self) -> bool:
        """Announce once; there is never more to do right away."""
        self.ready = [name for name, provider in self._serving.items() if await provider.ready()]
        self.gpu = await self._on_gpu()
        await self._offers.announce([*self.ready, *([GPU] if self.gpu else [])], self._lanes)
        return False


def _local(settings: GenerationSettings, triton: Triton) -> LocalDiffusion:
    schedule = Schedule(settings.generation_steps, settings.generation_guidance, settings.generation_strength)
    return LocalDiffusion(triton, settings.model_generation, schedule, settings.generation_seconds, settings.generation_concurrency)
