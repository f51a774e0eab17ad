"""`compress`: a smaller file."""

from __future__ import annotations

from compat.snapotter.v1.format_tools_pb2 import CompressSettings
from services.gateway.surfaces.snapotter.tools._numbers import colours_of, rounded
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = CompressSettings
_UNIT = 1024
_MOST_BYTES = 2**32 - 1


def plan(settings: CompressSettings, _name: str) -> Plan:
    """The operations."""
    target = settings.target_size_kilobytes or (settings.target_size_kb if settings.mode == "targetSize" else 0)
    if target:
        operation = kept()
        operation.convert.quality = 0
        operation.convert.max_bytes = max(1, min(int(target * _UNIT), _MOST_BYTES))
    else:
        operation = kept(rounded(settings.quality))
        operation.convert.lossless = False
        operation.convert.max_colors = colours_of(settings.quality)
    return Plan([operation], chooses_writing=True)
