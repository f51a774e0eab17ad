"""`optimize-for-web`: a file for web pages."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.format_tools_pb2 import OptimizeForWebSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from darkroom.operations.v1.resize_pb2 import Resize
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.convert import writing
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = OptimizeForWebSettings
_LONGEST = 65_535
_EXTENSIONS: Mapping[str, str] = {"jpeg": "jpg"}


def plan(settings: OptimizeForWebSettings, name: str) -> Plan:
    """The operations."""
    format_ = _EXTENSIONS.get(settings.format, settings.format)
    convert = writing(format_, settings.quality)
    convert.strip_metadata = settings.strip_metadata
    if format_ == "jpg":
        convert.progressive = settings.progressive
    operations = [operation_pb2.Operation(convert=convert)]
    width, height = _pixels(settings.max_width or settings.max_width_px), _pixels(settings.max_height)
    if width or height:
        resize = Resize(width=width, height=height, fit=FIT_BOUNDS, without_enlargement=True)
        operations.insert(0, operation_pb2.Operation(resize=resize))
    return Plan(operations, name=f"{Name.of(name).stem}.{format_}", chooses_writing=True)


def _pixels(most: float) -> int:
    """0 for no limit."""
    return max(1, rounded(min(most, _LONGEST))) if most else 0
