"""Make pupils dark that a flash has made red."""

from __future__ import annotations

import asyncio

from darkroom.operations.v1.fix_red_eyes_pb2 import FixRedEyes
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import IRIS, MESH, Iris, find_meshes, irises
from services.inference.faces.red_eyes import correct_red_eyes, count_red_eyes
from services.inference.media import Header, Image

_DOING = "Looking for red eyes"
_SENSITIVITY, _STRENGTH = 50.0, 70.0
_COPIES, _COPIES_OF_WIDE = 4, 4
"""Copies of the decoded samples, at the peak: the picture, its result, its colours for the networks, and their source."""


def peak_memory(picture: Header, _parameters: FixRedEyes) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, parameters: FixRedEyes, step: Step) -> Several:
    """The picture without red pupils, and how many there were."""
    step.label("eyes")
    step.report(0, _DOING)
    searching = portion(step.report, 0, 0.8)
    triton = step.tools.triton
    pixels = await asyncio.to_thread(image.srgb)
    meshes = await find_meshes(
        pixels, triton.model(DETECTOR), triton.model(MESH), least_score(None), step.check, lambda done: searching(done, _DOING)
    )
    eyes: list[Iris] = []
    for mesh in meshes:
        if mesh.fits:
            eyes += await irises(pixels, mesh, triton.model(IRIS))
            step.check()
    sensitivity = parameters.sensitivity if parameters.HasField("sensitivity") else _SENSITIVITY
    strength = parameters.strength if parameters.HasField("strength") else _STRENGTH
    result, count = await asyncio.to_thread(correct_red_eyes, image, eyes, sensitivity / 100, strength / 100)
    if not count:
        step.notice("no_red_eye_found", "", f"No red eye was found in {step.source_name}, so its pixels are unchanged.")
    left = await asyncio.to_thread(count_red_eyes, image, eyes) - count
    if left > 0:
        message = f"Eyes in {step.source_name} that look a little as if a flash had coloured them were left as they are: {left}."
        step.notice("red_eyes_left", "sensitivity", f"{message} A higher sensitivity corrects them.", {"eyes": left})
    found = Data({"facesDetected": len(meshes), "eyesCorrected": count})
    return Several(result, [NewFile(found.content, DATA_TYPE, DATA_EXTENSION)])
