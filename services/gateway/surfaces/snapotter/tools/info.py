"""`info`: what a picture is, as a document instead of a picture."""

from __future__ import annotations

from compat.snapotter.v1.info_tool_pb2 import InfoSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_picture_pb2 import InspectPicture
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = InfoSettings


def plan(_settings: InfoSettings, _name: str) -> Plan:
    """The operation, whose result is the reply but for the file's name and size."""
    return Plan([operation_pb2.Operation(inspect_picture=InspectPicture())])
