"""JPEG and PNG files that lack nothing but the mark of their end, which some cameras and interrupted copies leave out."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import pyvips

from services.pictures.media_format import MediaFormat

END_OF_JPEG = b"\xff\xd9"
END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_FIRST_RESTART, _RESTARTS = 0xD0, 8
_END, _SCAN = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_COEFFICIENTS = 64
_OTHER_DATA = b"\xaa" * 512


def completed(data: bytes, format_: MediaFormat) -> bytes:
    """The file with the mark of its end, if that alone is missing; else the very same. libvips must be able to open it."""
    if format_ is MediaFormat.PNG and not data.endswith(END_OF_PNG):
        return _completed_png(data)
    if format_ is MediaFormat.JPEG and not data.endswith(END_OF_JPEG):
        return _completed_jpeg(data)
    return data


def _completed_png(data: bytes) -> bytes:
    """Whether its samples are whole, libvips finds out."""
    at = 8
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND" and at + 12 <= len(data):
            return data
        if kind == b"IEND":
            break
        at += 12 + size
    return data[:at] + END_OF_PNG if at <= len(data) and END_OF_PNG.startswith(data[at:]) else data


def _completed_jpeg(data: bytes) -> bytes:
    """A decoder takes zeros for what is missing, and says so only sometimes: that nothing is missing shows if other data in its place
    change no pixel."""
    last_scan, missing = 0, set[tuple[int, int]]()
    for marker, at, content in _segments(data):
        if marker == _END:
            return data
        if marker in _FRAMES:
            missing = {(component, number) for component in content[6::3] for number in range(_COEFFICIENTS)}
        if marker == _SCAN and len(content) >= 4:
            last_scan = at
            first, last, precision = content[-3:]
            # All bits of these coefficients are there after it.
            if not precision & 0x0F:
                missing -= {(component, number) for component in content[1:-3:2] for number in range(first, last + 1)}
    if not last_scan or missing:
        return data
    data_without = data.rstrip(b"\xff")
    restarts = _RESTART.findall(data, last_scan)
    following = (restarts[-1][0] - _FIRST_RESTART + 1) % _RESTARTS if restarts else 0
    other = _OTHER_DATA + bytes((0xFF, _FIRST_RESTART + following)) + _OTHER_DATA
    whole, changed = data_without + END_OF_JPEG, data_without + other + END_OF_JPEG
    try:
        one, two = (pyvips.Image.jpegload_buffer(each, access="sequential", fail_on="error") for each in (whole, changed))
        return whole if (one != two).max() == 0 else data
    except pyvips.Error:
        return data


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, place and content of each segment, without coded samples; nothing of one that is cut off."""
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, start = found[1][0], found.end()
        if marker == _END:
            yield marker, start, b""
            return
        if start + 2 > len(data):
            return
        (size,) = struct.unpack_from(">H", data, start)
        at = start + max(size, 2)
        if at > len(data):
            return
        yield marker, start, data[start + 2 : at]
