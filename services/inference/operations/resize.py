"""Change the size."""

from __future__ import annotations

import dataclasses

from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Picture
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, fitted_to
from services.pictures.result_size import fitting, result_size

_COPIES = 2  # of the decoded samples: a part of the picture is copied to see where the eye goes


def peak_memory(picture: Header, parameters: Resize) -> int:
    """Bytes at the peak."""
    width, height = result_size(parameters, picture.width, picture.height)
    result = dataclasses.replace(picture, width=width, height=height, channels=4)
    return picture.samples_bytes * _COPIES + result.samples_bytes * COPIES_OF_RESULT


def run(image: Picture, parameters: Resize, step: PlainStep) -> Picture:
    """The picture in the requested size."""
    whole = step.whole or (image.width, image.height)
    fit = fitting(parameters, *whole)
    step.result_limits.check(*fit.result, "The result")
    step.label(f"{fit.result[0]}x{fit.result[1]}")
    if fit.scaled_size == fit.result == (image.width, image.height):
        return image
    return fitted_to(image, fit, parameters, Work(step.folder, step.check))
