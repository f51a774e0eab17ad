"""`watermark-text`: a translucent text."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.text_tools_pb2 import WatermarkTextSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.draw_text_pb2 import DrawText
from darkroom.operations.v1.placement_pb2 import (
    POSITION_BOTTOM_LEFT,
    POSITION_BOTTOM_RIGHT,
    POSITION_CENTER,
    POSITION_TOP_LEFT,
    POSITION_TOP_RIGHT,
    Position,
)
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = WatermarkTextSettings
_TILED = "tiled"
_POSITIONS: Mapping[str, Position.ValueType] = {
    "center": POSITION_CENTER,
    "top-left": POSITION_TOP_LEFT,
    "top-right": POSITION_TOP_RIGHT,
    "bottom-left": POSITION_BOTTOM_LEFT,
    "bottom-right": POSITION_BOTTOM_RIGHT,
    _TILED: POSITION_CENTER,
}


def plan(settings: WatermarkTextSettings, _name: str) -> Plan:
    """The operations."""
    draw = DrawText(
        text=settings.text,
        font_size=settings.font_size,
        color=settings.color,
        opacity=settings.opacity,
        position=_POSITIONS[settings.position],
        tiled=settings.tile or settings.position == _TILED,
        rotation=settings.rotation,
    )
    return Plan([operation_pb2.Operation(draw_text=draw), kept()])
