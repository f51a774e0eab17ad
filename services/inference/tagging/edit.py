"""Metadata of picture files, changed; every byte of the picture stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.inference.media.errors import corrupt, unsupported_error
from services.inference.tagging import exif_edit, gif, heif, iptc_edit, jpeg, png, tiff, webp, xmp_edit
from services.inference.tagging.blocks import Blocks
from services.inference.tagging.changes import EXIF, Changes
from services.inference.tagging.tiff_edit import EMPTY, Tiff
from services.inference.tagging.tiff_structure import DamagedTiffError
from services.pictures.media_format import MediaFormat


@dataclass(frozen=True, slots=True)
class _Form:
    read: Callable[[bytes], Blocks]
    write: Callable[[bytes, Blocks, Blocks], bytes]
    has_exif: bool = True
    has_iptc: bool = False


_HEIF = _Form(heif.read, heif.write)
_FORMS: Mapping[MediaFormat, _Form] = MappingProxyType(
    {
        MediaFormat.JPEG: _Form(jpeg.read, jpeg.write, has_iptc=True),
        MediaFormat.PNG: _Form(png.read, png.write, has_iptc=True),
        MediaFormat.WEBP: _Form(webp.read, webp.write),
        MediaFormat.GIF: _Form(gif.read, gif.write, has_exif=False),
        MediaFormat.HEIC: _HEIF,
        MediaFormat.HEIF: _HEIF,
        MediaFormat.AVIF: _HEIF,
    }
)
WRITABLE = (*_FORMS, MediaFormat.TIFF)


def edit_tags(data: bytes, format_: MediaFormat, changes: Changes) -> bytes:
    """The file with changes, the very same bytes if there is nothing to change.

    Raises `MEDIA_UNSUPPORTED` for formats whose metadata are not written, `FILE_CORRUPT` for a file, or metadata, that cannot be followed,
    and `MEDIA_LIMIT_EXCEEDED` where the format has no room.
    """
    if changes == Changes():
        return data
    if format_ is MediaFormat.TIFF:
        return tiff.edit_tiff(data, changes)
    form = _FORMS.get(format_)
    if form is None:
        raise unsupported_error(f"Metadata of {format_} pictures cannot be changed.", allowed=WRITABLE)
    before = form.read(data)
    after = Blocks(
        _exif(before.exif, changes) if form.has_exif else None,
        iptc_edit.edit_iptc(before.iptc, changes) if form.has_iptc else None,
        xmp_edit.edit_xmp(before.xmp, changes, has_exif=form.has_exif, has_iptc=form.has_iptc),
    )
    return data if after == before else form.write(data, before, after)


def iptc_of(data: bytes, format_: MediaFormat) -> bytes | None:
    """The IPTC data of a file. Raises `FILE_CORRUPT`."""
    if format_ is MediaFormat.TIFF:
        try:
            return tiff.blocks(Tiff(data))[0]
        except DamagedTiffError:
            return None
    form = _FORMS.get(format_)
    return form.read(data).iptc if form and form.has_iptc else None


def _exif(block: bytes | None, changes: Changes) -> bytes | None:
    if changes.removed_tags.whole(EXIF):
        block = None
    try:
        structure = Tiff(block or EMPTY)
    except DamagedTiffError as error:
        raise corrupt('The Exif data of the picture are damaged. "EXIF:All" among the tags to remove removes them.') from error
    exif_edit.edit_exif(structure, changes)
    if not structure.tags():
        return None if block is None or changes.removed_tags.names or changes.loses_place else block
    return structure.content
