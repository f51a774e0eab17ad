"""Making the faces of a picture sharper: each is restored by a network for that, where one is installed, or enlarged by the networks that
enlarge pictures, and brought back to its size."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.inference.contract.progress import Report, in_parts
from services.inference.contract.step import Step
from services.inference.media import Image, Pixels
from services.inference.media.resampling import resize
from services.inference.media.spool import Spool
from services.inference.model_server.choice import Choice
from services.inference.model_server.shapes import Device
from services.inference.plain import faces
from services.inference.plain.faces import Face, Oval
from services.inference.upscaling import restored_faces, upscaling
from services.inference.upscaling.choice import Network, compact, for_faces
from services.inference.upscaling.face_enhancement import affordable, cut, lay_over
from services.inference.upscaling.restored_faces import FIDELITY

_FACTOR = 2
_DOING = "Enhancing face"
_SENSITIVITY = 0.5


@dataclass(frozen=True, slots=True)
class SharpenedFaces:
    """A picture with sharper faces."""

    image: Image
    """The very same if there is no face."""
    found_count: int
    """Faces."""
    requested_count: int
    """The number of faces that were to be enhanced."""
    ovals: Sequence[Oval]
    """The number of enhanced faces; on a CPU, very large ones are left out."""
    model: str
    """The networks; empty without a face."""


async def with_sharper_faces(
    image: Image,
    step: Step,
    report: Report,
    *,
    strength: float,
    sensitivity: float = _SENSITIVITY,
    only_central: bool = False,
    wanted_model: str = "",
    fidelity: float = FIDELITY,
) -> SharpenedFaces:
    """The picture with its faces enhanced, and mixed in by `strength`, 0 to 1.

    An installed network that restores faces does it, `wanted_model` if that is among them, with `fidelity`, 0 to 1, if it has such a
    setting; the notice `model_used` names it. Without one, the networks that enlarge pictures do. The notice `not_applied` says that what
    is wanted is not there. Raises as `Triton.infer`.
    """
    found = await asyncio.to_thread(lambda: faces.find(image.srgb(), 1 - sensitivity))
    step.check()
    wanted = [_most_central(found, image)] if only_central and found else found
    ovals: Sequence[Oval] = [faces.oval(face, image.height, image.width) for face in wanted]
    if not ovals:
        return SharpenedFaces(image, len(found), 0, (), "")
    models, triton = step.tools.models, step.tools.triton
    restorer = await restored_faces.choose(triton, models.restore_face, wanted_model)
    if restorer is not None:
        _tell(restorer, wanted_model, step)
        made = await _restored(image, (wanted, ovals), restorer, strength, fidelity, step, report)
        return SharpenedFaces(made, len(found), len(wanted), ovals, restorer.name)
    network = await for_faces(triton, models, _FACTOR) or await compact(triton, models, _FACTOR)
    if network.device is Device.PROCESSOR:
        ovals = affordable(ovals, (_FACTOR,), models.upscale_face_megapixels * 1e6)
    if wanted_model:
        _say_absent(wanted_model, network.name, step)
    return SharpenedFaces(await _enhanced(image, ovals, network, strength, step, report), len(found), len(wanted), ovals, network.name)


def _tell(restorer: Choice, wanted: str, step: Step) -> None:
    if wanted and wanted != restorer.name:
        _say_absent(wanted, restorer.name, step)
    message = f"Faces were restored by {restorer.name} on a {restorer.device.value}."
    step.notice("model_used", "", message, {"model": restorer.name, "device": restorer.device.name.lower()})


def _say_absent(wanted: str, used: str, step: Step) -> None:
    message = f"This installation has no model {wanted}: faces were enhanced by {used}."
    step.notice("not_applied", "model", message, {"why": "model_missing", "wanted": wanted, "model": used})


async def _restored(
    image: Image,
    found: tuple[Sequence[Face], Sequence[Oval]],
    restorer: Choice,
    strength: float,
    fidelity: float,
    step: Step,
    report: Report,
) -> Image:
    triton = step.tools.triton
    srgb = await asyncio.to_thread(image.srgb)
    points = await restored_faces.points(srgb, found[0], triton)
    result = dataclasses.replace(image, pixels=image.pixels.copy())
    tell = in_parts(report, _DOING, len(points))
    for number, (oval, five) in enumerate(zip(found[1], points, strict=True)):
        step.check()
        tell(number / len(points))
        given = await asyncio.to_thread(restored_faces.network_input, srgb, five, fidelity)
        answer = (await triton.infer(restorer.name, given))[0]
        part = cut(image, oval)
        better = await asyncio.to_thread(restored_faces.laid_back, part, oval, given[0, ..., :3], answer, five)
        await asyncio.to_thread(_mix_in, result, part, better, oval, strength, step)
    return result


async def _enhanced(image: Image, ovals: Sequence[Oval], network: Network, strength: float, step: Step, report: Report) -> Image:
    result = dataclasses.replace(image, pixels=image.pixels.copy())
    tell = in_parts(report, _DOING, len(ovals))
    for number, oval in enumerate(ovals):
        part = cut(image, oval)
        larger = await upscaling.upscale(
            part,
            _FACTOR,
            network.model,
            spool=Spool(step.folder),
            progress=lambda done, number=number: tell((number + done) / len(ovals)),  # type: ignore[misc]
            check=step.check,
        )
        await asyncio.to_thread(_mix_in, result, part, larger, oval, strength, step)
    return result


def _mix_in(result: Image, part: Image, larger: Image, oval: Oval, strength: float, step: Step) -> None:
    """In place."""
    sharp = _fitted(larger, part)
    mixed = part.pixels + np.float32(strength) * (sharp.astype(np.float32) - part.pixels)
    whole = np.round(mixed)
    rounded: Pixels = whole.astype(np.uint8) if part.bit_depth == 8 else whole.astype(np.uint16)
    lay_over(result, part.replace(pixels=rounded, alpha=part.alpha), oval, 1, step.check)


def _fitted(larger: Image, part: Image) -> Pixels:
    if larger.pixels.shape == part.pixels.shape:
        return larger.pixels
    return resize(larger.pixels, part.width, part.height).reshape(part.pixels.shape)


def _most_central(found: Sequence[Face], image: Image) -> Face:
    middle = image.width / 2, image.height / 2
    return min(found, key=lambda face: math.dist(middle, (face.left + face.width / 2, face.top + face.height / 2)))
