"""`image-enhancement/analyze`: what would be enhanced."""

from __future__ import annotations

from compat.snapotter.v1.enhancement_tools_pb2 import AnalyzeImageSettings
from darkroom.operations.v1 import inspect_quality_pb2, operation_pb2
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = AnalyzeImageSettings


def plan(_settings: AnalyzeImageSettings, _name: str) -> Plan:
    """The operation, whose result is the reply."""
    return Plan([operation_pb2.Operation(inspect_quality=inspect_quality_pb2.InspectQuality())])
