"""Make the faces of a picture sharper."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from darkroom.operations.v1.enhance_faces_pb2 import EnhanceFaces
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.media import Header, Image, Pixels
from services.inference.media.resampling import resize
from services.inference.media.spool import Spool
from services.inference.model_server.triton import Device
from services.inference.plain import faces
from services.inference.plain.faces import Face, Oval
from services.inference.upscaling import upscaling
from services.inference.upscaling.choice import Network, choose, for_faces
from services.inference.upscaling.face_enhancement import affordable, cut, lay_over

_FACTOR = 2
_STRENGTH, _SENSITIVITY = 0.8, 0.5
_DOING = "Enhancing faces"
_COPIES = 9
"""Of the decoded samples at the peak: the picture, its colours, the result, and a face as large as it, enlarged."""


def peak_memory(picture: Header, _parameters: EnhanceFaces) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


async def run(image: Image, parameters: EnhanceFaces, step: Step) -> Several:
    """The picture with sharper faces, and where they are."""
    step.label("enhanced")
    step.report(0, "Looking for faces")
    sensitivity = parameters.sensitivity if parameters.HasField("sensitivity") else _SENSITIVITY
    found = await asyncio.to_thread(lambda: faces.find(image.srgb(), 1 - sensitivity))
    step.check()
    wanted = [_most_central(found, image)] if parameters.only_center_face and found else found
    ovals: Sequence[Oval] = [faces.oval(face, image.height, image.width) for face in wanted]
    name, result = "", image
    if ovals:
        pixels = sum(oval.pixels for oval in ovals)
        models = step.tools.models
        network = await for_faces(step.tools.triton, models, _FACTOR) or await choose(step.tools.triton, models, _FACTOR, pixels)
        if network.device is Device.PROCESSOR:
            ovals = affordable(ovals, (_FACTOR,), models.upscale_face_megapixels * 1e6)
        name = network.name
        strength = parameters.strength if parameters.HasField("strength") else _STRENGTH
        result = await _enhanced(image, ovals, network, strength, step)
    _tell(len(found), len(wanted), len(ovals), step)
    said = {"facesDetected": len(found), "faces": [_box(oval) for oval in ovals], "model": name}
    return Several(result, [NewFile(Data(said).content, DATA_TYPE, DATA_EXTENSION)])


async def _enhanced(image: Image, ovals: Sequence[Oval], network: Network, strength: float, step: Step) -> Image:
    result = dataclasses.replace(image, pixels=image.pixels.copy())
    for number, oval in enumerate(ovals):
        report = portion(step.report, number / len(ovals), (number + 1) / len(ovals))
        part = cut(image, oval)
        larger = await upscaling.upscale(
            part,
            _FACTOR,
            network.model,
            spool=Spool(step.folder),
            progress=lambda done, report=report: report(done, _DOING),  # type: ignore[misc]
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
    enhanced = part.replace(pixels=rounded, alpha=part.alpha)
    lay_over(result, enhanced, oval, 1, step.check)


def _most_central(found: Sequence[Face], image: Image) -> Face:
    middle = image.width / 2, image.height / 2
    return min(found, key=lambda face: math.dist(middle, (face.left + face.width / 2, face.top + face.height / 2)))


def _tell(found: int, wanted: int, done: int, step: Step) -> None:
    if not found:
        step.notice("no_face_found", "", f"No face was found in {step.source_name}, so its pixels are as they were.")
    elif done < wanted:
        step.notice(
            "not_applied", "", f"{wanted - done} of {wanted} faces in {step.source_name} are too large to be enhanced on a processor."
        )


def _box(oval: Oval) -> dict[str, int]:
    box = oval.box
    return {"x": box["left"], "y": box["top"], "w": box["width"], "h": box["height"]}
