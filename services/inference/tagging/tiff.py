"""The metadata of TIFF files, which are a TIFF structure as a whole."""

from __future__ import annotations

import struct

from services.inference.media.errors import damaged_error, unread
from services.inference.tagging import exif_edit, iptc_edit, xmp_edit
from services.inference.tagging.changes import Changes
from services.inference.tagging.png import photoshop_or_plain
from services.inference.tagging.tiff_edit import DamagedTiffError, Tiff, Value, directory_at, value_of

_XMP, _IPTC, _PHOTOSHOP, _CREDENTIALS = 0x02BC, 0x83BB, 0x8649, 0xCD41
_BYTE, _UNDEFINED, _LONG = 1, 7, 4
_BIG = 43
_PLACES = ((0x0111, 0x0117), (0x0144, 0x0145))
"""Tags of where the strips or tiles are, and of their sizes."""
_INSIDE = 0x014A
"""Tag of directories of smaller copies."""
_POINTERS = frozenset((_INSIDE, *(tag for pair in _PLACES for tag in pair)))
_MOST_DIRECTORIES = 10_000


def edit_tiff(data: bytes, changes: Changes) -> bytes:
    """The file with changes, and then without content credentials.

    Raises `FILE_CORRUPT`, and `MEDIA_UNSUPPORTED` for files of the kind that may exceed 4 GiB.
    """
    if _BIG.to_bytes(1, "little") in data[2:4]:
        raise unread("TIFF", "is a BigTIFF")
    try:
        tiff = Tiff(data, _pictures(data))
        iptc, xmp = blocks(tiff)
        exif_edit.edit_exif(tiff, changes)
        for tag, kind, before, after in (
            (_IPTC, _UNDEFINED, iptc, iptc_edit.edit_iptc(iptc, changes)),
            (_XMP, _BYTE, xmp, xmp_edit.edit_xmp(xmp, changes, has_exif=True, has_iptc=True)),
        ):
            if after != before:
                tiff.change({tag: None if after is None else Value(kind, after)})
        if tiff.content != data:
            tiff.change({_CREDENTIALS: None})
    except DamagedTiffError as error:
        raise damaged_error("TIFF") from error
    return tiff.content


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


def _pictures(data: bytes) -> list[tuple[int, int]]:
    """Where the samples of all pages are."""
    found: list[tuple[int, int]] = []
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4) if len(data) >= 8 else (0,)
    waiting, seen = [at], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop()
        if not at or at in seen:
            continue
        seen.add(at)
        try:
            page = directory_at(data, order, at)
        except DamagedTiffError:
            continue
        values = {entry.tag: value_of(data, order, entry) for entry in page.entries if entry.tag in _POINTERS}
        for places, sizes in _PLACES:
            starts, lengths = (_numbers(values.get(tag), order) for tag in (places, sizes))
            found += [(start, start + size) for start, size in zip(starts, lengths, strict=False)]
        waiting += [*_numbers(values.get(_INSIDE), order), *struct.unpack(f"{order}I", page.following)]
    return found


def _numbers(value: Value | None, order: str) -> tuple[int, ...]:
    form = {3: "H", _LONG: "I", 13: "I"}.get(value.kind) if value else None
    return struct.unpack(f"{order}{value.count}{form}", value.content) if value and form else ()
