"""The properties of a picture file, in the words of libvips, which many tools use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyvips

from services.inference.media.colour import vips_from_array
from services.inference.media.decode import decode, open_with_libvips
from services.inference.media.errors import damaged_error
from services.inference.media.header import NO_HINTS, Hints
from services.inference.media.image import Image, Limits
from services.pictures.media_format import MediaFormat

_NAMES: Mapping[MediaFormat, str] = {MediaFormat.AVIF: "heif"}
_CONVERTED = MediaFormat.PNG
"""The description of a file that libvips does not read, once it has been decoded."""
_CHANNELS = ("red", "green", "blue")
_MILLIMETRES_PER_INCH = 25.4
_MINIMUM, _MAXIMUM, _MEAN, _DEVIATION = 0, 1, 4, 5
"""Columns of what libvips counts of a band."""
_LEVELS = 256


def inspect_picture(data: bytes, limits: Limits, hints: Hints = NO_HINTS) -> dict[str, Any]:
    """The content of the message `InspectPicture`. The samples of the first page are read once. Raises as `decode`."""
    format_, picture = open_with_libvips(data, limits, hints)
    if picture is None:
        return _of_converted(decode(data, limits, hints))
    try:
        return _described(picture, _NAMES.get(format_, format_.value))
    except pyvips.Error as error:
        raise damaged_error(format_) from error


def _of_converted(image: Image) -> dict[str, Any]:
    samples = vips_from_array(image.pixels)
    if image.alpha is not None:
        samples = samples.bandjoin(vips_from_array(image.alpha[..., None])).copy(interpretation=samples.interpretation)
    blobs = {"icc-profile-data": image.icc, "exif-data": image.metadata.exif, "xmp-data": image.metadata.xmp}
    for name, blob in blobs.items():
        if blob is not None:
            samples.set_type(pyvips.GValue.blob_type, name, blob)
    return _described(samples, _CONVERTED.value)


def _described(picture: pyvips.Image, format_: str) -> dict[str, Any]:
    has_icc = _has(picture, "icc-profile-data")
    return {
        "width": picture.width,
        "height": picture.height,
        "format": format_,
        "channels": picture.bands,
        "hasAlpha": bool(picture.hasalpha()),
        "colorSpace": str(picture.interpretation),
        "bitDepth": str(picture.format),
        # libvips returns 1 where a format or a file specifies nothing.
        "density": round(picture.xres * _MILLIMETRES_PER_INCH) if picture.xres > 1 else None,
        "orientation": int(picture.get("orientation")) if _has(picture, "orientation") else None,
        "pages": int(picture.get("n-pages")) if _has(picture, "n-pages") else 1,
        "isProgressive": _has(picture, "interlaced") and bool(picture.get("interlaced")),
        "hasProfile": has_icc,
        "hasIcc": has_icc,
        "hasExif": _has(picture, "exif-data"),
        "hasXmp": _has(picture, "xmp-data"),
        "histogram": _histogram(picture),
    }


def _histogram(picture: pyvips.Image) -> Sequence[Mapping[str, Any]]:
    if picture.interpretation == "cmyk":
        embedded = _has(picture, "icc-profile-data")
        picture = picture.icc_transform("srgb", embedded=embedded, input_profile="cmyk", intent="relative", depth=8)
    names = [*_CHANNELS[: picture.bands - 1], "alpha"] if picture.hasalpha() else _CHANNELS[: picture.bands]
    return [
        {
            "channel": name,
            "min": _number(row.minimum),
            "max": _number(row.maximum),
            "mean": _rounded(row.mean),
            "stdev": _rounded(row.deviation),
        }
        for name, row in zip(names, _statistics(picture), strict=False)
    ]


class _Statistics(NamedTuple):
    """The samples of one band."""

    minimum: float
    maximum: float
    mean: float
    deviation: float


def _statistics(picture: pyvips.Image) -> Iterator[_Statistics]:
    """The statistics of each band."""
    if picture.format != "uchar":
        # The first row is about all bands together.
        for row in picture.stats().numpy()[1:]:
            yield _Statistics(*(float(row[column]) for column in (_MINIMUM, _MAXIMUM, _MEAN, _DEVIATION)))
        return
    # Counting 256 values takes less time than adding up all samples and their squares.
    for counts in picture.hist_find().numpy().reshape(_LEVELS, -1).T.astype(np.float64):
        levels, total = np.arange(_LEVELS, dtype=np.float64), counts.sum()
        values, mean = np.flatnonzero(counts), counts @ levels / total
        deviation = math.sqrt(counts @ (levels - mean) ** 2 / (total - 1)) if total > 1 else 0.0
        yield _Statistics(float(values[0]), float(values[-1]), float(mean), deviation)


def _number(value: float) -> float:
    """Whole samples as whole numbers."""
    return int(value) if value.is_integer() else _rounded(value)


def _rounded(value: float) -> float:
    """To two places; 0 for what is no number, such as a sample of floating point may be, and the deviation of a single pixel, 0 / 0."""
    return round(value, 2) if math.isfinite(value) else 0.0


def _has(picture: pyvips.Image, name: str) -> bool:
    return bool(picture.get_typeof(name))
