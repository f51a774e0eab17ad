"""`colorize`: a black-and-white picture in colour."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.restoration_tools_pb2 import ColorizeSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.colorize_pb2 import Colorize
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ColorizeSettings
BUNDLE = "object-eraser-colorize"
FAILED = "Colorization failed"


def plan(settings: ColorizeSettings, name: str) -> Plan:
    """The operations."""
    parts = Name.of(name)
    operations = [operation_pb2.Operation(colorize=Colorize(intensity=settings.intensity)), kept()]
    return Plan(operations, f"{parts.stem}_colorized{parts.extension}")


def result(done: Done) -> Mapping[str, object]:
    """Its size, and the model."""
    size = done.run.outputs[0].image
    return {"width": size.width, "height": size.height, "method": done.found["method"]}
