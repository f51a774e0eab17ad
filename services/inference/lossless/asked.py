"""Which operations ask for nothing but what can be done to a file without coding its samples again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from darkroom.operations.v1.convert_pb2 import (
    COLOR_SPACE_CMYK,
    COLOR_SPACE_RGB,
    PICTURE_FORMAT_JPEG,
    PICTURE_FORMAT_KEPT,
    PICTURE_FORMAT_UNSPECIFIED,
    PICTURE_FORMAT_WEBP,
    Convert,
    PictureFormat,
)
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.lossless.turn import UNTURNED, Turn
from services.pictures.media_format import MediaFormat

_QUARTER = 90
_FORMATS: Mapping[MediaFormat, PictureFormat.ValueType] = {MediaFormat.JPEG: PICTURE_FORMAT_JPEG, MediaFormat.WEBP: PICTURE_FORMAT_WEBP}
_OF_ENCODING = ("max_bytes", "dpi")
"""Parameters of a conversion that only a new encoding meets, or a header that says something else."""
_STRIPPED = ("strip_metadata", "strip_exif", "strip_location", "strip_xmp")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How a file is to be written again."""

    turn: Turn = UNTURNED
    turns: int = 0
    """How many operations turn it."""
    strip_metadata: bool = False
    strip_exif: bool = False
    strip_location: bool = False
    strip_xmp: bool = False
    strip_profile: bool = False
    progressive: bool | None = None
    """Whether the result must show a rough picture early; None: either way."""


def rewriting_of(operations: Sequence[Message], format_: MediaFormat | None) -> Rewriting | None:
    """The rewriting of a JPEG or WebP that does the same as these operations; None if they ask for more, or for turns by nothing."""
    if format_ is None or format_ not in _FORMATS:
        return None
    asked, changes = Rewriting(), False
    for parameters in operations:
        match parameters:
            case Rotate() if parameters.angle % _QUARTER == 0 and format_ is MediaFormat.JPEG:
                turn = _turn(parameters)
                changes = changes or turn != UNTURNED
                asked = replace(asked, turn=asked.turn.then(turn), turns=asked.turns + 1)
            case Convert() if _keeps_coding(parameters, format_):
                asked = replace(
                    asked,
                    progressive=parameters.progressive if _says_progressive(parameters) else asked.progressive,
                    # A picture in sRGB has no profile.
                    strip_profile=asked.strip_profile or parameters.strip_profile or parameters.color_space == COLOR_SPACE_RGB,
                    **{name: getattr(asked, name) or getattr(parameters, name) for name in _STRIPPED},
                )
            case _:
                return None
    return asked if operations and (changes or not asked.turns) else None


def _turn(parameters: Rotate) -> Turn:
    return Turn.of(round(parameters.angle) % 360, left_right=parameters.mirror_horizontally, top_bottom=parameters.mirror_vertically)


def _says_progressive(parameters: Convert) -> bool:
    return parameters.HasField("progressive") and not parameters.keep_coding


def _keeps_coding(parameters: Convert, format_: MediaFormat) -> bool:
    """Whether a conversion leaves the samples of a file as they are coded, or would for all that it says."""
    if parameters.format not in (PICTURE_FORMAT_UNSPECIFIED, PICTURE_FORMAT_KEPT, _FORMATS[format_]):
        return False
    if any(getattr(parameters, name) for name in _OF_ENCODING) or parameters.color_space == COLOR_SPACE_CMYK:
        return False
    if parameters.HasField("lossless") and (not parameters.lossless or format_ is not MediaFormat.JPEG):
        return False
    quality = (parameters.webp_quality if format_ is MediaFormat.WEBP else 0) or parameters.quality
    return parameters.keep_coding or not quality
