"""Colours by the network that the operator has installed."""

from __future__ import annotations

import asyncio

from services.inference.colouring.chroma import coloured, read, seen
from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.model_server.triton import Device

DDCOLOR = "ddcolor"
"""No package holds its weights."""


async def installed(step: Step) -> str:
    """The model that the operator has named, or `ddcolor`; empty if it is not there. Raises UNAVAILABLE if the model server stays away."""
    wanted = step.tools.models.colorize or DDCOLOR
    return wanted if await step.tools.triton.has(wanted) else ""


async def with_colours(image: Image, network: str, intensity: float, step: Step) -> Image:
    """The picture with colours by a network, which a notice names. Raises as `Triton.infer`."""
    codes = await step.tools.triton.infer(network, await asyncio.to_thread(seen, image))
    result = await asyncio.to_thread(lambda: coloured(image, read(codes), intensity, step.check))
    device = await step.tools.triton.device(network) or Device.PROCESSOR
    step.notice("model_used", "", f"The colours are by {network}, on a {device.value}.", {"model": network, "device": device.name.lower()})
    return result
