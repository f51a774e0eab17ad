"""`text-overlay`: a caption."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.text_tools_pb2 import TextOverlaySettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.draw_text_pb2 import DrawText
from darkroom.operations.v1.placement_pb2 import POSITION_BOTTOM, POSITION_CENTER, POSITION_TOP, Position
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = TextOverlaySettings
_POSITIONS: Mapping[str, Position.ValueType] = {"top": POSITION_TOP, "center": POSITION_CENTER, "bottom": POSITION_BOTTOM}


def plan(settings: TextOverlaySettings, _name: str) -> Plan:
    """The operations."""
    draw = DrawText(
        text=settings.text,
        font_size=settings.font_size,
        color=settings.color,
        position=_POSITIONS[settings.position],
        background=settings.background_color if settings.background_box else "",
        shadow=settings.shadow,
    )
    return Plan([operation_pb2.Operation(draw_text=draw), kept()])
