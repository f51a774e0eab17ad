"""Blur the faces in a picture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from darkroom.operations.v1.blur_faces_pb2 import BlurFaces
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.faces import blurring
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.lasting import FrameFaces, lasting
from services.inference.faces.mesh import MESH, Mesh, find_meshes
from services.inference.media import Header, Image
from services.inference.moving.in_order import in_order
from services.inference.moving.model import Frame

_DOING = "Looking for faces"
_RADIUS = 30.0
_COPIES, _COPIES_OF_WIDE = 7, 8
"""Copies of the decoded samples, at peak: the picture, its result, its colours for the networks, and a face as large as it in float32."""


def peak_memory(picture: Header, _parameters: BlurFaces) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


async def run(image: Image, parameters: BlurFaces, step: Step) -> Several:
    """The picture with its faces blurred, and where they are."""
    step.label("blurred")
    step.report(0, _DOING)
    meshes = await _meshes_of(image, parameters, step)
    if not meshes:
        _tell_none(step)
    ovals = [blurring.oval_of(mesh) for mesh in meshes]
    result = await asyncio.to_thread(blurring.blur_ovals, image, ovals, _radius(parameters), step.check)
    return Several(result, [_found([_box(mesh, image) for mesh in meshes])])


async def over_frames(frames: AsyncIterator[Frame], parameters: BlurFaces, step: Step, frames_at_once: int) -> AsyncIterator[Frame]:
    """Each frame with its faces blurred, and those of the frames around it: none shows for a moment because it was missed there. The places
    that are delivered are those of the frame with the most faces."""
    step.label("blurred")
    most: Sequence[dict[str, int]] = []

    async def look(frame: Frame) -> FrameFaces:
        nonlocal most
        meshes = await _meshes_of(frame.image, parameters, step)
        if len(meshes) > len(most):
            most = [_box(mesh, frame.image) for mesh in meshes]
        return FrameFaces(frame, [blurring.oval_of(mesh) for mesh in meshes])

    async def blur(found: FrameFaces) -> Frame:
        image = found.frame.image
        blurred = await asyncio.to_thread(blurring.blur_ovals, image, found.ovals, _radius(parameters), step.check)
        return Frame(blurred, found.frame.microseconds)

    async with aclosing(in_order(lasting(in_order(frames, look, frames_at_once)), blur, frames_at_once)) as blurred:
        async for frame in blurred:
            yield frame
    if not most:
        _tell_none(step)
    step.attach(_found(most))


async def _meshes_of(image: Image, parameters: BlurFaces, step: Step) -> Sequence[Mesh]:
    searching, triton = portion(step.report, 0, 0.8), step.tools.triton
    return await find_meshes(
        await asyncio.to_thread(image.srgb),
        triton.model(DETECTOR),
        triton.model(MESH),
        least_score(parameters.sensitivity if parameters.HasField("sensitivity") else None),
        step.check,
        lambda done: searching(done, _DOING),
    )


def _radius(parameters: BlurFaces) -> float:
    return parameters.radius if parameters.HasField("radius") else _RADIUS


def _tell_none(step: Step) -> None:
    step.notice("no_face_found", "", f"No face was found in {step.source_name}, so its pixels are unchanged.")


def _found(faces: Sequence[dict[str, int]]) -> NewFile:
    content = Data({"facesDetected": len(faces), "faces": list(faces)}).content
    return NewFile(content, DATA_TYPE, DATA_EXTENSION)


def _box(mesh: Mesh, image: Image) -> dict[str, int]:
    """The part of a face's box that is in the picture, in whole pixels."""
    face = mesh.face
    left, top = (max(0, round(each)) for each in (face.left, face.top))
    right, bottom = min(image.width, round(face.left + face.width)), min(image.height, round(face.top + face.height))
    return {"x": left, "y": top, "w": max(0, right - left), "h": max(0, bottom - top)}
