"""`watermark-image`: another picture, translucent, in a corner."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.two_image_tools_pb2 import WatermarkImageSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.compose_pb2 import Compose
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

SETTINGS = WatermarkImageSettings
_POSITIONS: Mapping[str, Position.ValueType] = {
    "center": POSITION_CENTER,
    "top-left": POSITION_TOP_LEFT,
    "top-right": POSITION_TOP_RIGHT,
    "bottom-left": POSITION_BOTTOM_LEFT,
    "bottom-right": POSITION_BOTTOM_RIGHT,
}
_MARGIN = 20


def plan(settings: WatermarkImageSettings, _name: str) -> Plan:
    """The operations. Whoever runs them gives the first the watermark."""
    compose = Compose(
        position=_POSITIONS[settings.position], margin=_MARGIN, scale_percent=settings.scale, opacity=settings.opacity, must_fit=True
    )
    return Plan([operation_pb2.Operation(compose=compose), kept()])
