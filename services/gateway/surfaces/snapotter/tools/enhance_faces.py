"""`enhance-faces`: sharper faces."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.enlarge_tools_pb2 import EnhanceFacesSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.enhance_faces_pb2 import EnhanceFaces, FaceModel
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.convert import writing
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = EnhanceFacesSettings
BUNDLE = "upscale-enhance"
FAILED = "Face enhancement failed"


def plan(settings: EnhanceFacesSettings, name: str) -> Plan:
    """The operations."""
    enhancing = EnhanceFaces(
        strength=settings.strength,
        only_center_face=settings.only_center_face,
        sensitivity=settings.sensitivity,
        model=FaceModel.Value(f"FACE_MODEL_{settings.model.upper()}"),
    )
    operations = [operation_pb2.Operation(enhance_faces=enhancing), operation_pb2.Operation(convert=writing("png", None))]
    return Plan(operations, f"{Name.of(name).stem}_enhanced.png")


def result(done: Done) -> Mapping[str, object]:
    """The faces, and the networks."""
    return {"previewUrl": done.preview(), **{name: done.found[name] for name in ("facesDetected", "faces", "model")}}
