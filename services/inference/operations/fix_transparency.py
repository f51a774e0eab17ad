"""Give a picture back the transparency that it has lost."""

from __future__ import annotations

import asyncio
import dataclasses

from darkroom.operations.v1.fix_transparency_pb2 import FixTransparency
from darkroom.operations.v1.remove_background_pb2 import CUTOUT_FORMAT_WEBP
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Step
from services.inference.matting import matting
from services.inference.matting.choice import choose
from services.inference.matting.matting import CutoutOptions
from services.inference.matting.notices import tell_found
from services.inference.media import Header, Image, Saving
from services.inference.transparency.fixing import FixedTransparency, fix_transparency
from services.pictures.media_format import MediaFormat

_DOING = "Finding what should be transparent"
_COPIES, _COPIES_OF_WIDE = 12, 13
"""Copies of the decoded samples, with 8 and with 16 bits, at the peak."""
_DEFRINGE = 30.0


def peak_memory(picture: Header, _parameters: FixTransparency) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, parameters: FixTransparency, step: Step) -> Image:
    """The picture with alpha; notices say how that was found."""
    step.label("transparent")
    step.report(0, _DOING)
    defringe = parameters.defringe if parameters.HasField("defringe") else _DEFRINGE
    found = await asyncio.to_thread(fix_transparency, image, defringe / 100, step.check)
    if found is None:
        found = await _by_network(image, step)
    else:
        step.notice("transparency_found", "", f"{step.source_name}: {found.message}", {"way": found.way, **found.details})
    format_ = MediaFormat.WEBP if parameters.format == CUTOUT_FORMAT_WEBP else MediaFormat.PNG
    return dataclasses.replace(found.image, saving=Saving(format_))


async def _by_network(image: Image, step: Step) -> FixedTransparency:
    name = step.tools.models.cutout or await choose(step.tools.triton)
    cutout = await matting.remove_background(
        image, step.tools.triton.model(name), CutoutOptions(), progress=lambda done: step.report(done, _DOING), check=step.check
    )
    tell_found(cutout, name, step.source_name, step.notice, undone="it was not changed")
    if cutout.cut:
        message = f"{step.source_name}: The model {name} found the subject."
        step.notice("transparency_found", "", message, {"way": "network", "model": name})
    return FixedTransparency(cutout.image, "network", "")
