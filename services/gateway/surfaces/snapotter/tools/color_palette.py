"""`color-palette`: the main colours of a picture."""

from __future__ import annotations

from compat.snapotter.v1.reading_tools_pb2 import ColorPaletteSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_palette_pb2 import InspectPalette
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ColorPaletteSettings


def plan(_settings: ColorPaletteSettings, _name: str) -> Plan:
    """The operation, whose result is the reply but for the file's name."""
    return Plan([operation_pb2.Operation(inspect_palette=InspectPalette())])
