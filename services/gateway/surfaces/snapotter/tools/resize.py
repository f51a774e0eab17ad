"""`resize`: another size."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.shape_tools_pb2 import ResizeSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS, FIT_CANVAS, FIT_COVER, FIT_CROP, FIT_FILL, Fit
from darkroom.operations.v1.resize_pb2 import Resize
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ResizeSettings
_FITS: Mapping[str, Fit.ValueType] = {
    "contain": FIT_CANVAS,
    "cover": FIT_CROP,
    "fill": FIT_FILL,
    "inside": FIT_BOUNDS,
    "outside": FIT_COVER,
}
_BLACK = "#000000"
_LARGEST_PERCENTAGE = 1e6
"""More makes a picture of any size larger than results may be."""


def plan(settings: ResizeSettings, _name: str) -> Plan:
    """The operations. A percentage counts before a box."""
    if settings.HasField("percentage"):
        percentage = min(settings.percentage, _LARGEST_PERCENTAGE)
        resize = Resize(width_percent=percentage, height_percent=percentage, fit=FIT_FILL)
    else:
        # With one side, the picture keeps its ratio, whatever the fit.
        fit = _FITS[settings.fit] if settings.width and settings.height else FIT_BOUNDS
        resize = Resize(width=settings.width, height=settings.height, fit=fit, background=_BLACK)
    resize.box_within_picture = settings.without_enlargement
    return Plan([operation_pb2.Operation(resize=resize), kept()])
