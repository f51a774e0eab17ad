"""TGA, read with Pillow's own parser."""

from __future__ import annotations

import io

from PIL.TgaImagePlugin import TgaImageFile

from services.inference.media.errors import damaged_error
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.pillow_samples import FAILURES, MODES, samples_of
from services.pictures.media_format import MediaFormat

_FLAGS = 17
_ALPHA_BITS = 0x0F


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`."""
    file = _open_checked(data, format_, limits)
    return Header(format_, *file.size, channels=len(_mode(file, data)), wide=False)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes a TGA file: gray or RGB of 8 bits, with alpha where its header announces it. Raises as `read_header`."""
    file = _open_checked(data, format_, limits)
    try:
        samples = samples_of(file, _mode(file, data))
    except FAILURES as error:
        raise damaged_error(format_) from error
    return from_samples(samples, None, Metadata(), format_)


def _open_checked(data: bytes, format_: MediaFormat, limits: Limits) -> TgaImageFile:
    try:
        file = TgaImageFile(io.BytesIO(data))
    except FAILURES as error:
        raise damaged_error(format_) from error
    limits.check(*file.size)
    if file.mode not in MODES:
        raise damaged_error(format_)
    return file


def _mode(file: TgaImageFile, data: bytes) -> str:
    """The mode that samples are decoded to. If the header announces no bits of alpha, 8 of 32 bits a pixel have no meaning."""
    mode = MODES[file.mode]
    return mode if data[_FLAGS] & _ALPHA_BITS else mode.removesuffix("A")
