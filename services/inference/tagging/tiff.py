"""The metadata of TIFF files, which are a TIFF structure as a whole."""

from __future__ import annotations

import struct

from services.inference.media.errors import damaged_error, unread
from services.inference.tagging import exif_edit, iptc_edit, photoshop, xmp_edit
from services.inference.tagging.changes import Changes
from services.inference.tagging.png import photoshop_or_plain
from services.inference.tagging.tiff_edit import Tiff
from services.inference.tagging.tiff_structure import DamagedTiffError, Value

_XMP, _IPTC, _PHOTOSHOP, _CREDENTIALS = 0x02BC, 0x83BB, 0x8649, 0xCD41
_BYTE, _UNDEFINED, _LONG = 1, 7, 4
_BIG = 43


def edit_tiff(data: bytes, changes: Changes) -> bytes:
    """The file with changes, and then without content credentials.

    Raises `FILE_CORRUPT`, and `MEDIA_UNSUPPORTED` for files of the kind that may exceed 4 GiB.
    """
    if _BIG.to_bytes(1, "little") in data[2:4]:
        raise unread("TIFF", "is a BigTIFF")
    try:
        tiff = Tiff(data, has_pages=True)
        iptc, xmp = blocks(tiff)
        exif_edit.edit_exif(tiff, changes)
        for tag, kind, before, after in (
            (_IPTC, _UNDEFINED, iptc, iptc_edit.edit_iptc(iptc, changes)),
            (_XMP, _BYTE, xmp, xmp_edit.edit_xmp(xmp, changes, has_exif=True, has_iptc=True)),
        ):
            if after != before:
                tiff.change({tag: None if after is None else Value(kind, after)})
                if tag == _IPTC:
                    _change_resources(tiff, after)
        if tiff.content != data:
            tiff.change({_CREDENTIALS: None})
    except DamagedTiffError as error:
        raise damaged_error("TIFF") from error
    return tiff.content


def _change_resources(tiff: Tiff, iptc: bytes | None) -> None:
    """Brings the IPTC data among Photoshop's resources to the same, if they are there, too."""
    resources = tiff.value(_PHOTOSHOP)
    if resources is not None and photoshop.iptc_in(resources.content) is not None:
        tiff.change({_PHOTOSHOP: Value(resources.kind, photoshop.with_iptc(resources.content, iptc))})


def blocks(tiff: Tiff) -> tuple[bytes | None, bytes | None]:
    """IPTC data and the XMP packet."""
    iptc, xmp, resources = tiff.value(_IPTC), tiff.value(_XMP), tiff.value(_PHOTOSHOP)
    said = iptc.content if iptc else None
    if said and iptc and iptc.kind == _LONG and said[:1] != b"\x1c":
        # Some programs write the numbers that its bytes form.
        said = struct.pack(f">{len(said) // 4}I", *struct.unpack(f"<{len(said) // 4}I", said))
    if said is None and resources is not None:
        said = photoshop_or_plain(resources.content)
    return said, xmp.content if xmp else None
