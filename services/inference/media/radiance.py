"""Radiance HDR: pictures in linear light, with three mantissas and a common exponent for each pixel.

The pixels: Greg Ward, Real Pixels, in Graphics Gems II (1991); their compression and the lines before them: the Radiance file formats.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.media.errors import damaged_error, unread
from services.inference.media.header import Header
from services.inference.media.image import Image, Limits, Metadata, from_samples
from services.inference.media.linear_light import encode_srgb
from services.pictures.media_format import MediaFormat

_MOST_HEADER_BYTES = 64 << 10
_RESOLUTION = re.compile(rb"\n\n([-+])([XY]) (\d{1,9}) ([-+])([XY]) (\d{1,9})\n")
_LEAST_COMPRESSED, _MOST_COMPRESSED = 8, 32767
_RUN = 128
_BIAS = 128 + 8
"""The offset of the exponent, for mantissas that are whole numbers up to 255."""

Bytes = npt.NDArray[np.uint8]


def read_header(data: bytes, format_: MediaFormat, limits: Limits) -> Header:
    """The header. Raises `FILE_CORRUPT`, `MEDIA_UNSUPPORTED` and `MEDIA_LIMIT_EXCEEDED`."""
    found, lines, length = _resolution(data, format_, limits)
    width, height = (length, lines) if found[2] == b"Y" else (lines, length)
    return Header(format_, width, height, channels=3, wide=True)


def decode(data: bytes, format_: MediaFormat, limits: Limits) -> Image:
    """Decodes a picture to 16-bit sRGB, upright. Raises as `read_header`."""
    found, lines, length = _resolution(data, format_, limits)
    pixels = _pixels(data, found.end(), lines, length, format_)
    # Lines and what is in them run in the directions that the header names; -Y +X is that of reading.
    if found[1] == (b"+" if found[2] == b"Y" else b"-"):
        pixels = pixels[::-1]
    if found[4] == (b"-" if found[2] == b"Y" else b"+"):
        pixels = pixels[:, ::-1]
    if found[2] == b"X":
        pixels = pixels.swapaxes(0, 1)
    light = np.empty((*pixels.shape[:2], 3), np.float32)
    for rows in strips(light.shape[0]):
        scale = np.ldexp(np.float32(1), pixels[rows, :, 3].astype(np.int32) - _BIAS)
        # Half of a step is added, as a mantissa is what is left when the rest is cut off; no exponent is black.
        light[rows] = (pixels[rows, :, :3] + np.float32(0.5)) * (scale * (pixels[rows, :, 3] > 0))[..., np.newaxis]
    return from_samples(encode_srgb(light), None, Metadata(), format_)


def _resolution(data: bytes, format_: MediaFormat, limits: Limits) -> tuple[re.Match[bytes], int, int]:
    """The line with the size, the number of lines of pixels, and their length."""
    found = _RESOLUTION.search(data, 0, _MOST_HEADER_BYTES)
    if found is None or found[2] == found[5]:
        raise damaged_error(format_)
    if b"FORMAT=32-bit_rle_xyze" in data[: found.start()]:
        raise unread(format_, "has its colours as CIE XYZ")
    lines, length = int(found[3]), int(found[6])
    if lines < 1 or length < 1:
        raise damaged_error(format_)
    limits.check(length, lines)
    return found, lines, length


def _pixels(data: bytes, at: int, lines: int, length: int, format_: MediaFormat) -> Bytes:
    """Lines x length x 4 bytes: three mantissas and the exponent."""
    marker = b"\2\2" + length.to_bytes(2, "big") if _LEAST_COMPRESSED <= length <= _MOST_COMPRESSED else None
    if marker is None or data[at : at + 4] != marker:
        flat = np.frombuffer(data, np.uint8, offset=at)
        if flat.size < lines * length * 4:
            # Also the older compression, which no program has written for thirty years.
            raise damaged_error(format_)
        return flat[: lines * length * 4].reshape(lines, length, 4)
    pixels = np.empty((lines, length, 4), np.uint8)
    try:
        for line in pixels:
            if data[at : at + 4] != marker:
                raise damaged_error(format_)
            planes, at = _line(data, at + 4, 4 * length)
            line[:] = np.frombuffer(planes, np.uint8).reshape(4, length).T
    except (IndexError, ValueError) as error:
        raise damaged_error(format_) from error
    return pixels


def _line(data: bytes, at: int, size: int) -> tuple[bytearray, int]:
    """One line, the four bytes of its pixels apart, and where the next one begins. Raises IndexError where the data ends."""
    line = bytearray()
    while len(line) < size:
        count = data[at]
        if count > _RUN:
            line += data[at + 1 : at + 2] * (count - _RUN)
            at += 2
        else:
            line += data[at + 1 : at + 1 + count]
            at += 1 + count
    return line, at
