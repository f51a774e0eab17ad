"""HEIC (HEVC in HEIF), which libvips is usually built without, read through pillow-heif and libheif."""

from __future__ import annotations

import io

import numpy as np
import pillow_heif

from services.common.media_format import MediaFormat
from services.inference.media import colour
from services.inference.media.errors import corrupt
from services.inference.media.exif import rewritten
from services.inference.media.image import Image, Limits, Metadata, from_samples


def open_checked(data: bytes, limits: Limits) -> pillow_heif.HeifFile:
    """Parses the boxes of a HEIC file and checks the size of its primary picture; no pixel is decoded yet.

    Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`.
    """
    try:
        file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError) as error:
        raise corrupt("The heic picture is truncated or damaged.") from error
    limits.check(*file.size)
    return file


def decode(data: bytes, limits: Limits) -> Image:
    """Decodes the primary picture of a HEIC file. libheif makes it upright; EXIF orientation is ignored."""
    file = open_checked(data, limits)
    try:
        samples = np.asarray(file)
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError) as error:
        raise corrupt("The heic picture is truncated or damaged.") from error
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    if samples.dtype == np.uint16:
        samples = colour.widen(samples, int(file.info["bit_depth"]))
    metadata = Metadata(exif=rewritten(file.info.get("exif")), xmp=file.info.get("xmp"))
    return from_samples(samples, file.info.get("icc_profile"), metadata, MediaFormat.HEIC)
