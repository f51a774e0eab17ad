"""Put a frame around, with round corners and a shadow."""

from __future__ import annotations

import dataclasses

from darkroom.operations.v1.border_pb2 import Border
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.framing import COPIES_OF_CANVAS, add_frame
from services.pictures.geometry import bordering


def peak_memory(picture: Header, parameters: Border) -> int:
    """Bytes at the peak."""
    width, height = bordering(parameters, picture.width, picture.height).canvas
    canvas = dataclasses.replace(picture, width=width, height=height, channels=4)
    return picture.samples_bytes + canvas.samples_bytes * COPIES_OF_CANVAS


def run(image: Image, parameters: Border, step: PlainStep) -> Image:
    """The picture in its frame."""
    step.result_limits.check(*bordering(parameters, image.width, image.height).canvas, "The result")
    step.label("framed")
    return add_frame(image, parameters, step.check)
