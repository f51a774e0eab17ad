"""Turn and mirror."""

from __future__ import annotations

import dataclasses

from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT
from services.inference.plain.turning import turned
from services.pictures.geometry import rotated_size


def peak_memory(picture: Header, parameters: Rotate) -> int:
    """Bytes at the peak."""
    width, height = rotated_size(parameters, picture.width, picture.height)
    return picture.samples_bytes + dataclasses.replace(picture, width=width, height=height, channels=4).samples_bytes * COPIES_OF_RESULT


def run(image: Image, parameters: Rotate, step: PlainStep) -> Image:
    """The picture turned, then mirrored."""
    step.result_limits.check(*rotated_size(parameters, image.width, image.height), "The result")
    step.label("rotated")
    return turned(image, parameters, Work(step.folder, step.check))
