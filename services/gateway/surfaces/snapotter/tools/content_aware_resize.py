"""`content-aware-resize`: another size, by seams."""

from __future__ import annotations

from compat.snapotter.v1.photo_tools_pb2 import ContentAwareResizeSettings
from darkroom.operations.v1 import convert_pb2, operation_pb2
from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ContentAwareResizeSettings
_LARGEST = 65535


def plan(settings: ContentAwareResizeSettings, name: str) -> Plan:
    """The operations. The result is a PNG."""
    carve = CarveSeams(
        width=_pixels(settings.width) if settings.HasField("width") else 0,
        height=_pixels(settings.height) if settings.HasField("height") else 0,
        square=settings.square,
        protect_faces=settings.protect_faces,
        blur=settings.blur_radius,
        edge_threshold=settings.sobel_threshold,
    )
    png = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_PNG, color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True, compact=True, quick=True
    )
    return Plan([operation_pb2.Operation(carve_seams=carve), operation_pb2.Operation(convert=png)], f"{Name.of(name).stem}_seam.png")


def _pixels(side: float) -> int:
    return max(1, rounded(min(side, _LARGEST)))
