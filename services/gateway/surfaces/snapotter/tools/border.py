"""`border`: a frame."""

from __future__ import annotations

from compat.snapotter.v1.shape_tools_pb2 import BorderSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.border_pb2 import Border
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = BorderSettings
_INVISIBLE = 1e-6
"""Per cent of opacity that show nothing."""


def plan(settings: BorderSettings, _name: str) -> Plan:
    """The operations. The short names of a setting count before its long one."""
    border = Border(
        width=rounded(settings.width if settings.HasField("width") else settings.border_width),
        color=settings.color or settings.border_color,
        margin=rounded(settings.padding),
        margin_color=settings.padding_color,
        corner_radius=rounded(settings.border_radius if settings.HasField("border_radius") else settings.corner_radius),
    )
    if settings.shadow:
        border.shadow = True
        border.shadow_blur = settings.shadow_blur
        border.shadow_offset_x = rounded(settings.shadow_offset_x)
        border.shadow_offset_y = rounded(settings.shadow_offset_y)
        border.shadow_color = settings.shadow_color
        border.shadow_opacity = max(settings.shadow_opacity, _INVISIBLE)
    return Plan([operation_pb2.Operation(border=border), kept()], may_become_png=border.shadow or border.corner_radius > 0)
