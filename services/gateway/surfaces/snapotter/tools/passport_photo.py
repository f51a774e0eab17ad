"""`passport-photo` in batches and pipelines: the face is found and the photo made in one step."""

from __future__ import annotations

from compat.snapotter.v1.passport_tools_pb2 import PassportPhotoSettings
from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.tools._passport import photo_name, photo_of
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = PassportPhotoSettings
BUNDLE = "background-removal"
FAILED = "Passport photo generation failed"


def plan(settings: PassportPhotoSettings, name: str) -> Plan:
    """The operation. Raises `Refusal` for an unknown country."""
    return Plan([operation_pb2.Operation(passport_photo=photo_of(settings))], photo_name(name))
