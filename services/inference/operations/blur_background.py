"""Blur what is behind the subject."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from darkroom.operations.v1.blur_background_pb2 import (
    BLUR_LEVEL_HIGH,
    BLUR_LEVEL_LOW,
    BLUR_TYPE_LENS,
    BlurBackground,
    BlurLevel,
)
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.matting import matting
from services.inference.matting.background_blur import Blur, with_blurred_background
from services.inference.matting.choice import choose
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.notices import tell_found
from services.inference.matting.tuning import of_subject
from services.inference.media import Header, Image
from services.inference.plain.graph import Work

_SHARES: Mapping[BlurLevel.ValueType, float] = {BLUR_LEVEL_LOW: 0.005, BLUR_LEVEL_HIGH: 0.03}
_MEDIUM = 0.0125
_LENS = 1.75  # discs of this many standard deviations look as blurred
_DOING = "Blurring the background"
_COPIES, _COPIES_OF_WIDE = 9, 13  # of the decoded samples: one more than for cutting out


def peak_memory(picture: Header, _parameters: BlurBackground) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, parameters: BlurBackground, step: Step) -> Image:
    """The picture with its background blurred; the very same, with a notice, if it has no subject or no background."""
    step.label("blurred")
    step.report(0, _DOING)
    name = step.tools.models.cutout or await choose(step.tools.triton)
    cutting = portion(step.report, 0, 0.7)
    cutout = await matting.remove_background(
        image,
        step.tools.triton.model(name),
        CutoutOptions(of_subject(parameters.subject)),
        progress=lambda done: cutting(done, _DOING),
        check=step.check,
    )
    tell_found(cutout, name, step.source_name, step.notice, undone="its background was not blurred")
    if not cutout.cut:
        return image
    lens = parameters.type == BLUR_TYPE_LENS
    blur = Blur(_SHARES.get(parameters.level, _MEDIUM) * (_LENS if lens else 1), lens)
    return await asyncio.to_thread(with_blurred_background, image, cutout.image, blur, Work(step.folder, step.check))
