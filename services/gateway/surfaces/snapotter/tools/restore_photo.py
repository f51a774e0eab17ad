"""`restore-photo`: a scanned photograph without its damage."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.restoration_tools_pb2 import RestorePhotoSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.restore_photo_pb2 import RestoreMode, RestorePhoto
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = RestorePhotoSettings
BUNDLE = "photo-restoration"
FAILED = "Photo restoration failed"


def plan(settings: RestorePhotoSettings, name: str) -> Plan:
    """The operations."""
    parts = Name.of(name)
    restore = RestorePhoto(
        mode=RestoreMode.Value(f"RESTORE_MODE_{settings.mode.upper()}"),
        scratch_removal=settings.scratch_removal,
        face_enhancement=settings.face_enhancement,
        fidelity=settings.fidelity,
        denoise=settings.denoise,
        denoise_strength=settings.denoise_strength,
        colorize=settings.colorize,
    )
    return Plan([operation_pb2.Operation(restore_photo=restore), kept()], f"{parts.stem}_restored{parts.extension}")


def result(done: Done) -> Mapping[str, object]:
    """Its size, and what was done."""
    size, found = done.run.outputs[0].image, done.found
    return {
        "width": size.width,
        "height": size.height,
        "steps": found["steps"],
        "scratchCoverage": found["scratch_coverage"],
        "facesEnhanced": found["faces_enhanced"],
        "isGrayscale": found["is_grayscale"],
        "colorized": found["colorized"],
    }
