"""Make the faces of a picture sharper."""

from __future__ import annotations

from collections.abc import Mapping

from darkroom.operations.v1.enhance_faces_pb2 import FACE_MODEL_CODEFORMER, FACE_MODEL_GFPGAN, EnhanceFaces, FaceModel
from services.inference.contract.flow import DATA_EXTENSION, DATA_TYPE, Data, NewFile, Several
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Step
from services.inference.media import Header, Image
from services.inference.plain.faces import Oval
from services.inference.upscaling.restored_faces import FIDELITY
from services.inference.upscaling.sharper_faces import with_sharper_faces

_STRENGTH, _SENSITIVITY = 0.8, 0.5
_MODELS: Mapping[FaceModel.ValueType, str] = {FACE_MODEL_GFPGAN: "gfpgan", FACE_MODEL_CODEFORMER: "codeformer"}
_COPIES = 9
"""Copies of the decoded samples at the peak: the picture, its colours, the result, and a face as large as it, enlarged."""


def peak_memory(picture: Header, _parameters: EnhanceFaces) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


async def run(image: Image, parameters: EnhanceFaces, step: Step) -> Several:
    """The picture with sharper faces, and where they are."""
    step.label("enhanced")
    step.report(0, "Looking for faces")
    made = await with_sharper_faces(
        image,
        step,
        step.report,
        strength=parameters.strength if parameters.HasField("strength") else _STRENGTH,
        sensitivity=parameters.sensitivity if parameters.HasField("sensitivity") else _SENSITIVITY,
        only_central=parameters.only_center_face,
        wanted_model=_MODELS.get(parameters.model, ""),
        fidelity=parameters.fidelity if parameters.HasField("fidelity") else FIDELITY,
    )
    if not made.found_count:
        step.notice("no_face_found", "", f"No face was found in {step.source_name}, so its pixels are unchanged.")
    elif len(made.ovals) < made.requested_count:
        left = made.requested_count - len(made.ovals)
        message = f"{left} of {made.requested_count} faces in {step.source_name} are too large to enhance on a CPU."
        step.notice("not_applied", "", message, {"why": "faces_too_large", "left": left, "of": made.requested_count})
    said = {"facesDetected": made.found_count, "faces": [_box(oval) for oval in made.ovals], "model": made.model}
    return Several(made.image, [NewFile(Data(said).content, DATA_TYPE, DATA_EXTENSION)])


def _box(oval: Oval) -> dict[str, int]:
    box = oval.box
    return {"x": box["left"], "y": box["top"], "w": box["width"], "h": box["height"]}
