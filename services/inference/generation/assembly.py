"""Which provider serves which operation according to the settings, and announcing that to the tasks service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from services.inference.contract.provider import Provider
from services.inference.credentials.signer import Signer
from services.inference.generation.settings import GenerationSettings
from services.inference.model_server.triton import Triton
from services.pictures.offers import GPU, Offers
from services.pictures.operations import LANES_BEFORE, parameter_offer, specs

SIGNING = parameter_offer(specs()["convert"], "content_credentials")
"""The offer to sign content credentials."""


@asynccontextmanager
async def providers(settings: GenerationSettings, triton: Triton) -> AsyncIterator[Mapping[str, Provider]]:
    """The configured providers, by operation. Only what they need is loaded."""
    chosen = {"gpt_image_2": settings.gpt_image_2, "nano_banana_2": settings.nano_banana_2}
    known: dict[str, Provider] = {}
    if "local" in chosen.values():
        from services.inference.generation.local_diffusion import of_settings

        known["local"] = of_settings(settings, triton)
    if settings.openai_api_key is None and settings.gemini_api_key is None:
        yield _served(chosen, known)
        return
    from services.inference.generation.outside import providers_outside

    async with providers_outside(settings) as outside:
        yield _served(chosen, {**known, **outside})


def _served(chosen: Mapping[str, str], known: Mapping[str, Provider]) -> Mapping[str, Provider]:
    return {operation: known[name] for operation, name in chosen.items() if name in known}


class Offering:
    """The step of a background loop: announces to the tasks service which operations are served here by a provider that is ready, which
    parameters are configured, which newer lanes are served, and whether models run on a GPU."""

    def __init__(
        self,
        offers: Offers | None,
        serving: Mapping[str, Provider],
        lanes: Collection[str],
        on_gpu: Callable[[], Awaitable[bool]],
        signer: Signer | None = None,
    ) -> None:
        """Without `offers`, the worker's report alone says so."""
        self._signer = signer
        self._offers, self._on_gpu = offers, on_gpu
        self._lanes = [lane for lane in lanes if lane in LANES_BEFORE]
        self._serving = {name: provider for name, provider in serving.items() if specs()[name].lane in lanes}
        self.configured: Sequence[str] = [*sorted(self._serving), *self._signing()]
        """The operations that can be served, once their providers are ready, and the parameters."""
        self.ready: Sequence[str] = ()
        """The operations and parameters that were served the last time."""
        self.gpu = False

    async def step(self) -> bool:
        """Announce once; there is never more to do right away."""
        self.ready = [name for name, provider in self._serving.items() if await provider.ready()] + self._signing()
        self.gpu = await self._on_gpu()
        if self._offers is not None:
            await self._offers.announce([*self.ready, *([GPU] if self.gpu else [])], self._lanes)
        return False

    def _signing(self) -> list[str]:
        """The offer to sign, until the certificate expires."""
        return [SIGNING] if self._signer is not None and self._signer.expires > datetime.now(UTC) else []
