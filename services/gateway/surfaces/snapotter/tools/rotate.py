"""`rotate`: turned and mirrored."""

from __future__ import annotations

import math

from compat.snapotter.v1.shape_tools_pb2 import RotateSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = RotateSettings
_BOTH = "both"


def plan(settings: RotateSettings, _name: str) -> Plan:
    """The operations."""
    rotate = Rotate(
        angle=math.fmod(settings.angle, 360),
        mirror_horizontally=settings.horizontal or settings.flip in ("horizontal", _BOTH),
        mirror_vertically=settings.vertical or settings.flip in ("vertical", _BOTH),
        background=settings.background,
    )
    return Plan([operation_pb2.Operation(rotate=rotate), kept()])
