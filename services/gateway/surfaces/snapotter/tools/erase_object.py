"""`erase-object`: what a mask covers is filled."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.eraser_tools_pb2 import EraseObjectSettings
from darkroom.operations.v1 import erase_pb2, operation_pb2
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.convert import ALIASES, writing
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = EraseObjectSettings
BUNDLE = "object-eraser-colorize"
FAILED = "Object erasing failed"


def plan(settings: EraseObjectSettings, name: str) -> Plan:
    """The operations. Whoever runs them gives the first the mask."""
    parts, format_ = Name.of(name), ALIASES.get(settings.format, settings.format)
    as_kept = format_ == "auto"
    last = kept(settings.quality) if as_kept else operation_pb2.Operation(convert=writing(format_, settings.quality))
    extension = parts.extension if as_kept else f".{format_}"
    return Plan([operation_pb2.Operation(erase=erase_pb2.Erase()), last], f"{parts.stem}_erased{extension}")


def result(done: Done) -> Mapping[str, object]:
    """What filled it."""
    return {"method": done.found["method"]} if "method" in done.found else {}
