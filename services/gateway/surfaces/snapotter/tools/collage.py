"""`collage`: pictures in the cells of a template."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.montage_tools_pb2 import CollageSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.collage_pb2 import COLLAGE_TEMPLATE_UNSPECIFIED, Collage, CollageCell, CollageTemplate
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS, FIT_CROP, Fit
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.tools._montages import EXTENSIONS, written
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = CollageSettings
_PREFIX = "COLLAGE_TEMPLATE_"
_TEMPLATES = {
    name.removeprefix(_PREFIX).replace("_", "-").lower(): template
    for name, template in CollageTemplate.items()
    if template != COLLAGE_TEMPLATE_UNSPECIFIED
}
_FREE = (2400, 1800)
_CANVASES = {"1:1": (2400, 2400), "3:2": (2400, 1600), "16:9": (2400, 1350), "9:16": (1350, 2400), "4:5": (1920, 2400)}
"""Width and height of those that are not as `free`."""
_FITS: Mapping[str, Fit.ValueType] = {"cover": FIT_CROP, "contain": FIT_BOUNDS}
_MOST_CELLS = 9
"""Of a template."""
_MOST_TOLD = 100


def plan(settings: CollageSettings, _name: str) -> Plan:
    """The operations. Raises `Refusal` for a template that is not there."""
    asked = settings.template_id or settings.template
    if asked not in _TEMPLATES:
        raise Refusal(400, f"Unknown template: {asked[:_MOST_TOLD]}")
    width, height = _CANVASES.get(settings.aspect_ratio, _FREE)
    collage = Collage(
        template=_TEMPLATES[asked],
        cells=[
            CollageCell(picture=cell.image_index, pan_x=cell.pan_x, pan_y=cell.pan_y, zoom=cell.zoom, fit=_FITS[cell.object_fit])
            for cell in settings.cells[:_MOST_CELLS]
        ],
        width=width,
        height=height,
        gap=rounded(settings.gap),
        corner_radius=rounded(settings.border_radius if settings.HasField("border_radius") else settings.corner_radius),
        background=settings.background_color,
    )
    format_ = settings.output_format
    operations = [operation_pb2.Operation(collage=collage), written(format_, settings.quality)]
    return Plan(operations, name=f"collage.{EXTENSIONS.get(format_, format_)}")
