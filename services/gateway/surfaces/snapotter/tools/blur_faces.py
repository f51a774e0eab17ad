"""`blur-faces`: faces that nobody recognises."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.face_tools_pb2 import BlurFacesSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.blur_faces_pb2 import BlurFaces
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = BlurFacesSettings
BUNDLE = "face-detection"
FAILED = "Face blur failed"
_NONE = "No faces detected"


def plan(settings: BlurFacesSettings, name: str) -> Plan:
    """The operations."""
    parts = Name.of(name)
    blur = BlurFaces(sensitivity=settings.sensitivity, radius=settings.blur_radius)
    return Plan([operation_pb2.Operation(blur_faces=blur), kept()], f"{parts.stem}_blurred{parts.extension}")


def result(done: Done) -> Mapping[str, object]:
    """The faces, or a warning that there are none."""
    told = {"facesDetected": done.found["facesDetected"], "faces": done.found["faces"]}
    return told if told["facesDetected"] else told | {"warning": _NONE}
