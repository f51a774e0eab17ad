"""`convert`: another format."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.format_tools_pb2 import ConvertSettings
from darkroom.operations.v1 import convert_pb2, operation_pb2
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import colours_of, rounded
from services.gateway.surfaces.snapotter.tools.kept import QUALITY
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ConvertSettings
FORMATS: Mapping[str, convert_pb2.PictureFormat.ValueType] = {
    "jpg": convert_pb2.PICTURE_FORMAT_JPEG,
    "png": convert_pb2.PICTURE_FORMAT_PNG,
    "webp": convert_pb2.PICTURE_FORMAT_WEBP,
    "avif": convert_pb2.PICTURE_FORMAT_AVIF,
    "tiff": convert_pb2.PICTURE_FORMAT_TIFF,
    "gif": convert_pb2.PICTURE_FORMAT_GIF,
    "heic": convert_pb2.PICTURE_FORMAT_HEIC,
    "heif": convert_pb2.PICTURE_FORMAT_HEIF,
}
ALIASES: Mapping[str, str] = {"jpeg": "jpg"}
_PALETTES = ("png", "gif")
_DRAWING_DPI = 300


def plan(settings: ConvertSettings, name: str) -> Plan:
    """The operations."""
    format_ = ALIASES.get(settings.format, settings.format)
    convert = writing(format_, settings.quality if settings.HasField("quality") else None)
    convert.svg_dpi = _DRAWING_DPI
    return Plan([operation_pb2.Operation(convert=convert)], name=f"{Name.of(name).stem}.{format_}", chooses_writing=True)


def writing(format_: str, quality: float | None) -> convert_pb2.Convert:
    """How a file of one of the `FORMATS` is written: in sRGB, without metadata. A TIFF with a quality is lossy."""
    convert = convert_pb2.Convert(
        format=FORMATS[format_], color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True, compact=True, quick=True
    )
    if format_ == "jpg":
        convert.progressive = False
    if format_ in _PALETTES:
        convert.max_colors = 0 if quality is None else colours_of(quality)
    elif quality is not None or format_ != "tiff":
        convert.quality = rounded(QUALITY if quality is None else quality)
    return convert
