"""BMP, which libvips reads only through ImageMagick, read with Pillow's own parser."""

from __future__ import annotations

import io
import struct

from PIL.BmpImagePlugin import BmpImageFile

from services.inference.media.errors import corrupt
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.pillow_samples import FAILURES, MODES, samples_of
from services.pictures.media_format import MediaFormat

_MILLIMETRES_PER_INCH = 25.4
_HEADER = 14
"""Where the second header begins."""
_FIFTH, _EMBEDDED = 124, b"DEBM"
"""The length of a header of version 5, and its colour space if a profile is in the file."""


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`."""
    file = _open_checked(data, limits)
    return Header(format_, *file.size, channels=len(_mode(file)), wide=False)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes a BMP file: gray or RGB of 8 bits, with alpha where the file declares it. Raises as `read_header`."""
    file = _open_checked(data, limits)
    try:
        samples = samples_of(file, _mode(file))
    except FAILURES as error:
        raise _damaged() from error
    across, down = file.info.get("dpi", (0, 0))
    density = (across / _MILLIMETRES_PER_INCH, down / _MILLIMETRES_PER_INCH) if across > 0 and down > 0 else None
    return from_samples(samples, _profile(data), Metadata(pixels_per_mm=density), format_)


def _open_checked(data: bytes, limits: Limits) -> BmpImageFile:
    """Parses the headers and checks the picture's size; no pixel is decoded yet."""
    try:
        file = BmpImageFile(io.BytesIO(data))
    except FAILURES as error:
        raise _damaged() from error
    limits.check(*file.size)
    return file


def _profile(data: bytes) -> bytes | None:
    """The profile that a header of version 5 may lead to. Raises FILE_CORRUPT if it is cut off."""
    header = data[_HEADER : _HEADER + _FIFTH]
    if len(header) < _FIFTH or int.from_bytes(header[:4], "little") != _FIFTH or header[56:60] != _EMBEDDED:
        return None
    at, length = struct.unpack_from("<II", header, 112)
    if _HEADER + at + length > len(data):
        raise _damaged()
    return data[_HEADER + at : _HEADER + at + length]


def _mode(file: BmpImageFile) -> str:
    if file.mode not in MODES:
        raise _damaged()
    return MODES[file.mode]


def _damaged() -> Exception:
    return corrupt("The bmp picture is truncated or damaged, or compressed in an unsupported way.")
