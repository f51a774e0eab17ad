"""`image-enhancement/analyze`: what a picture needs."""

from __future__ import annotations

from compat.snapotter.v1.photo_tools_pb2 import AnalyzeImageSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_quality_pb2 import InspectQuality
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = AnalyzeImageSettings


def plan(_settings: AnalyzeImageSettings, _name: str) -> Plan:
    """The operation, whose result is the reply but for its spelling."""
    return Plan([operation_pb2.Operation(inspect_quality=InspectQuality())])
