"""Which network fills masks over detail, and calling it from the threads that repair pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from services.inference.model_server.triton import Device, Triton
from services.inference.model_server.waiting import result_of
from services.inference.watermark.neural import Network
from services.inference.watermark.repair import FindNetwork

PREFERRED = ("lama", "migan")
"""The better one first; it takes several times as long."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A network and the device that it runs on."""

    name: str
    device: Device


async def choose(triton: Triton, wanted: str) -> Choice | None:
    """The network `wanted` or, if that is empty, the best one installed; None if there is none.

    Waits for a server that is away, since the fill must not depend on timing. Raises UNAVAILABLE if it stays away.
    """
    for name in (wanted,) if wanted else PREFERRED:
        if wanted or await triton.has(name):
            return Choice(name, await triton.device(name) or Device.PROCESSOR)
    return None


def finder(triton: Triton, wanted: str, check: Callable[[], None], tell: Callable[[Choice], None]) -> FindNetwork:
    """Finds the network, once, for threads that work for the calling coroutine. `tell` is called with the result."""
    loop = asyncio.get_running_loop()

    @cache
    def find() -> Network | None:
        choice = result_of(choose(triton, wanted), loop, check)
        if choice is None:
            return None
        tell(choice)
        model = triton.model(choice.name)
        return lambda windows: result_of(model(windows), loop, check)

    return find
