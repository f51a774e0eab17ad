"""Telling the tasks service what this worker is configured for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.common.offers import Offers
from services.common.operations import specs
from services.inference.contract.provider import Provider


class OfferedOperations:
    """The step of a background loop: announces each operation that is served here and whose provider is ready."""

    def __init__(self, offers: Offers, serving: Mapping[str, Provider], lanes: Collection[str]) -> None:
        self._offers = offers
        self._serving = {name: provider for name, provider in serving.items() if specs()[name].lane in lanes}

    async def step(self) -> bool:
        """Announce once; there is never more to do at once."""
        await self._offers.announce([name for name, provider in self._serving.items() if await provider.ready()])
        return False
