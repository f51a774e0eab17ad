"""`transparency-fixer`: transparency that is painted, or lost, made real."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.background_tools_pb2 import TransparencyFixerSettings
from darkroom.operations.v1 import convert_pb2, operation_pb2
from darkroom.operations.v1.fix_transparency_pb2 import FixTransparency
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = TransparencyFixerSettings
BUNDLE = "background-removal"
FAILED = "Transparency fix failed"


def plan(settings: TransparencyFixerSettings, name: str) -> Plan:
    """The operations."""
    webp = settings.output_format == "webp"
    convert = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_WEBP if webp else convert_pb2.PICTURE_FORMAT_PNG,
        color_space=convert_pb2.COLOR_SPACE_RGB,
        strip_metadata=True,
        quick=True,
    )
    if webp:
        convert.lossless = True
    fix = FixTransparency(defringe=settings.defringe)
    operations = [operation_pb2.Operation(fix_transparency=fix), operation_pb2.Operation(convert=convert)]
    return Plan(operations, f"{Name.of(name).stem}_fixed.{settings.output_format}")


def result(done: Done) -> Mapping[str, object]:
    """What it is called."""
    return {"filename": done.name}
