"""Which of the models that could do a job does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import Triton

DDCOLOR = "ddcolor"
"""The network for colours. No package holds its weights."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A network and the device that it runs on."""

    name: str
    device: Device


async def choose_network(triton: Triton, configured: str, preferred: Iterable[str]) -> Choice | None:
    """The network that the operator has `configured`, which is taken to be there, or the first of those `preferred` that is installed; None
    if there is none.

    Waits for a server that is away, since results must not depend on timing. Raises UNAVAILABLE if it stays away.
    """
    for name in (configured,) if configured else preferred:
        if configured or await triton.has(name):
            return Choice(name, await triton.device(name) or Device.PROCESSOR)
    return None
