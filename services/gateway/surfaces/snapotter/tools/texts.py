"""Tools that write a text on a picture."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.text_tools_pb2 import TextOverlaySettings, WatermarkTextSettings
from darkroom.operations.v1 import placement_pb2
from darkroom.operations.v1.draw_text_pb2 import DrawText
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.tool import Plan, Tool
from services.gateway.surfaces.snapotter.tools.writing import keep_format

_TILED = "tiled"
_POSITIONS: Mapping[str, placement_pb2.Position.ValueType] = {
    "top": placement_pb2.POSITION_TOP,
    "center": placement_pb2.POSITION_CENTER,
    "bottom": placement_pb2.POSITION_BOTTOM,
    "top-left": placement_pb2.POSITION_TOP_LEFT,
    "top-right": placement_pb2.POSITION_TOP_RIGHT,
    "bottom-left": placement_pb2.POSITION_BOTTOM_LEFT,
    "bottom-right": placement_pb2.POSITION_BOTTOM_RIGHT,
    _TILED: placement_pb2.POSITION_CENTER,
}


def _watermark_text(settings: WatermarkTextSettings, _name: str) -> Plan:
    draw = DrawText(
        text=settings.text,
        font_size=settings.font_size,
        color=settings.color,
        opacity=settings.opacity,
        position=_POSITIONS[settings.position],
        tiled=settings.tile or settings.position == _TILED,
        rotation=settings.rotation,
    )
    return Plan([Operation(draw_text=draw), keep_format()])


def _text_overlay(settings: TextOverlaySettings, _name: str) -> Plan:
    draw = DrawText(
        text=settings.text,
        font_size=settings.font_size,
        color=settings.color,
        position=_POSITIONS[settings.position],
        background=settings.background_color if settings.background_box else "",
        shadow=settings.shadow,
    )
    return Plan([Operation(draw_text=draw), keep_format()])


WATERMARK_TEXT = Tool("watermark-text", WatermarkTextSettings, _watermark_text, pipeline=True)
TEXT_OVERLAY = Tool("text-overlay", TextOverlaySettings, _text_overlay, pipeline=True)
