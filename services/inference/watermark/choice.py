"""Which network fills masks over detail, and calling it from the threads that repair pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache

from services.inference.model_server.choice import Choice, choose_network
from services.inference.model_server.triton import Triton
from services.inference.model_server.waiting import result_of
from services.inference.watermark.neural import Network
from services.inference.watermark.repair import FindNetwork

PREFERRED = ("lama", "migan")
"""The better one first; it takes several times as long."""


async def choose(triton: Triton, wanted: str) -> Choice | None:
    """The network `wanted` or, if that is empty, the best one installed. As `choose_network`."""
    return await choose_network(triton, wanted, PREFERRED)


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
