"""Locate the face of a portrait."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

from darkroom.operations.v1.inspect_portrait_pb2 import InspectPortrait
from services.inference.contract.flow import Data, NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.media import Effort, Header, Image, Saving, encode_into
from services.inference.media.colour import to_8bit
from services.inference.media.covering import covering
from services.inference.portraits.cutting import without_background
from services.inference.portraits.finding import largest_face, tell_portrait
from services.inference.portraits.landmarks import portrait_of
from services.pictures.media_format import MediaFormat

_COPIES, _COPIES_OF_WIDE = 8, 12  # of the decoded samples, as for cutting out: what follows takes less
_PREVIEW_WIDTH = 800
_PREVIEW = Saving(MediaFormat.PNG, keep_metadata=False)
_CUT_OUT = Saving(MediaFormat.PNG, Effort.LITTLE, keep_metadata=False)


def peak_memory(picture: Header, _parameters: InspectPortrait) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, _parameters: InspectPortrait, step: Step) -> Several:
    """The points of the face, a preview without the background, and the cut-out. Raises MEDIA_UNSUPPORTED if there is no face."""
    step.label("portrait")
    face = await largest_face(image, step, portion(step.report, 0, 0.1))
    cut = await without_background(image, step, portion(step.report, 0.1, 0.9))
    portrait = portrait_of(face.mesh, cut.alpha, (image.width, image.height))
    tell_portrait(portrait, face.of, step)
    files = await asyncio.to_thread(_files, cut, PurePosixPath(step.source_name).stem, step)
    return Several(Data({**portrait.to_dict(), "faces": face.of}), files)


def _files(cut: Image, stem: str, step: Step) -> list[NewFile]:
    made = []
    for image, saving, what in ((_preview(cut), _PREVIEW, "preview"), (cut, _CUT_OUT, "cutout")):
        step.check()
        target = step.folder / what
        encode_into(target, image, saving)
        made.append(NewFile(target, "image/png", "png", name=f"{stem}-{what}.png", width=image.width, height=image.height))
    return made


def _preview(cut: Image) -> Image:
    """At most 800 pixels wide, 8-bit sRGB."""
    wide = min(cut.width, _PREVIEW_WIDTH)
    small = covering(cut, wide, max(1, round(cut.height * wide / cut.width)))
    return Image(small.srgb(), None if small.alpha is None else to_8bit(small.alpha))
