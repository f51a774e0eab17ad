"""`compare`: how much two pictures are alike."""

from __future__ import annotations

from compat.snapotter.v1.two_image_tools_pb2 import CompareSettings
from darkroom.operations.v1 import compare_pb2, operation_pb2
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = CompareSettings


def plan(_settings: CompareSettings, _name: str) -> Plan:
    """The operation."""
    return Plan([operation_pb2.Operation(compare=compare_pb2.Compare())])
