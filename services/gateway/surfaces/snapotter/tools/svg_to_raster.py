"""`svg-to-raster`: a drawing as a picture."""

from __future__ import annotations

from compat.snapotter.v1.conversion_tools_pb2 import SvgToRasterSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.fill_background_pb2 import FillBackground
from darkroom.operations.v1.rasterize_pb2 import Rasterize
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.convert import writing
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = SvgToRasterSettings
_CLEAR = "#00000000"
_LOSSLESS = ("png", "gif")
_COLOUR_LENGTH = 7


def plan(settings: SvgToRasterSettings, name: str) -> Plan:
    """The operations."""
    rasterize = Rasterize(width=settings.width, height=settings.height, dpi=rounded(settings.dpi))
    operations = [operation_pb2.Operation(rasterize=rasterize)]
    if settings.background_color != _CLEAR:
        operations.append(operation_pb2.Operation(fill_background=FillBackground(color=settings.background_color[:_COLOUR_LENGTH])))
    convert = writing(settings.output_format, None if settings.output_format in _LOSSLESS else settings.quality)
    convert.keep_alpha = settings.output_format == "tiff"
    operations.append(operation_pb2.Operation(convert=convert))
    return Plan(operations, name=f"{Name.of(name).stem}.{settings.output_format}")
