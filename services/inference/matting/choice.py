"""Which network finds the subject, depending on the device that the model server runs it on."""

from __future__ import annotations

from services.inference.model_server.shapes import Device
from services.inference.model_server.triton import Triton

FINE, USUAL = "birefnet", "isnet"


async def choose(triton: Triton) -> str:
    """The finer one where it is installed and runs on a GPU: on a CPU it would take most of a minute."""
    return FINE if await triton.device(FINE) is Device.GPU else USUAL
