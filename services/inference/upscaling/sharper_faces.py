"""Making the faces of a picture sharper: each is enlarged by the networks that enlarge pictures, and brought back to its size."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.contract.progress import Report, portion
from services.inference.contract.step import Step
from services.inference.media import Image, Pixels
from services.inference.media.resampling import resize
from services.inference.media.spool import Spool
from services.inference.model_server.triton import Device
from services.inference.plain import faces
from services.inference.plain.faces import Face, Oval
from services.inference.upscaling import upscaling
from services.inference.upscaling.choice import Network, choose, for_faces
from services.inference.upscaling.face_enhancement import affordable, cut, lay_over

_FACTOR = 2
_DOING = "Enhancing faces"
_SENSITIVITY = 0.5


@dataclass(frozen=True, slots=True)
class Sharpened:
    """A picture with sharper faces."""

    image: Image
    """The very same if there is no face."""
    found: int
    """Faces."""
    wanted: int
    """Of those, the ones that were to be enhanced."""
    ovals: Sequence[Oval]
    """Of those, the ones that were; on a processor, very large ones are left out."""
    model: str
    """The networks; empty without a face."""


async def with_sharper_faces(
    image: Image, step: Step, report: Report, *, strength: float, sensitivity: float = _SENSITIVITY, only_central: bool = False
) -> Sharpened:
    """The picture with its faces enhanced, and mixed in by `strength`, 0 to 1. Raises as `Triton.infer`."""
    found = await asyncio.to_thread(lambda: faces.find(image.srgb(), 1 - sensitivity))
    step.check()
    wanted = [_most_central(found, image)] if only_central and found else found
    ovals: Sequence[Oval] = [faces.oval(face, image.height, image.width) for face in wanted]
    if not ovals:
        return Sharpened(image, len(found), 0, (), "")
    models, triton = step.tools.models, step.tools.triton
    network = await for_faces(triton, models, _FACTOR)
    network = network or await choose(triton, models, _FACTOR, sum(oval.pixels for oval in ovals))
    if network.device is Device.PROCESSOR:
        ovals = affordable(ovals, (_FACTOR,), models.upscale_face_megapixels * 1e6)
    return Sharpened(await _enhanced(image, ovals, network, strength, step, report), len(found), len(wanted), ovals, network.name)


async def _enhanced(image: Image, ovals: Sequence[Oval], network: Network, strength: float, step: Step, report: Report) -> Image:
    result = dataclasses.replace(image, pixels=image.pixels.copy())
    for number, oval in enumerate(ovals):
        telling = portion(report, number / len(ovals), (number + 1) / len(ovals))
        part = cut(image, oval)
        larger = await upscaling.upscale(
            part,
            _FACTOR,
            network.model,
            spool=Spool(step.folder),
            progress=lambda done, telling=telling: telling(done, _DOING),  # type: ignore[misc]
            check=step.check,
        )
        await asyncio.to_thread(_mix_in, result, part, larger, oval, strength, step)
    return result


def _mix_in(result: Image, part: Image, larger: Image, oval: Oval, strength: float, step: Step) -> None:
    """In place."""
    sharp = resize(larger.pixels, part.width, part.height).reshape(part.pixels.shape)
    mixed = part.pixels + np.float32(strength) * (sharp.astype(np.float32) - part.pixels)
    whole = np.round(mixed)
    rounded: Pixels = whole.astype(np.uint8) if part.bit_depth == 8 else whole.astype(np.uint16)
    lay_over(result, part.replace(pixels=rounded, alpha=part.alpha), oval, 1, step.check)


def _most_central(found: Sequence[Face], image: Image) -> Face:
    middle = image.width / 2, image.height / 2
    return min(found, key=lambda face: math.dist(middle, (face.left + face.width / 2, face.top + face.height / 2)))
