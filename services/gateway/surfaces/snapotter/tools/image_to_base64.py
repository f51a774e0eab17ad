"""`image-to-base64`: a picture as it is to be written as text."""

from __future__ import annotations

from compat.snapotter.v1.conversion_tools_pb2 import ImageToBase64Settings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from darkroom.operations.v1.resize_pb2 import Resize
from services.gateway.surfaces.snapotter.tools.convert import writing
from services.gateway.surfaces.snapotter.tools.kept import kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ImageToBase64Settings
ORIGINAL = "original"
_LONGEST = 65_535
_FORMATS = {"jpeg": "jpg"}


def plan(settings: ImageToBase64Settings, _name: str) -> Plan:
    """The operations."""
    operations = []
    if settings.max_width or settings.max_height:
        width, height = min(settings.max_width, _LONGEST), min(settings.max_height, _LONGEST)
        resize = Resize(width=width, height=height, fit=FIT_BOUNDS, without_enlargement=True)
        operations.append(operation_pb2.Operation(resize=resize))
    format_ = _FORMATS.get(settings.output_format, settings.output_format)
    if format_ == ORIGINAL:
        return Plan([*operations, kept(settings.quality)])
    convert = writing(format_, None if format_ == "png" else settings.quality)
    return Plan([*operations, operation_pb2.Operation(convert=convert)])
