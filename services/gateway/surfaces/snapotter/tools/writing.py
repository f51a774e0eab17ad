"""How tools write their results, and numbers of settings as operations have them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from darkroom.operations.v1 import convert_pb2
from darkroom.operations.v1.operation_pb2 import Operation

QUALITY = 95
"""The quality of a lossy result, where the tool has no setting for it."""
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
"""By the extensions of their files."""
_ALIASES: Mapping[str, str] = {"jpeg": "jpg"}
_PALETTES = ("png", "gif")
_COLOURS = 256


def extension_of(format_: str) -> str:
    """The extension of a format's files."""
    return _ALIASES.get(format_, format_)


def keep_format(quality: int = QUALITY) -> Operation:
    """The input's format, or PNG where that does not stay, or has no alpha and the picture has; sRGB, without profile and metadata."""
    return Operation(
        convert=convert_pb2.Convert(
            format=convert_pb2.PICTURE_FORMAT_KEPT,
            quality=quality,
            progressive=False,
            color_space=convert_pb2.COLOR_SPACE_RGB,
            strip_metadata=True,
            keep_alpha=True,
            keep_coding=True,
            png_otherwise=True,
            compact=True,
            quick=True,
        )
    )


def conversion(format_: str, quality: float | None = None) -> convert_pb2.Convert:
    """How a file of one of the `FORMATS` is written: in sRGB, without metadata. A TIFF with a quality is lossy."""
    convert = convert_pb2.Convert(
        format=FORMATS[format_], color_space=convert_pb2.COLOR_SPACE_RGB, strip_metadata=True, compact=True, quick=True
    )
    if format_ == "jpg":
        convert.progressive = False
    if format_ in _PALETTES:
        convert.max_colors = 0 if quality is None else colours_of(quality)
    elif quality is not None or format_ != "tiff":
        convert.quality = round_half_up(QUALITY if quality is None else quality)
    return convert


def convert_to(format_: str, quality: float | None = None) -> Operation:
    """The operation of a `conversion`."""
    return Operation(convert=conversion(format_, quality))


def round_half_up(number: float) -> int:
    """To a whole number, a half upwards."""
    return math.floor(number + 0.5)


def colours_of(quality: float) -> int:
    """How many colours a PNG or GIF of this quality, 1 to 100, may have; 0 for all that it has."""
    return 0 if quality >= 100 else max(2, round(_COLOURS * quality / 100))
