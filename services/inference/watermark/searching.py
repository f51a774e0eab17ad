"""Searching a picture for marks with the networks of the model server."""

from __future__ import annotations

import asyncio
from functools import partial

import numpy as np
import numpy.typing as npt

from services.inference.contract.step import Step
from services.inference.media import Image
from services.inference.model_server.choice import Choice
from services.inference.model_server.waiting import result_of
from services.inference.ocr.detection import network_input, text_map
from services.inference.watermark.choice import finder
from services.inference.watermark.removal import Watching, remove_found, searchable
from services.inference.watermark.repair import FindNetwork
from services.inference.watermark.report import Report
from services.inference.watermark.strokes import Pixels8
from services.inference.watermark.text import find_text
from services.inference.watermark.text_lines import AskNetwork, Networks
from services.platform.errors import DarkroomError, ErrorReason


async def search(image: Image, step: Step, watching: Watching, *, likely: bool = False) -> tuple[Image, Report]:
    """`remove_found` with the text that the network finds."""
    pixels = await asyncio.to_thread(lambda: searchable(image.srgb()))
    if pixels is None:
        return image, Report()
    text = await _text_in(pixels, step)
    step.check()
    found = partial(
        remove_found, image, pixels, lambda seen: find_text(seen, text), inpainting(step), watching, networks=networks(step), likely=likely
    )
    return await asyncio.to_thread(found)


async def _text_in(pixels: npt.NDArray[np.uint8], step: Step) -> npt.NDArray[np.uint8]:
    """Where the picture has text, height x width."""
    prepared = await asyncio.to_thread(network_input, pixels)
    answer = await step.tools.triton.infer(step.tools.models.text, prepared)
    return await asyncio.to_thread(text_map, answer, *pixels.shape[:2])


def networks(step: Step) -> Networks:
    """The questions about a picture, for threads."""
    return Networks(_network(step, step.tools.models.text), _network(step, step.tools.models.strokes))


def _network(step: Step, model: str) -> AskNetwork:
    """A network that finds something; without it, nothing is found."""
    if not model:
        return _nothing
    loop = asyncio.get_running_loop()
    infer = step.tools.triton.model(model)

    def ask(prepared: Pixels8) -> Pixels8:
        try:
            return result_of(infer(prepared), loop, step.check)
        except DarkroomError as error:
            if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
                raise
            return _nothing(prepared)

    return ask


def _nothing(prepared: Pixels8) -> Pixels8:
    return np.zeros((*prepared.shape[:3], 1), np.uint8)


def inpainting(step: Step) -> FindNetwork:
    """Finds the inpainting network; a notice names it when it is used."""

    def tell(choice: Choice) -> None:
        message = f"Marks over detail were filled by {choice.name} on a {choice.device.value}."
        step.notice("model_used", "", message, {"model": choice.name, "device": choice.device.name.lower()})

    return finder(step.tools.triton, step.tools.models.inpaint, step.check, tell)
