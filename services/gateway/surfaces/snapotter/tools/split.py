"""`split`: a picture in tiles."""

from __future__ import annotations

from compat.snapotter.v1.conversion_tools_pb2 import SplitSettings
from darkroom.operations.v1 import convert_pb2, operation_pb2
from darkroom.operations.v1.split_pb2 import Split
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.convert import FORMATS
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = SplitSettings
_ORIGINAL = "original"


def plan(settings: SplitSettings, name: str) -> Plan:
    """The operation. Tiles of a file whose name has no extension are PNGs."""
    parts = Name.of(name)
    split = Split(columns=settings.columns, rows=settings.rows, quality=settings.quality, name=parts.stem[:200])
    if settings.HasField("tile_width") and settings.HasField("tile_height"):
        split.tile_width, split.tile_height = settings.tile_width, settings.tile_height
    if settings.output_format != _ORIGINAL:
        split.format = FORMATS[settings.output_format]
    else:
        split.format = convert_pb2.PICTURE_FORMAT_KEPT if parts.extension else convert_pb2.PICTURE_FORMAT_PNG
    return Plan([operation_pb2.Operation(split=split)], name=f"{parts.stem}_split.zip")
