"""Picture formats, told apart by content and never by file name."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """A picture format that can be read; `PNG`, `WEBP` and `JPEG` can be written too."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    TIFF = "tiff"
    GIF = "gif"
    AVIF = "avif"
    HEIC = "heic"
    SVG = "svg"

    @property
    def media_type(self) -> str:
        """The IANA media type, such as `image/jpeg`."""
        return "image/svg+xml" if self is Format.SVG else f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The usual file extension without a dot, such as `jpg`."""
        return "jpg" if self is Format.JPEG else self.value


WRITABLE = (Format.PNG, Format.WEBP, Format.JPEG)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_MAGIC = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"II*\x00": Format.TIFF,
    b"MM\x00*": Format.TIFF,
    b"II+\x00": Format.TIFF,  # BigTIFF, and the next one
    b"MM\x00+": Format.TIFF,
    b"GIF87a": Format.GIF,
    b"GIF89a": Format.GIF,
}
# XML may open with a declaration, comments and a doctype; an SVG root after more than this is not worth guessing at.
_SVG_WINDOW = 4096


def sniff(data: bytes) -> Format | None:
    """Names the format of a picture file from its first bytes; None when it is none that Darkroom reads."""
    for magic, format_ in _MAGIC.items():
        if data.startswith(magic):
            return format_
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp":
        return _sniff_heif(data)
    return Format.SVG if _is_svg(data[:_SVG_WINDOW]) else None


def _sniff_heif(data: bytes) -> Format | None:
    """Reads the brands of an ISO base media file: the major one, then the compatible ones (ISO/IEC 14496-12, 4.3)."""
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12]} | {data[i : i + 4] for i in range(16, size, 4)}
    if brands & _AVIF_BRANDS:
        return Format.AVIF
    return Format.HEIC if brands & _HEIC_BRANDS else None


def _is_svg(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text)
