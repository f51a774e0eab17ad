"""Tools for faces."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.enlarge_tools_pb2 import EnhanceFacesSettings
from compat.snapotter.v1.face_tools_pb2 import BlurFacesSettings, RedEyeRemovalSettings
from darkroom.operations.v1.blur_faces_pb2 import BlurFaces
from darkroom.operations.v1.enhance_faces_pb2 import EnhanceFaces, FaceModel
from darkroom.operations.v1.fix_red_eyes_pb2 import FixRedEyes
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tool import FinishedJob, Plan, Tool
from services.gateway.surfaces.snapotter.tools.writing import convert_to, extension_of, keep_format

_LOSSLESS = "png"


def _blur_faces(settings: BlurFacesSettings, name: str) -> Plan:
    parts = Name.of(name)
    blur = BlurFaces(sensitivity=settings.sensitivity, radius=settings.blur_radius)
    return Plan([Operation(blur_faces=blur), keep_format()], f"{parts.stem}_blurred{parts.extension}")


def _faces_blurred(job: FinishedJob) -> Mapping[str, object]:
    faces = {name: job.findings[name] for name in ("facesDetected", "faces")}
    return faces if faces["facesDetected"] else faces | {"warning": "No faces detected"}


def _red_eye_removal(settings: RedEyeRemovalSettings, name: str) -> Plan:
    format_ = extension_of(settings.format) if settings.HasField("format") else _LOSSLESS
    fix = FixRedEyes(sensitivity=settings.sensitivity, strength=settings.strength)
    return Plan(
        # A quality would reduce the colours of a PNG.
        [Operation(fix_red_eyes=fix), convert_to(format_, None if format_ == _LOSSLESS else settings.quality)],
        f"{Name.of(name).stem}_redeye_fixed.{format_}",
        chooses_writing=settings.HasField("format") or settings.HasField("quality"),
    )


def _eyes_corrected(job: FinishedJob) -> Mapping[str, object]:
    return {name: job.findings[name] for name in ("facesDetected", "eyesCorrected")}


def _enhance_faces(settings: EnhanceFacesSettings, name: str) -> Plan:
    enhancing = EnhanceFaces(
        strength=settings.strength,
        only_center_face=settings.only_center_face,
        sensitivity=settings.sensitivity,
        model=FaceModel.Value(f"FACE_MODEL_{settings.model.upper()}"),
    )
    return Plan([Operation(enhance_faces=enhancing), convert_to("png")], f"{Name.of(name).stem}_enhanced.png")


def _faces_enhanced(job: FinishedJob) -> Mapping[str, object]:
    return {"previewUrl": job.preview(), **{name: job.findings[name] for name in ("facesDetected", "faces", "model")}}


BLUR_FACES = Tool(
    "blur-faces",
    BlurFacesSettings,
    _blur_faces,
    pipeline=True,
    needs_models=True,
    failure_message="Face blur failed",
    result=_faces_blurred,
)
RED_EYE_REMOVAL = Tool(
    "red-eye-removal",
    RedEyeRemovalSettings,
    _red_eye_removal,
    pipeline=True,
    needs_models=True,
    failure_message="Red eye removal failed",
    result=_eyes_corrected,
)
ENHANCE_FACES = Tool(
    "enhance-faces",
    EnhanceFacesSettings,
    _enhance_faces,
    pipeline=True,
    needs_models=True,
    failure_message="Face enhancement failed",
    result=_faces_enhanced,
)
