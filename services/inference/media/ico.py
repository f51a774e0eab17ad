"""Icons: of the pictures in them the largest one, which is a PNG or a bitmap with a mask."""

from __future__ import annotations

import dataclasses
import io
import struct

from PIL.IcoImagePlugin import IcoFile

from services.inference.media.errors import damaged_error
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.pillow_samples import FAILURES, samples_of
from services.pictures.media_format import MediaFormat

_PNG = b"\x89PNG\r\n\x1a\n"
_DIRECTORY = 6
_ENTRY = struct.Struct("<BBBBHHII")
_BITMAP_SIZE, _BITMAP_BITS = slice(4, 12), slice(14, 16)


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT` and `MEDIA_LIMIT_EXCEEDED`."""
    content = _largest(data)
    if not content.startswith(_PNG):
        return Header(format_, *_bitmap_size(content, limits), channels=4, wide=False)
    from services.inference.media.decode import read_header as of_png

    return dataclasses.replace(of_png(content, limits), format=format_)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes the largest picture, of equal ones that with the most bits a pixel. Raises as `read_header`."""
    content = _largest(data)
    if content.startswith(_PNG):
        from services.inference.media.decode import decode as of_png

        return dataclasses.replace(of_png(content, limits), source_format=format_)
    _bitmap_size(content, limits)
    # A file with this picture only: a mask follows its pixels, which no other parser reads.
    bits = int.from_bytes(content[_BITMAP_BITS], "little")
    alone = struct.pack("<HHH", 0, 1, 1) + _ENTRY.pack(0, 0, 0, 0, 1, bits, len(content), _DIRECTORY + _ENTRY.size) + content
    try:
        return from_samples(samples_of(IcoFile(io.BytesIO(alone)).frame(0), "RGBA"), None, Metadata(), format_)
    except FAILURES as error:
        raise damaged_error(format_) from error


def _largest(data: bytes) -> bytes:
    try:
        (count,) = struct.unpack_from("<H", data, 4)
        entries = [_ENTRY.unpack_from(data, _DIRECTORY + number * _ENTRY.size) for number in range(count)]
        # A side of 256 is written as 0.
        *_, length, at = max(entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[5]))
    except (struct.error, ValueError) as error:
        raise damaged_error(MediaFormat.ICO) from error
    if at + length > len(data):
        raise damaged_error(MediaFormat.ICO)
    return data[at : at + length]


def _bitmap_size(content: bytes, limits: Limits) -> tuple[int, int]:
    """Width and height in pixels; the header's height counts the rows of the mask, too."""
    try:
        width, height = struct.unpack("<ii", content[_BITMAP_SIZE])
    except struct.error as error:
        raise damaged_error(MediaFormat.ICO) from error
    height = abs(height) // 2
    if width < 1 or height < 1:
        raise damaged_error(MediaFormat.ICO)
    limits.check(width, height)
    return width, height
