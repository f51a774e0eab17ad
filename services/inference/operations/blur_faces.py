"""Blur the faces in a picture."""

from __future__ import annotations

import asyncio

from darkroom.operations.v1.blur_faces_pb2 import BlurFaces
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.progress import portion
from services.inference.contract.step import Step
from services.inference.faces import blurring
from services.inference.faces.detection import DETECTOR
from services.inference.faces.finding import least_score
from services.inference.faces.mesh import MESH, Mesh, find_meshes
from services.inference.media import Header, Image

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
    searching = portion(step.report, 0, 0.8)
    triton = step.tools.triton
    meshes = await find_meshes(
        await asyncio.to_thread(image.srgb),
        triton.model(DETECTOR),
        triton.model(MESH),
        least_score(parameters.sensitivity if parameters.HasField("sensitivity") else None),
        step.check,
        lambda done: searching(done, _DOING),
    )
    if not meshes:
        step.notice("no_face_found", "", f"No face was found in {step.source_name}, so its pixels are unchanged.")
    radius = parameters.radius if parameters.HasField("radius") else _RADIUS
    ovals = [blurring.oval_of(mesh) for mesh in meshes]
    result = await asyncio.to_thread(blurring.blur_ovals, image, ovals, radius, step.check)
    found = Data({"facesDetected": len(meshes), "faces": [_box(mesh, image) for mesh in meshes]})
    return Several(result, [NewFile(found.content, DATA_TYPE, DATA_EXTENSION)])


def _box(mesh: Mesh, image: Image) -> dict[str, int]:
    """The part of a face's box that is in the picture, in whole pixels."""
    face = mesh.face
    left, top = (max(0, round(each)) for each in (face.left, face.top))
    right, bottom = min(image.width, round(face.left + face.width)), min(image.height, round(face.top + face.height))
    return {"x": left, "y": top, "w": max(0, right - left), "h": max(0, bottom - top)}
