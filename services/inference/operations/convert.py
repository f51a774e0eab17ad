"""Choose how the result is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from darkroom.operations.v1.convert_pb2 import (
    CMYK_PROFILE_ISO_COATED,
    CMYK_PROFILE_ISO_UNCOATED,
    CMYK_PROFILE_US_WEB_COATED,
    CMYK_PROFILE_US_WEB_UNCOATED,
    COLOR_SPACE_CMYK,
    COLOR_SPACE_RGB,
    PICTURE_FORMAT_KEPT,
    PNG_COMPRESSION_BEST,
    PNG_COMPRESSION_FAST,
    CmykProfile,
    Convert,
    PngCompression,
)
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Effort, Header, Image, LazyImage, Metadata, Saving, in_memory
from services.inference.media.exif import LOCATION, rewritten
from services.inference.media.notes import FORMAT_NOT_KEPT, ONLY_READ
from services.inference.media.xmp import without_location
from services.inference.plain.canvas import rgb_of
from services.inference.plain.colours import in_srgb
from services.pictures.media_format import MediaFormat, Use, written_format

_QUALITY = {
    MediaFormat.JPEG: 85,
    MediaFormat.WEBP: 75,
    MediaFormat.AVIF: 50,
    MediaFormat.HEIC: 50,
    MediaFormat.HEIF: 50,
    MediaFormat.TIFF: 75,
    MediaFormat.PNG: 100,
    MediaFormat.GIF: 100,
}
_EFFORT: Mapping[PngCompression.ValueType, Effort] = {PNG_COMPRESSION_FAST: Effort.LITTLE, PNG_COMPRESSION_BEST: Effort.MOST}
_PROFILES: Mapping[CmykProfile.ValueType, str] = {
    CMYK_PROFILE_ISO_COATED: "iso_coated",
    CMYK_PROFILE_ISO_UNCOATED: "iso_uncoated",
    CMYK_PROFILE_US_WEB_COATED: "us_web_coated",
    CMYK_PROFILE_US_WEB_UNCOATED: "us_web_uncoated",
}
_BUILT_IN = "cmyk"
_CMYK_SIGNATURE = b"CMYK"
_NAMES = {MediaFormat.JPEG: "JPEG", MediaFormat.WEBP: "WebP", MediaFormat.PNG: "PNG"}
_LARGEST_WEBP = 16_383
"""Pixels a side."""
_COPIES, _COPIES_OF_WIDE = 5, 6
"""Copies of the decoded samples, with 8 and with 16 bits: the picture, the samples that the format can hold, and its encoder's state, which
for AVIF is the most."""


def peak_memory(picture: Header, _parameters: Convert) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


def run(image: Image | LazyImage, parameters: Convert, step: PlainStep) -> Image | LazyImage:
    """The picture, to be written as requested."""
    before = image.kept_format or image.source_format
    format_ = written_format(parameters.format, before)
    if parameters.format == PICTURE_FORMAT_KEPT and before is not None and before is not format_:
        format_ = _smaller_format(image) if _compresses(parameters) else format_
        if Use.WRITTEN in before.use or format_ is not MediaFormat.PNG:
            text = FORMAT_NOT_KEPT if Use.WRITTEN in before.use else ONLY_READ
            note = text.format(format=before.value.upper(), written=_NAMES[format_])
            image = dataclasses.replace(image, notes=(*image.notes, note))
    lossless = _is_lossless(parameters, format_)
    if parameters.keep_alpha and isinstance(image, Image) and image.alpha is not None:
        lossless = lossless or format_ is MediaFormat.TIFF
        format_ = MediaFormat.PNG if format_ is MediaFormat.JPEG else format_
    if (parameters.color_space == COLOR_SPACE_RGB or parameters.strip_profile) and image.icc is not None:
        image = in_srgb(in_memory(image))
    image = dataclasses.replace(image, metadata=_metadata(image.metadata, parameters))
    saving = Saving(
        format=format_,
        effort=_EFFORT.get(parameters.compression, Effort.USUAL),
        quality=_quality(parameters, format_) or _QUALITY[format_],
        lossless=lossless,
        progressive=parameters.progressive if parameters.HasField("progressive") else format_ is MediaFormat.JPEG,
        background=rgb_of(parameters.background),
        dpi=parameters.dpi or image.saving.dpi,
        cmyk=_profile(parameters.cmyk_profile, step) if parameters.color_space == COLOR_SPACE_CMYK else None,
        # Parts that an earlier conversion has left out stay left out.
        keep_metadata=not parameters.strip_metadata and image.saving.keep_metadata,
        compact=parameters.compact,
        colours=_colours(image, parameters, format_),
        quick=parameters.quick,
        max_bytes=parameters.max_bytes or None,
    )
    return dataclasses.replace(image, saving=saving, kept_format=format_)


def _compresses(parameters: Convert) -> bool:
    """Whether a small file is asked for, in whatever format that many programs read."""
    return bool(parameters.quality or parameters.max_bytes) and not parameters.lossless and not parameters.png_otherwise


def _smaller_format(image: Image | LazyImage) -> MediaFormat:
    """The format of a small file instead of one that is not kept: one for photographs, with alpha if the picture has."""
    if image.alpha is None:
        return MediaFormat.JPEG
    return MediaFormat.WEBP if max(image.width, image.height) <= _LARGEST_WEBP else MediaFormat.PNG


def _is_lossless(parameters: Convert, format_: MediaFormat) -> bool:
    if parameters.HasField("lossless"):
        return parameters.lossless
    lossy = parameters.quality and parameters.format != PICTURE_FORMAT_KEPT
    return format_ is MediaFormat.TIFF and not lossy and not parameters.max_bytes


def _colours(image: Image | LazyImage, parameters: Convert, format_: MediaFormat) -> int | None:
    """Most colours of the file. If the format stays, an earlier conversion's choice stays too."""
    if format_ not in (MediaFormat.PNG, MediaFormat.GIF):
        return None
    stays = parameters.format == PICTURE_FORMAT_KEPT and format_ is image.kept_format and not parameters.max_bytes
    return parameters.max_colors or (image.saving.colours if stays else None)


def _quality(parameters: Convert, format_: MediaFormat) -> int:
    own = {MediaFormat.WEBP: parameters.webp_quality, MediaFormat.AVIF: parameters.avif_quality}
    return own.get(format_, 0) or parameters.quality


def _metadata(metadata: Metadata, parameters: Convert) -> Metadata:
    exif, xmp = metadata.exif, metadata.xmp
    if parameters.strip_location:
        exif, xmp = rewritten(exif, LOCATION), without_location(xmp)
    return dataclasses.replace(metadata, exif=None if parameters.strip_exif else exif, xmp=None if parameters.strip_xmp else xmp)


def _profile(wanted: CmykProfile.ValueType, step: PlainStep) -> str:
    name = _PROFILES.get(wanted)
    if name is None:
        return _BUILT_IN
    folder = step.color_profiles
    path = None if folder is None else folder / f"{name}.icc"
    if path is not None and _is_cmyk(path):
        return str(path)
    message = f"This installation has no profile {name}, so the general CMYK profile was used."
    step.notice("not_applied", "cmyk_profile", message, {"why": "profile_missing", "profile": name})
    return _BUILT_IN


def _is_cmyk(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(20)[16:] == _CMYK_SIGNATURE
    except OSError:
        return False
