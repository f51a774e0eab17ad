"""Searching a picture for marks with the networks of the model server."""

from __future__ import annotations

import asyncio
from functools import partial

import numpy as np

from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.model_server.choice import Choice
from services.inference.model_server.waiting import result_of
from services.inference.watermark.choice import finder
from services.inference.watermark.paint_map import CHANNELS, AskPaint
from services.inference.watermark.removal import Watching, remove_found, searchable
from services.inference.watermark.repair import FindNetwork
from services.inference.watermark.report import Report
from services.inference.watermark.strokes import Pixels8
from services.platform.errors import DarkroomError, ErrorReason


async def search(image: Image, step: Step, watching: Watching, *, likely: bool = False) -> tuple[Image, Report]:
    """`remove_found` with the paint that the network finds."""
    pixels = await asyncio.to_thread(lambda: searchable(image.srgb()))
    if pixels is None:
        return image, Report()
    step.check()
    return await asyncio.to_thread(partial(remove_found, image, pixels, paint(step), inpainting(step), watching, likely=likely))


def paint(step: Step) -> AskPaint | None:
    """The network that finds paint, for threads; None if the settings name none. Where it is not installed, nothing is found."""
    model = step.tools.models.paint
    if not model:
        return None
    loop = asyncio.get_running_loop()
    infer = step.tools.triton.model(model)

    def ask(shown: Pixels8) -> Pixels8:
        try:
            return result_of(infer(shown), loop, step.check)
        except DarkroomError as error:
            if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
                raise
            return np.zeros((*shown.shape[:3], CHANNELS), np.uint8)

    return ask


def inpainting(step: Step) -> FindNetwork:
    """Finds the inpainting network; a notice names it when it is used."""

    def tell(choice: Choice) -> None:
        message = f"Marks over detail were filled by {choice.name} on a {choice.device.value}."
        step.notice("model_used", "", message, {"model": choice.name, "device": choice.device.name.lower()})

    return finder(step.tools.triton, step.tools.models.inpaint, step.check, tell)
