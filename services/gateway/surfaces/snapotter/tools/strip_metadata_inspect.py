"""`strip-metadata/inspect`: what there is to leave out."""

from __future__ import annotations

from compat.snapotter.v1.format_tools_pb2 import InspectMetadataSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_metadata_pb2 import InspectMetadata
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = InspectMetadataSettings


def plan(_settings: InspectMetadataSettings, _name: str) -> Plan:
    """The operation, whose result is the reply."""
    return Plan([operation_pb2.Operation(inspect_metadata=InspectMetadata())])
