"""Remove watermarks from a picture."""

from __future__ import annotations

import asyncio

import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.remove_watermark_pb2 import RemoveWatermark
from services.inference.media import Image
from services.inference.ocr.detection import network_input, text_map
from services.inference.pipeline.step import Step
from services.inference.watermark.box import Box
from services.inference.watermark.choice import Choice, finder
from services.inference.watermark.removal import Watching, remove_found, remove_in_boxes, searchable
from services.inference.watermark.repair import FindNetwork
from services.inference.watermark.report import Report
from services.inference.watermark.text import find_text


async def run(image: Image, parameters: RemoveWatermark, step: Step) -> Image:
    """The picture without the marks in the boxes, or without those that surely are marks; a notice for each of them."""
    step.label("clean")
    doing = "Removing the watermark" if parameters.boxes else "Looking for watermarks"
    step.report(0, doing)
    watching = Watching(lambda done: step.report(done, doing), step.check)
    if parameters.boxes:
        boxes = [Box.from_percent(box.x1, box.y1, box.x2, box.y2, image.width, image.height) for box in parameters.boxes]
        result, report = await asyncio.to_thread(remove_in_boxes, image, boxes, _network(step), watching)
    else:
        result, report = await search(image, step, watching)
    _tell(step, report)
    return result


async def search(image: Image, step: Step, watching: Watching) -> tuple[Image, Report]:
    """`remove_found` with the text that the network finds."""
    pixels = await asyncio.to_thread(lambda: searchable(image.srgb()))
    if pixels is None:
        return image, Report()
    text = await _text_in(pixels, step)
    step.check()
    return await asyncio.to_thread(remove_found, image, pixels, lambda seen: find_text(seen, text), _network(step), watching)


async def _text_in(pixels: npt.NDArray[np.uint8], step: Step) -> npt.NDArray[np.uint8]:
    """Where the picture has text, height x width."""
    prepared = await asyncio.to_thread(network_input, pixels)
    answer = await step.tools.triton.infer(step.tools.models.text, prepared)
    return await asyncio.to_thread(text_map, answer, *pixels.shape[:2])


def _network(step: Step) -> FindNetwork:
    """The inpainting network, which a notice names when it is used."""

    def tell(choice: Choice) -> None:
        message = f"Marks over detail were filled by {choice.name}, on a {choice.device.value}."
        step.notice("model_used", "", message, {"model": choice.name, "device": choice.device.name.lower()})

    return finder(step.tools.triton, step.tools.models.inpaint, step.check, tell)


def _tell(step: Step, report: Report) -> None:
    for mark in report.removed:
        step.notice("watermark_removed", "", f"{step.source_name}: {mark.described()} was removed.", mark.to_dict())
    for mark in report.kept:
        message = f"{step.source_name}: {mark.described()} may be a watermark and was kept, since that is not sure. Boxes remove it."
        step.notice("watermark_kept", "", message, mark.to_dict())
    if not report.removed:
        step.notice("no_watermark_found", "", f"No sure watermark was found in {step.source_name}, so its pixels are as they were.")
