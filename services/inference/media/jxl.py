"""JPEG XL, which libvips is usually built without, read through pyjpegxl and libjxl."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyjpegxl

from services.inference.media.colour import Pixels, strips
from services.inference.media.errors import damaged_error
from services.inference.media.exif import rewritten
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.pictures.media_format import MediaFormat

_FAILURES = (RuntimeError, ValueError, TypeError, OSError, OverflowError)
_EXIF_OFFSET = b"\0\0\0\0"
_OWN_PROFILE = slice(4, 8)
_SRGB_NAMES = tuple(name.encode("utf-16-be") for name in ("sRGB", "Gra_D65_Rel_SRG"))


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`."""
    found = _probed(data, format_, limits)
    channels = int(found.num_color_channels) + bool(found.has_alpha)
    return Header(format_, found.width, found.height, channels=channels, wide=found.bits_per_sample > 8)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes the first frame. libjxl makes it upright; EXIF orientation is ignored. Raises as `read_header`."""
    _probed(data, format_, limits)
    # The limit on processor time counts all threads.
    pyjpegxl.set_num_threads(1)
    try:
        found, samples = pyjpegxl.decode_to_numpy(data)
    except _FAILURES as error:
        raise damaged_error(format_) from error
    limits.check(samples.shape[1], samples.shape[0])
    exif = found.exif.removeprefix(_EXIF_OFFSET) if found.exif else None
    return from_samples(_whole(samples), _profile(found.icc), Metadata(exif=rewritten(exif), xmp=found.xmp), format_)


def _probed(data: bytes, format_: MediaFormat, limits: Limits) -> Any:
    """The header; no pixel is decoded yet."""
    try:
        found = pyjpegxl.probe(data)
    except _FAILURES as error:
        raise damaged_error(format_) from error
    if min(found.width, found.height, found.num_color_channels) < 1:
        raise damaged_error(format_)
    limits.check(found.width, found.height)
    return found


def _whole(samples: Any) -> Pixels:
    """Samples of 8 or 16 bits. Those with a fraction are encoded values from 0 to 1."""
    if samples.dtype in (np.uint8, np.uint16):
        return samples  # type: ignore[no-any-return]
    out = np.empty(samples.shape, np.uint16)
    for rows in strips(samples.shape[0]):
        out[rows] = np.rint(np.nan_to_num(samples[rows]).clip(0, 1) * 65535)
    return out


def _profile(icc: bytes | None) -> bytes | None:
    """The profile; None for that which libjxl makes for sRGB."""
    own = icc is not None and icc[_OWN_PROFILE] == b"jxl "
    return None if icc is None or (own and any(name in icc for name in _SRGB_NAMES)) else icc
