"""Put a border around."""

from __future__ import annotations

import dataclasses

from darkroom.operations.v1.pad_pb2 import Pad
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Picture
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, pad
from services.pictures.result_size import result_size


def peak_memory(picture: Header, parameters: Pad) -> int:
    """Bytes at the peak. Raises FIELD_INVALID as `result_size`."""
    width, height = result_size(parameters, picture.width, picture.height)
    return picture.samples_bytes + dataclasses.replace(picture, width=width, height=height, channels=4).samples_bytes * COPIES_OF_RESULT


def run(image: Picture, parameters: Pad, step: PlainStep) -> Picture:
    """The picture with a border."""
    width, height = result_size(parameters, image.width, image.height)
    step.result_limits.check(width, height, "The result")
    step.label("padded")
    return pad(image, parameters, Work(step.folder, step.check))
