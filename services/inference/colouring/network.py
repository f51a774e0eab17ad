"""Colours by the network that the operator has installed."""

from __future__ import annotations

import asyncio

from services.inference.colouring.chroma import coloured, read, seen
from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.model_server.choice import Choice, installed

DDCOLOR = "ddcolor"
"""No package holds its weights."""


async def choose(step: Step) -> Choice | None:
    """The model that the operator has named, or `ddcolor`, if it is there. As `installed`."""
    return await installed(step.tools.triton, step.tools.models.colorize, (DDCOLOR,))


async def with_colours(image: Image, network: Choice, intensity: float, step: Step) -> Image:
    """The picture with colours by a network, which a notice names. Raises as `Triton.infer`."""
    codes = await step.tools.triton.infer(network.name, await asyncio.to_thread(seen, image))
    result = await asyncio.to_thread(lambda: coloured(image, read(codes), intensity, step.check))
    message = f"The colours are from {network.name} on a {network.device.value}."
    step.notice("model_used", "", message, {"model": network.name, "device": network.device.name.lower()})
    return result
