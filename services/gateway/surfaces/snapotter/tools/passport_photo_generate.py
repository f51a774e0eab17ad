"""`passport-photo/generate`: a photo of a cut-out, with its face where the caller says. It needs no model."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.passport_tools_pb2 import GeneratePassportPhotoSettings
from darkroom.operations.v1 import operation_pb2, passport_photo_pb2
from services.gateway.surfaces.snapotter.tools._passport import photo_name, photo_of, sheet_name
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = GeneratePassportPhotoSettings
FAILED = "Passport photo generation failed"
_LAYOUTS: Mapping[str, passport_photo_pb2.PrintLayout.ValueType] = {
    "4x6": passport_photo_pb2.PRINT_LAYOUT_4X6,
    "a4": passport_photo_pb2.PRINT_LAYOUT_A4,
}


def plan(settings: GeneratePassportPhotoSettings, name: str) -> Plan:
    """The operation, on the cut-out. Raises `Refusal` for an unknown country."""
    photo, points = photo_of(settings), settings.landmarks
    photo.cut_out = True
    photo.head.crown_y, photo.head.chin_y = points.crown.y, points.chin.y
    photo.head.eyes_y, photo.head.center_x = points.eye_center.y, points.face_center_x
    layout = _LAYOUTS.get(settings.print_layout)
    if layout is None:
        return Plan([operation_pb2.Operation(passport_photo=photo)], photo_name(name))
    photo.print_layout = layout
    return Plan([operation_pb2.Operation(passport_photo=photo)], photo_name(name), others=[sheet_name(name, settings.print_layout)])
