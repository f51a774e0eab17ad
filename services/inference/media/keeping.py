"""How a result is written where no operation says how: in the format of the input, if that is one that pictures are edited in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from darkroom.operations.v1.convert_pb2 import PictureFormat
from services.inference.media.image import BaseImage, Image, Saving
from services.inference.media.notes import NO_TRANSPARENCY, SIDE_TOO_LONG
from services.pictures.media_format import MediaFormat, kept_format, written_format

LOSSLESS = 100
"""`source_quality` of a file that has lost nothing."""
_USUAL_QUALITY: Mapping[MediaFormat, int] = {
    MediaFormat.JPEG: 90,
    MediaFormat.WEBP: 85,
    MediaFormat.AVIF: 65,
    MediaFormat.HEIC: 65,
    MediaFormat.HEIF: 65,
}
_LEAST_QUALITY, _MOST_QUALITY = 75, 95
_LARGEST_SIDE: Mapping[MediaFormat, int] = {
    MediaFormat.JPEG: 65_535,
    MediaFormat.WEBP: 16_383,
    MediaFormat.AVIF: 16_384,
    MediaFormat.HEIC: 16_384,
    MediaFormat.HEIF: 16_384,
}


def in_format(image: Image, asked: PictureFormat.ValueType) -> Image:
    """The picture, to be written in the format that a parameter asks for; 0: the picture unchanged."""
    if not asked:
        return image
    format_ = written_format(asked, image.kept_format or image.source_format)
    return dataclasses.replace(image, kept_format=format_, saving=_saving(image, format_))


def final_saving(image: BaseImage, width: int, height: int) -> tuple[Saving, str]:
    """How a picture of this size is written at the end of a task, and why not in the format of its input, in a sentence; empty if it is.

    JPEG keeps about the quality that the input has, as far as its tables say, and is progressive if the input is.
    """
    if not image.saving.follows_input:
        return image.saving, ""
    wanted = image.kept_format or image.source_format
    format_, note = kept_format(wanted), ""
    if format_ is MediaFormat.JPEG and isinstance(image, Image) and image.alpha is not None and image.alpha.min() < image.maximum:
        format_, note = MediaFormat.PNG, NO_TRANSPARENCY
    if max(width, height) > _LARGEST_SIDE.get(format_, max(width, height)):
        note = SIDE_TOO_LONG.format(format=format_.value.upper(), side=_LARGEST_SIDE[format_])
        format_ = MediaFormat.PNG
    return _saving(image, format_), note


def _saving(image: BaseImage, format_: MediaFormat) -> Saving:
    quality, of_same = _USUAL_QUALITY.get(format_, image.saving.quality), format_ is image.source_format
    if format_ is MediaFormat.JPEG and of_same and image.source_quality is not None:
        quality = min(max(image.source_quality, _LEAST_QUALITY), _MOST_QUALITY)
    return dataclasses.replace(
        image.saving,
        format=format_,
        follows_input=False,
        quality=quality,
        lossless=format_ not in _USUAL_QUALITY or (of_same and format_ is MediaFormat.WEBP and image.source_quality == LOSSLESS),
        # Writing one takes twice the time, and its file is 1 to 2 % smaller.
        progressive=format_ is MediaFormat.JPEG and of_same and image.source_progressive,
        quick=format_ in (MediaFormat.WEBP, MediaFormat.AVIF),
    )
