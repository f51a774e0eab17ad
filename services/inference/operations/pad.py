"""Put a border around."""

from __future__ import annotations

import asyncio
import dataclasses

from darkroom.operations.v1.pad_pb2 import Pad
from services.common.result_size import result_size
from services.inference.contract.step import Step
from services.inference.media import Header, Image
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, padded


def peak_memory(picture: Header, parameters: Pad) -> int:
    """Bytes at the peak. Raises FIELD_INVALID as `result_size`."""
    width, height = result_size(parameters, picture.width, picture.height)
    return picture.samples_bytes + dataclasses.replace(picture, width=width, height=height, channels=4).samples_bytes * COPIES_OF_RESULT


async def run(image: Image, parameters: Pad, step: Step) -> Image:
    """The picture with a border."""
    width, height = result_size(parameters, image.width, image.height)
    step.tools.result_limits.check(width, height, "The result")
    step.label("padded")
    return await asyncio.to_thread(padded, image, parameters, Work(step.folder, step.check))
