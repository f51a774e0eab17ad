"""BMP, which libvips reads only through ImageMagick, read with Pillow's own parser."""

from __future__ import annotations

import io

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile

from services.common.media_format import MediaFormat
from services.inference.media.errors import corrupt
from services.inference.media.image import Image, Limits, Metadata, from_samples

_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
"""The mode that samples are decoded to, by the Pillow mode that they are stored in."""
_FAILURES = (OSError, ValueError, SyntaxError, EOFError, OverflowError)
_MILLIMETRES_PER_INCH = 25.4


def open_checked(data: bytes, limits: Limits) -> BmpImageFile:
    """Parses the headers of a BMP file and checks the picture's size; no pixel is decoded yet.

    Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`.
    """
    try:
        file = BmpImageFile(io.BytesIO(data))
    except _FAILURES as error:
        raise _damaged() from error
    limits.check(*file.size)
    return file


def channels(file: BmpImageFile) -> int:
    """Samples per pixel once decoded."""
    return len(_mode(file))


def decode(data: bytes, limits: Limits) -> Image:
    """Decodes a BMP file: gray or RGB of 8 bits, with alpha where the file declares it."""
    file = open_checked(data, limits)
    mode = _mode(file)
    try:
        samples = np.asarray(file.convert(mode))
    except _FAILURES as error:
        raise _damaged() from error
    if samples.ndim == 2:
        samples = samples[..., np.newaxis]
    across, down = file.info.get("dpi", (0, 0))
    density = (across / _MILLIMETRES_PER_INCH, down / _MILLIMETRES_PER_INCH) if across > 0 and down > 0 else None
    return from_samples(samples, None, Metadata(pixels_per_mm=density), MediaFormat.BMP)


def _mode(file: BmpImageFile) -> str:
    if file.mode not in _MODES:
        raise _damaged()
    return _MODES[file.mode]


def _damaged() -> Exception:
    return corrupt("The bmp picture is truncated or damaged, or compressed in a way that is not read.")
