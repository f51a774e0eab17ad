"""`find-duplicates`: pictures that show the same."""

from __future__ import annotations

import math

from compat.snapotter.v1.reading_tools_pb2 import FindDuplicatesSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.find_duplicates_pb2 import FindDuplicates
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = FindDuplicatesSettings


def plan(settings: FindDuplicatesSettings, _name: str) -> Plan:
    """The operation. Hashes differ by whole bits, so a threshold between two numbers is the lower one."""
    return Plan([operation_pb2.Operation(find_duplicates=FindDuplicates(threshold=math.floor(settings.threshold)))])
