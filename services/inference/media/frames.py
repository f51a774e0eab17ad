"""The frames of a picture file that its decoder leaves out without a word, and notes about them."""

from __future__ import annotations

import struct

from services.inference.media.notes import FIRST_FRAME, FIRST_OF_UNCOUNTED
from services.pictures.media_format import MediaFormat
from services.pictures.probe import isobmff, jxl
from services.pictures.probe.faults import DamagedFileError, whole_file

_SIGNATURE_BYTES = 8
_CHUNK = struct.Struct(">I4s")


def notes_of_frames(data: bytes, format_: MediaFormat) -> tuple[str, ...]:
    """A note if the file is animated: APNG, HEIC, AVIF and JPEG XL. Libvips counts those of GIF and WebP, and the pages of TIFF."""
    count = count_frames(data, format_)
    if count is None:
        return (FIRST_OF_UNCOUNTED,)
    return (FIRST_FRAME.format(frames=count),) if count > 1 else ()


def count_frames(data: bytes, format_: MediaFormat) -> int | None:
    """The frames of an APNG, HEIC, AVIF or JPEG XL, 1 for any other file; None where they are not counted."""
    if format_ is MediaFormat.PNG:
        return _frames_of_png(data)
    if format_ not in (MediaFormat.AVIF, MediaFormat.HEIC, MediaFormat.HEIF, MediaFormat.JXL):
        return 1
    file = whole_file(data)
    try:
        return jxl.parse(file).frames if format_ is MediaFormat.JXL else isobmff.count_frames(file)
    except DamagedFileError:
        return 1


def _frames_of_png(data: bytes) -> int:
    at = _SIGNATURE_BYTES
    while at + _CHUNK.size + 4 <= len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        if kind == b"acTL":
            return int.from_bytes(data[at + 8 : at + 12], "big")
        if kind == b"IDAT":
            break
        at += length + 12
    return 1
