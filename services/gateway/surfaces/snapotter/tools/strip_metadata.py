"""`strip-metadata`: the picture without what its file says besides."""

from __future__ import annotations

from compat.snapotter.v1.format_tools_pb2 import StripMetadataSettings
from darkroom.operations.v1 import convert_pb2, operation_pb2
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = StripMetadataSettings
_JPEG, _WEBP, _AVIF = 90, 85, 50
"""Qualities."""


def plan(settings: StripMetadataSettings, _name: str) -> Plan:
    """The operations."""
    convert = convert_pb2.Convert(
        format=convert_pb2.PICTURE_FORMAT_KEPT,
        quality=_JPEG,
        webp_quality=_WEBP,
        avif_quality=_AVIF,
        progressive=False,
        compact=True,
        quick=True,
        strip_metadata=settings.strip_all,
        strip_exif=settings.strip_exif,
        strip_location=settings.strip_gps,
        strip_profile=settings.strip_all or settings.strip_icc,
        strip_xmp=settings.strip_xmp,
    )
    return Plan([operation_pb2.Operation(convert=convert)])
