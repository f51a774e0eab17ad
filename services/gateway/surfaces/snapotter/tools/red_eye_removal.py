"""`red-eye-removal`: dark pupils."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.face_tools_pb2 import RedEyeRemovalSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.fix_red_eyes_pb2 import FixRedEyes
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.convert import ALIASES, writing
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = RedEyeRemovalSettings
BUNDLE = "face-detection"
FAILED = "Red eye removal failed"
_LOSSLESS = "png"


def plan(settings: RedEyeRemovalSettings, name: str) -> Plan:
    """The operations."""
    format_ = ALIASES.get(settings.format, settings.format) if settings.HasField("format") else _LOSSLESS
    # A quality would reduce the colours of a PNG.
    convert = writing(format_, None if format_ == _LOSSLESS else settings.quality)
    fix = FixRedEyes(sensitivity=settings.sensitivity, strength=settings.strength)
    return Plan(
        [operation_pb2.Operation(fix_red_eyes=fix), operation_pb2.Operation(convert=convert)],
        f"{Name.of(name).stem}_redeye_fixed.{format_}",
        chooses_writing=settings.HasField("format") or settings.HasField("quality"),
    )


def result(done: Done) -> Mapping[str, object]:
    """How many faces there are, and how many eyes were red."""
    return {"facesDetected": done.found["facesDetected"], "eyesCorrected": done.found["eyesCorrected"]}
