"""Erase what a mask covers."""

from __future__ import annotations

import asyncio

import cv2
import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.erase_pb2 import Erase
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.step import Step
from services.inference.erasing.filling import erase
from services.inference.media import Header, Image
from services.inference.media.colour import to_8bit
from services.inference.model_server.choice import Choice
from services.inference.watermark.choice import finder
from services.platform.errors import DarkroomError, ErrorReason

_HALF = 127.5


def coverage(mask: Image, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Height x width: where the mask, stretched to that size, is at least half as light as white, and not transparent."""
    pixels = mask.srgb()
    light = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
    if mask.alpha is not None:
        light *= to_8bit(mask.alpha).astype(np.float32) / 255
    if (mask.width, mask.height) != (width, height):
        shrinks = width * height < mask.width * mask.height
        light = np.asarray(cv2.resize(light, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.float32)
    return np.asarray(light > _HALF, np.bool_)


_PIXEL = 80
"""Bytes for each pixel, besides the picture and its result: patches of four million pixels, or of the whole where it is smaller."""
_MOST_PIXELS = 6_000_000
_COPIES = 10  # of the decoded samples: the picture, the result, both with eight bits, and the mask and its parts
"""At most 640 MiB were measured for 12 megapixels, with what does not depend on the size."""


def peak_memory(picture: Header, _parameters: Erase) -> int:
    """Bytes at the peak."""
    return picture.samples_bytes * _COPIES + min(picture.width * picture.height, _MOST_PIXELS) * _PIXEL


async def run(image: Image, parameters: Erase, step: Step) -> Several:
    """The picture without what the mask covers, and how that was filled.

    Raises FIELD_INVALID for a task without a mask, and for a mask that covers everything; and as `Step.auxiliary`.
    """
    step.label("erased")
    if not parameters.mask_file_id:
        raise DarkroomError(ErrorReason.FIELD_INVALID, "mask_file_id: erase needs a mask.", field="mask_file_id")
    mask = await asyncio.to_thread(coverage, await step.auxiliary(parameters.mask_file_id), image.width, image.height)
    pixels = int(mask.sum())
    if pixels == mask.size:
        message = "mask_file_id: The mask covers the whole picture, so there is nothing to fill it from."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="mask_file_id")
    if not pixels:
        message = f"The mask for {step.source_name} is empty, so the picture was left unchanged."
        step.notice("nothing_to_erase", "mask_file_id", message)
        return _told(image, "none", 0)
    step.report(0, "Erasing")
    chosen: list[str] = []

    def tell(choice: Choice) -> None:
        chosen.append(choice.name)
        message = f"The erased area was filled by {choice.name} on a {choice.device.value}."
        step.notice("model_used", "", message, {"model": choice.name, "device": choice.device.name.lower()})

    find = finder(step.tools.triton, step.tools.models.inpaint, step.check, tell)
    network = await asyncio.to_thread(find)
    result = await asyncio.to_thread(erase, image, mask, network, step.check)
    return _told(result, chosen[0] if chosen else "patches", pixels)


def _told(image: Image, method: str, pixels: int) -> Several:
    content = Data({"method": method, "pixels": pixels}).content
    return Several(image, [NewFile(content, DATA_TYPE, DATA_EXTENSION)])
