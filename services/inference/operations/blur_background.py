"""Blur what is behind the subject."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, cast

from darkroom.operations.v1.blur_background_pb2 import (
    BLUR_LEVEL_HIGH,
    BLUR_LEVEL_LOW,
    BLUR_TYPE_LENS,
    BlurBackground,
    BlurLevel,
)
from services.inference.contract.flow import NothingInFrames
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.matting import matting
from services.inference.matting.background_blur import Blur, with_blurred_background
from services.inference.matting.choice import choose
from services.inference.matting.matting import Cutout, CutoutOptions
from services.inference.matting.moving import cut_out_frames
from services.inference.matting.notices import FoundInFrames, tell_found
from services.inference.matting.tuning import of_subject
from services.inference.media import Header, Image
from services.inference.moving.model import Frame
from services.inference.plain.graph import Work

_SHARES: Mapping[BlurLevel.ValueType, float] = {BLUR_LEVEL_LOW: 0.005, BLUR_LEVEL_HIGH: 0.03}
_MEDIUM = 0.0125
_LENS = 1.75  # discs of this many standard deviations look as blurred
_DOING, _UNDONE = "Blurring the background", "its background was not blurred"
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
    tell_found(cutout, name, step.source_name, step.notice, undone=_UNDONE)
    if not cutout.cut:
        return image
    return await asyncio.to_thread(with_blurred_background, image, cutout.image, _blur(parameters), Work(step.folder, step.check))


async def over_frames(frames: AsyncIterator[Frame], parameters: BlurBackground, step: Step, frames_at_once: int) -> AsyncIterator[Frame]:
    """Each frame with its background blurred, and edges that are steady from one to the next; notices follow the last one."""
    step.label("blurred")
    name = step.tools.models.cutout or await choose(step.tools.triton)
    options = CutoutOptions(of_subject(parameters.subject))
    work, blur, found = Work(step.folder, step.check), _blur(parameters), FoundInFrames()

    async def blurred(frame: Frame, cutout: Cutout) -> Frame:
        found.add(cutout)
        if cutout.kept_alpha:
            return frame
        image = await asyncio.to_thread(with_blurred_background, frame.image, cutout.image, blur, work)
        return dataclasses.replace(frame, image=image)

    model = step.tools.triton.model(name)
    async with aclosing(cast(Any, cut_out_frames(frames, model, options, blurred, frames_at_once, step.check))) as results:
        async for result in results:
            yield result
    found.tell(name, step.source_name, step.notice, empty="blurred as a whole", undone=_UNDONE)
    if found.nothing:
        raise NothingInFrames


def _blur(parameters: BlurBackground) -> Blur:
    lens = parameters.type == BLUR_TYPE_LENS
    return Blur(_SHARES.get(parameters.level, _MEDIUM) * (_LENS if lens else 1), lens)
