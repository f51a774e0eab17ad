"""The one edit to EXIF blocks that libvips does not make itself."""

from __future__ import annotations

import struct

_PREFIX = b"Exif\x00\x00"
_ENTRY_BYTES = 12


def without_thumbnail(exif: bytes | None) -> bytes | None:
    """Unlinks the thumbnail from an EXIF block; None for no block or one that cannot be parsed.

    The thumbnail shows the picture before the edit: what was cut out would still be visible in it. Image
    file directory 0 ends with the offset of directory 1, which describes the thumbnail (CIPA DC-008, 4.6.2); setting it
    to zero makes every EXIF writer leave the thumbnail out.
    """
    if exif is None:
        return None
    tiff = bytearray(exif.removeprefix(_PREFIX))
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None or len(tiff) < 8:
        return None
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    if directory + 2 > len(tiff):
        return None
    (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
    link = directory + 2 + _ENTRY_BYTES * entries
    # Some writers end the block right after the entries: then there is no link, and no thumbnail.
    if link + 4 <= len(tiff):
        tiff[link : link + 4] = bytes(4)
    return _PREFIX + bytes(tiff)
