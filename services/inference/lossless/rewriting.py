"""The result of writing a file again, and its metadata."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pyvips

from services.inference.lossless.asked import Rewriting
from services.inference.media.decode import blob
from services.inference.media.exif import LOCATION, ORIENTATION, rewritten
from services.inference.media.xmp import as_upright, without_location
from services.inference.tagging.tiff_edit import Tiff
from services.inference.tagging.tiff_structure import EXIF_DIRECTORY, DamagedTiffError, Value
from services.pictures.geometry import Size

_PREFIX = b"Exif\0\0"
_SIZE_TAGS, _LONG = (0xA002, 0xA003), 4
"""Exif's tags of width and height, and the type of their values."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The file, and the facts about its picture."""

    content: bytes
    width: int
    height: int
    channels: int
    notes: tuple[str, ...] = ()


def kept_metadata(opened: pyvips.Image, asked: Rewriting, size: Size) -> tuple[bytes | None, bytes | None]:
    """The Exif structure and the XMP packet that stay, as an encoder would write them: those of an upright picture of this size, without
    thumbnails."""
    if asked.strip_metadata:
        return None, None
    exif, packet = blob(opened, "exif-data"), blob(opened, "xmp-data")
    exif = None if asked.strip_exif else rewritten(exif, ORIENTATION | (LOCATION if asked.strip_location else frozenset()))
    packet = None if asked.strip_xmp else as_upright(without_location(packet) if asked.strip_location else packet)
    return None if exif is None else _of_size(exif.removeprefix(_PREFIX), size), packet


def _of_size(exif: bytes, size: Size) -> bytes:
    """An Exif structure whose picture, if it says so, is of this size."""
    try:
        structure = Tiff(exif)
    except DamagedTiffError:
        return exif
    said = {tag: side for tag, side in zip(_SIZE_TAGS, size, strict=True) if structure.value(tag, EXIF_DIRECTORY) is not None}
    structure.change({tag: Value(_LONG, struct.pack(f"{structure.order}I", side)) for tag, side in said.items()}, EXIF_DIRECTORY)
    return structure.content
