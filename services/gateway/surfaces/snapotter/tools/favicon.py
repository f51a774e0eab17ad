"""`favicon`: the icons of a website."""

from __future__ import annotations

from compat.snapotter.v1.icon_tools_pb2 import FaviconSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.favicons_pb2 import Favicons
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = FaviconSettings


def plan(_settings: FaviconSettings, _name: str) -> Plan:
    """The operation. Whoever runs it gives it the names."""
    return Plan([operation_pb2.Operation(favicons=Favicons())])
