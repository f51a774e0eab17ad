"""`replace-color`: a colour becomes another, or transparent."""

from __future__ import annotations

from compat.snapotter.v1.colour_tools_pb2 import ReplaceColorSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.replace_color_pb2 import ReplaceColor
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ReplaceColorSettings
_TRANSPARENT = "transparent"


def plan(settings: ReplaceColorSettings, _name: str) -> Plan:
    """The operations. With a `replacement_color`, the target is what is replaced."""
    source, target = settings.source_color, settings.target_color
    if settings.replacement_color:
        source, target = target, settings.replacement_color
    replace = ReplaceColor(color=source, replacement=_TRANSPARENT if settings.make_transparent else target, tolerance=settings.tolerance)
    return Plan([operation_pb2.Operation(replace_color=replace), kept()], may_become_png=settings.make_transparent)
