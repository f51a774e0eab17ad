"""`compose`: another picture at a place, mixed with what is below."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.two_image_tools_pb2 import ComposeSettings
from darkroom.operations.v1 import compose_pb2, operation_pb2
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ComposeSettings
_MODES: Mapping[str, compose_pb2.BlendMode.ValueType] = {
    "over": compose_pb2.BLEND_MODE_OVER,
    "multiply": compose_pb2.BLEND_MODE_MULTIPLY,
    "screen": compose_pb2.BLEND_MODE_SCREEN,
    "overlay": compose_pb2.BLEND_MODE_OVERLAY,
    "darken": compose_pb2.BLEND_MODE_DARKEN,
    "lighten": compose_pb2.BLEND_MODE_LIGHTEN,
    "hard-light": compose_pb2.BLEND_MODE_HARD_LIGHT,
    "soft-light": compose_pb2.BLEND_MODE_SOFT_LIGHT,
    "difference": compose_pb2.BLEND_MODE_DIFFERENCE,
    "exclusion": compose_pb2.BLEND_MODE_EXCLUSION,
}


def plan(settings: ComposeSettings, _name: str) -> Plan:
    """The operations. Whoever runs them gives the first the overlay."""
    compose = compose_pb2.Compose(
        left=rounded(settings.x),
        top=rounded(settings.y),
        opacity=settings.opacity,
        blend_mode=_MODES[settings.blend if settings.HasField("blend") else settings.blend_mode],
        must_fit=True,
    )
    return Plan([operation_pb2.Operation(compose=compose), kept()])
