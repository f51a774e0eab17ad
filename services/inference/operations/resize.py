"""Change the size."""

from __future__ import annotations

import asyncio
import dataclasses

from darkroom.operations.v1.resize_pb2 import Resize
from services.common.result_size import result_size
from services.inference.contract.step import Step
from services.inference.media import Header, Image
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, resized

_COPIES = 2  # of the decoded samples: a part of the picture is copied to see where the eye goes


def peak_memory(picture: Header, parameters: Resize) -> int:
    """Bytes at the peak."""
    width, height = result_size(parameters, picture.width, picture.height)
    result = dataclasses.replace(picture, width=width, height=height, channels=4)
    return picture.samples_bytes * _COPIES + result.samples_bytes * COPIES_OF_RESULT


async def run(image: Image, parameters: Resize, step: Step) -> Image:
    """The picture in the requested size."""
    width, height = result_size(parameters, image.width, image.height)
    step.tools.result_limits.check(width, height, "The result")
    step.label(f"{width}x{height}")
    return await asyncio.to_thread(resized, image, parameters, Work(step.folder, step.check))
