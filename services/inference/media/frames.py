"""The frames and pages of picture files: the pages of a TIFF, and notes about frames that a decoder leaves out without a word."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NoReturn

from services.inference.media.notes import FIRST_FRAME, FIRST_OF_UNCOUNTED
from services.pictures.media_format import MediaFormat
from services.pictures.probe import isobmff, jxl, tiff
from services.pictures.probe.faults import DamagedFileError
from services.pictures.probe.ranges import RangeFile

_SIGNATURE_BYTES = 8
_CHUNK = struct.Struct(">I4s")


def notes_of_frames(data: bytes, format_: MediaFormat) -> tuple[str, ...]:
    """A note if the file is animated: APNG, HEIC, AVIF and JPEG XL. Libvips counts those of GIF and WebP, and the pages of TIFF."""
    count: int | None = 1
    if format_ is MediaFormat.PNG:
        count = _frames_of_png(data)
    elif format_ in (MediaFormat.AVIF, MediaFormat.HEIC, MediaFormat.HEIF, MediaFormat.JXL):
        file = _whole(data)
        try:
            count = jxl.parse(file).frames if format_ is MediaFormat.JXL else isobmff.count_frames(file)
        except DamagedFileError:
            return ()
    if count is None:
        return (FIRST_OF_UNCOUNTED,)
    return (FIRST_FRAME.format(frames=count),) if count > 1 else ()


def page_numbers(data: bytes) -> Sequence[int] | None:
    """The directories of a TIFF, counted from 0, that hold its pages, as `probe.tiff.page_numbers` says; None if it has too many."""
    try:
        return tiff.page_numbers(_whole(data))
    except DamagedFileError:
        return (0,)


def _whole(data: bytes) -> RangeFile:
    return RangeFile(_nothing_more, len(data), 0, data)


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


def _nothing_more(offset: int, length: int) -> NoReturn:
    raise DamagedFileError(f"{length} bytes at {offset} are missing")
