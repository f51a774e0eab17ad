"""`edit-metadata/inspect`: what a file says besides its picture."""

from __future__ import annotations

from compat.snapotter.v1.metadata_tools_pb2 import ReadMetadataSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_metadata_pb2 import InspectMetadata
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ReadMetadataSettings


def plan(_settings: ReadMetadataSettings, _name: str) -> Plan:
    """The operation, whose result is told in other words."""
    return Plan([operation_pb2.Operation(inspect_metadata=InspectMetadata())])
