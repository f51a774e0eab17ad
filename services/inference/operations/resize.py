"""Change the size."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Picture
from services.inference.moving.model import Frame
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, fitted_to, resize_picture
from services.inference.plain.one_window import looks_for_window, resized_alike
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


def over_frames(frames: AsyncIterator[Frame], parameters: Resize, step: PlainStep, frames_at_once: int) -> AsyncIterator[Frame] | None:
    """Every frame in the requested size, where all are cropped to one window; None where each is resized by itself."""
    if not looks_for_window(parameters):
        return None

    async def scaled(image: Image, scaling: Resize) -> Image:
        step.result_limits.check(scaling.width, scaling.height, "The result")
        step.label(f"{scaling.width}x{scaling.height}")
        return await asyncio.to_thread(resize_picture, image, scaling, Work(step.folder, step.check))

    return resized_alike(frames, parameters, step.folder, frames_at_once, scaled)
