"""`gif-tools/info`: how an animation is shown, as a document."""

from __future__ import annotations

from compat.snapotter.v1.animation_tools_pb2 import GifToolsInfoSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_animation_pb2 import InspectAnimation
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = GifToolsInfoSettings


def plan(_settings: GifToolsInfoSettings, _name: str) -> Plan:
    """The operation, whose result is the reply but for the file's size."""
    return Plan([operation_pb2.Operation(inspect_animation=InspectAnimation())])
