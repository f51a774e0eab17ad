"""`crop`: a part of the picture."""

from __future__ import annotations

from compat.snapotter.v1.shape_tools_pb2 import CropSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.crop_pb2 import Crop, PixelArea, RelativeArea
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = CropSettings
_FARTHEST = 1_000_000
"""Beyond the edge of any picture, as what is farther is."""


def plan(settings: CropSettings, _name: str) -> Plan:
    """The operations. Numbers count before an aspect ratio."""
    left, top, width, height = settings.left, settings.top, settings.width, settings.height
    if not (settings.HasField("width") and settings.HasField("height")):
        crop = Crop(aspect_ratio=settings.aspect_ratio)
    elif settings.unit == "percent":
        left, top, width, height = (min(number, _FARTHEST) for number in (left, top, width, height))
        crop = Crop(relative_area=RelativeArea(left=left, top=top, width=width, height=height))
    else:
        corner = {"left": _pixels(left), "top": _pixels(top)}
        crop = Crop(area=PixelArea(**corner, width=max(1, _pixels(width)), height=max(1, _pixels(height))))
    return Plan([operation_pb2.Operation(crop=crop), kept()])


def _pixels(number: float) -> int:
    return rounded(min(number, _FARTHEST))
