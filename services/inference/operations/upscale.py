"""Enlarge."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection

from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_FACE, ENHANCEMENT_QUALITY, ENHANCEMENT_TEXT, Enhancement, Upscale
from services.common.errors import DarkroomError, ErrorReason
from services.common.upscale_size import DEFAULT_FACTOR, result_size
from services.inference.media import Image
from services.inference.media.spool import Spool
from services.inference.ocr.detection import network_input, text_map
from services.inference.pipeline.progress import Report, portion
from services.inference.pipeline.step import Step
from services.inference.upscaling import enhancement, upscaling
from services.inference.upscaling.choice import Network, choose
from services.inference.upscaling.enhancement import Pixels8
from services.inference.upscaling.sizing import fitted, passes
from services.inference.upscaling.tiling import Grid


async def run(image: Image, parameters: Upscale, step: Step) -> Image:
    """The picture in the size asked for, with the enhancements asked for.

    Notices name the networks that enlarged it, and each enhancement that was left out.
    """
    width, height = result_size(parameters, image.width, image.height)
    step.tools.result_limits.check(width, height, "The result")
    in_pixels = parameters.width or parameters.height or parameters.longest_side
    step.label(f"{width}x{height}" if in_pixels else f"{parameters.factor or DEFAULT_FACTOR}x")
    wanted = set(parameters.enhancements)
    if ENHANCEMENT_FACE in wanted:
        step.notice("not_applied", "enhance_face", "Face enhancement has no model on this installation and was left out.")
    spool = Spool(step.folder)
    factors = passes(image.width, image.height, width, height)
    if not factors:
        return await _made_smaller(image, width, height, spool, wanted, step)
    text = await _text_of(image, step) if ENHANCEMENT_TEXT in wanted else None
    whole = math.prod(factors)

    def before(source: Pixels8) -> Pixels8:
        return enhancement.without_noise(source, step.check) if ENHANCEMENT_QUALITY in wanted else source

    def after(enlarged: Pixels8) -> None:
        if ENHANCEMENT_QUALITY in wanted:
            enhancement.add_detail(enlarged, whole, step.check)
        if text is not None:
            enhancement.sharpen_text(enlarged, text, whole, step.check)

    # Of the tiles' time, by the pixels that each pass is given.
    work = [math.prod(factors[:number]) ** 2 for number in range(len(factors))]
    for number, factor in enumerate(factors):
        network = await choose(step.tools.triton, step.tools.models, factor, image.width * image.height)
        first, last = number == 0, number == len(factors) - 1
        report = portion(step.report, sum(work[:number]) / sum(work), sum(work[: number + 1]) / sum(work))
        tiles = len(Grid.over(image.height, image.width, tile=network.model.tile, margin=network.model.margin, fade=network.model.fade))
        telling = _telling(report, tiles)
        telling(0)
        image = await upscaling.upscale(
            image,
            factor,
            network.model,
            spool=spool,
            progress=telling,
            check=step.check,
            before=before if first else None,
            after=after if last else None,
        )
        _name(network, factor, step)
    return await asyncio.to_thread(fitted, image, width, height, spool, step.check)


async def _made_smaller(
    image: Image, width: int, height: int, spool: Spool, wanted: Collection[Enhancement.ValueType], step: Step
) -> Image:
    message = f"{step.source_name} has {image.width} × {image.height} pixels already, so it was not enlarged."
    step.notice("not_enlarged", "", message)
    for name, wish in (("enhance_quality", ENHANCEMENT_QUALITY), ("enhance_text", ENHANCEMENT_TEXT)):
        if wish in wanted:
            step.notice("not_applied", name, f"{step.source_name} was not enlarged, so it was not enhanced.")
    seen = await asyncio.to_thread(upscaling.without_hidden_colour, image)
    return await asyncio.to_thread(fitted, seen, width, height, spool, step.check)


def _telling(report: Report, tiles: int) -> Callable[[float], None]:
    return lambda done: report(done, f"Upscaling tile {min(tiles, round(done * tiles) + 1)} of {tiles}")


def _name(network: Network, factor: int, step: Step) -> None:
    message = f"Enlarged {factor} times by {network.name}, on a {network.device.value}."
    step.notice("model_used", "", message, {"model": network.name, "device": network.device.name.lower(), "factor": factor})


async def _text_of(image: Image, step: Step) -> Pixels8 | None:
    """Where the picture has text, height x width; None, with a notice, where that is nowhere or cannot be told."""
    pixels = await asyncio.to_thread(image.srgb)
    prepared = await asyncio.to_thread(network_input, pixels)
    try:
        answer = await step.tools.triton.infer(step.tools.models.text, prepared)
    except DarkroomError as error:
        if error.reason is not ErrorReason.OPERATION_UNAVAILABLE:
            raise
        step.notice("not_applied", "enhance_text", "Text enhancement needs a model that finds text, and this installation has none.")
        return None
    text = await asyncio.to_thread(text_map, answer, image.height, image.width)
    if not enhancement.has_text(text):
        step.notice("not_applied", "enhance_text", f"No text was found in {step.source_name}, so there was none to enhance.")
        return None
    return text
