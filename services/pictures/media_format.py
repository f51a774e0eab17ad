"""Every file format that Darkroom accepts: its names, how its content is recognized, and what it is used for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Flag, StrEnum, auto
from functools import cache

from darkroom.operations.v1 import options_pb2
from darkroom.operations.v1.convert_pb2 import (
    PICTURE_FORMAT_AVIF,
    PICTURE_FORMAT_GIF,
    PICTURE_FORMAT_HEIC,
    PICTURE_FORMAT_HEIF,
    PICTURE_FORMAT_JPEG,
    PICTURE_FORMAT_KEPT,
    PICTURE_FORMAT_MOV,
    PICTURE_FORMAT_MP4,
    PICTURE_FORMAT_PNG,
    PICTURE_FORMAT_TIFF,
    PICTURE_FORMAT_WEBM,
    PICTURE_FORMAT_WEBP,
    PictureFormat,
)


class Use(Flag):
    """The processing of files of a format, beyond keeping them."""

    NONE = 0
    READ = auto()
    """Operations work on it."""
    WRITTEN = auto()
    """Results may be in it."""
    RENDERED = auto()
    """It holds a drawing, which is rasterized when it is read."""
    DEVELOPED = auto()
    """It holds what a camera's sensor recorded, which is developed when it is read."""


class MediaFormat(StrEnum):
    """A format that can be uploaded. All other lists of formats derive from this table."""

    media_type: str
    """The IANA media type, such as `image/jpeg`."""
    extensions: tuple[str, ...]
    """The file extensions that name it, in lower case, without a dot."""
    magic: tuple[bytes, ...]
    """The first bytes of its files; empty where recognizing it takes more (see `sniff`)."""
    use: Use

    def __new__(
        cls, name: str, media_type: str = "", extensions: tuple[str, ...] = (), use: Use = Use.READ, magic: tuple[bytes, ...] = ()
    ) -> MediaFormat:
        """A row of the table; given only a name, the row with that name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.media_type, member.extensions, member.use, member.magic = media_type, extensions, use, magic
        return member

    JPEG = "jpeg", "image/jpeg", ("jpg", "jpeg"), Use.READ | Use.WRITTEN, (b"\xff\xd8\xff",)
    PNG = "png", "image/png", ("png",), Use.READ | Use.WRITTEN, (b"\x89PNG\r\n\x1a\n",)
    WEBP = "webp", "image/webp", ("webp",), Use.READ | Use.WRITTEN
    GIF = "gif", "image/gif", ("gif",), Use.READ | Use.WRITTEN, (b"GIF87a", b"GIF89a")
    TIFF = "tiff", "image/tiff", ("tif", "tiff"), Use.READ | Use.WRITTEN, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    HEIC = "heic", "image/heic", ("heic",), Use.READ | Use.WRITTEN
    HEIF = "heif", "image/heif", ("heif", "hif"), Use.READ | Use.WRITTEN
    """The container of HEIC and AVIF, where its brands do not say how the picture in it is encoded; as a result, HEIC under that name."""
    AVIF = "avif", "image/avif", ("avif",), Use.READ | Use.WRITTEN
    BMP = "bmp", "image/bmp", ("bmp",)
    JXL = "jxl", "image/jxl", ("jxl",), Use.READ, (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
    ICO = "ico", "image/vnd.microsoft.icon", ("ico",)
    PSD = "psd", "image/vnd.adobe.photoshop", ("psd", "psb"), Use.READ, (b"8BPS\0\1", b"8BPS\0\2")
    EXR = "exr", "image/x-exr", ("exr",), Use.READ, (b"\x76\x2f\x31\x01",)
    HDR = "hdr", "image/vnd.radiance", ("hdr",), Use.READ, (b"#?RADIANCE", b"#?RGBE")
    TGA = "tga", "image/x-tga", ("tga",)
    """Recognised by its name: it has no signature of its own."""
    DNG = "dng", "image/x-adobe-dng", ("dng",), Use.READ | Use.DEVELOPED
    """Files of this format, NEF and ARW begin like a TIFF and are recognised by their names."""
    CR2 = "cr2", "image/x-canon-cr2", ("cr2",), Use.READ | Use.DEVELOPED, (b"II*\0\x10\0\0\0CR\2",)
    NEF = "nef", "image/x-nikon-nef", ("nef",), Use.READ | Use.DEVELOPED
    ARW = "arw", "image/x-sony-arw", ("arw",), Use.READ | Use.DEVELOPED
    ORF = "orf", "image/x-olympus-orf", ("orf",), Use.READ | Use.DEVELOPED, (b"IIRO", b"IIRS", b"MMOR")
    RW2 = "rw2", "image/x-panasonic-rw2", ("rw2",), Use.READ | Use.DEVELOPED, (b"IIU\0",)
    SVG = "svg", "image/svg+xml", ("svg",), Use.READ | Use.RENDERED
    MP4 = "mp4", "video/mp4", ("mp4", "m4v"), Use.READ | Use.WRITTEN
    WEBM = "webm", "video/webm", ("webm",), Use.READ | Use.WRITTEN
    MOV = "mov", "video/quicktime", ("mov",), Use.READ | Use.WRITTEN
    PDF = "pdf", "application/pdf", ("pdf",), Use.READ | Use.WRITTEN

    @property
    def extension(self) -> str:
        """The usual file extension without a dot, such as `jpg`."""
        return "jpg" if self is MediaFormat.JPEG else self.value

    @property
    def kind(self) -> options_pb2.MediaKind.ValueType:
        """The kind that operations know it as."""
        if self.media_type.startswith("video/"):
            return options_pb2.MEDIA_KIND_VIDEO
        return options_pb2.MEDIA_KIND_PDF if self is MediaFormat.PDF else options_pb2.MEDIA_KIND_IMAGE


@cache
def format_of(media_type: str) -> MediaFormat | None:
    """The format with this media type; None if there is none."""
    return next((each for each in MediaFormat if each.media_type == media_type), None)


@cache
def read_formats(kind: options_pb2.MediaKind.ValueType) -> tuple[MediaFormat, ...]:
    """The formats of a kind that operations work on."""
    return tuple(each for each in MediaFormat if each.kind == kind and Use.READ in each.use)


_WRITTEN: Mapping[PictureFormat.ValueType, MediaFormat] = {
    PICTURE_FORMAT_JPEG: MediaFormat.JPEG,
    PICTURE_FORMAT_PNG: MediaFormat.PNG,
    PICTURE_FORMAT_WEBP: MediaFormat.WEBP,
    PICTURE_FORMAT_AVIF: MediaFormat.AVIF,
    PICTURE_FORMAT_TIFF: MediaFormat.TIFF,
    PICTURE_FORMAT_GIF: MediaFormat.GIF,
    PICTURE_FORMAT_HEIC: MediaFormat.HEIC,
    PICTURE_FORMAT_HEIF: MediaFormat.HEIF,
    PICTURE_FORMAT_MP4: MediaFormat.MP4,
    PICTURE_FORMAT_WEBM: MediaFormat.WEBM,
    PICTURE_FORMAT_MOV: MediaFormat.MOV,
}
_STAY = frozenset((MediaFormat.JPEG, MediaFormat.PNG, MediaFormat.WEBP, MediaFormat.AVIF, MediaFormat.TIFF))
"""The format that a picture is written as if nothing else is asked for."""


def written_format(asked: PictureFormat.ValueType, source: MediaFormat | None) -> MediaFormat:
    """The format that a picture is converted to: the one asked for, else its own, else PNG where its own does not stay."""
    stays = source in _STAY or (source is MediaFormat.GIF and asked == PICTURE_FORMAT_KEPT)
    own = source if source is not None and stays else MediaFormat.PNG
    return _WRITTEN.get(asked, own)


def kept_format(source: MediaFormat | None) -> MediaFormat:
    """The format of a result where no operation says one: the input's, if pictures are edited in it, else PNG."""
    return source if source is not None and source in _STAY | {MediaFormat.HEIC, MediaFormat.HEIF} else MediaFormat.PNG


SNIFF_BYTES = 4096
"""Bytes of the start of a file that are enough for `sniff`."""
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS = frozenset({b"mif1", b"mif2", b"msf1"})
_MP4_BRANDS = frozenset(
    {*(b"iso%c" % each for each in b"m23456789"), b"mp41", b"mp42", b"avc1", b"av01", b"dash", b"M4V ", b"M4VH", b"M4VP", b"MSNV"}
    | {b"XAVC", b"f4v ", b"cmfc", *(b"3gp%c" % each for each in b"456789")}
)
_MATROSKA = b"\x1a\x45\xdf\xa3"
"""The first bytes of an EBML file; the document type in its header says whether it is WebM."""
_MOV_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})
"""The first boxes of QuickTime files that name no brand."""
_MOST_PADDING = 1 << 24
"""Length of an empty box at the start of a file; the first letters of a text are more."""
_MOST_BRAND_BYTES = 256
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Lengths of the headers from BITMAPCOREHEADER to BITMAPV5HEADER."""
_PDF_WINDOW = 1024
"""PDF readers accept a header anywhere in the first 1,024 bytes (ISO 32000-1, annex H, note 13 of Adobe's readers)."""
_SVG_WINDOW = 4096
"""XML may open with a declaration, comments and a doctype; an SVG root after more than this is not worth guessing at."""
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"<\0": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\0<": "utf-16-be"}
"""By the mark of the byte order, or the first character of XML (XML 1.0, appendix F)."""
GZIP = b"\x1f\x8b"
"""The first bytes of what is compressed with gzip, as an SVG named .svgz is. It is not read, but named."""
_MAGIC = sorted(((magic, each) for each in MediaFormat for magic in each.magic), key=lambda entry: -len(entry[0]))
"""The longest first: what a camera's file begins with may begin with what a TIFF does."""
_RAW = {each.value: each for each in MediaFormat if Use.DEVELOPED in each.use}
_ICON_DIRECTORY, _ICON_ENTRY, _MOST_ICONS = 6, 16, 1024
_TARGA_HEADER = 18
_TARGA_KINDS = {1: True, 9: True, 2: False, 3: False, 10: False, 11: False}
"""Whether there must be a colour map, by the kind of picture."""
_TARGA_DEPTHS = frozenset({8, 15, 16, 24, 32})


def sniff(head: bytes, name: str = "") -> MediaFormat | None:
    """The format of a file by its first `SNIFF_BYTES`; None for any other file.

    Its name matters for a TGA, which no bytes identify, and for files that begin like a TIFF: their extension says from which camera it is.
    """
    _, dot, ending = name.rpartition(".")
    extension = ending.lower() if dot else ""
    found = _sniff_content(head)
    if found is MediaFormat.TIFF:
        return _RAW.get(extension, found)
    if found is None and extension in MediaFormat.TGA.extensions and _is_targa(head):
        return MediaFormat.TGA
    return found


def _sniff_content(head: bytes) -> MediaFormat | None:
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    for magic, each in _MAGIC:
        if head.startswith(magic):
            return each
    return next((each for each, told in _TOLD.items() if told(head)), None)


def _sniff_brands(head: bytes) -> MediaFormat | None:
    """Reads the brands of an ISO base media file: the major one, then the compatible ones (ISO/IEC 14496-12, 4.3)."""
    end = min(int.from_bytes(head[:4], "big"), _MOST_BRAND_BYTES, len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return MediaFormat.AVIF
    if brands & _HEIC_BRANDS:
        return MediaFormat.HEIC
    if brands & _HEIF_BRANDS:
        return MediaFormat.HEIF
    if head[8:12] == b"qt  ":
        return MediaFormat.MOV
    return MediaFormat.MP4 if brands & _MP4_BRANDS else None


def _is_webm(head: bytes) -> bool:
    return head.startswith(_MATROSKA) and b"webm" in head[:_MOST_BRAND_BYTES]


def _is_mov(head: bytes) -> bool:
    length = int.from_bytes(head[:4], "big")
    return (
        head[4:8] in _MOV_BOXES
        and len(head) > 8
        and (length >= 8 or head[4:8] == b"mdat")
        and (length < _MOST_PADDING or head[4:5] == b"m")
    )


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _is_pdf(head: bytes) -> bool:
    return b"%PDF-" in head[:_PDF_WINDOW]


def _is_svg(head: bytes) -> bool:
    head = head[:_SVG_WINDOW]
    if (encoding := _UTF_16.get(head[:2])) is not None:
        head = head.decode(encoding, "ignore").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text)


def _is_icon(head: bytes) -> bool:
    count, first_at = int.from_bytes(head[4:6], "little"), int.from_bytes(head[18:22], "little")
    entries_end = _ICON_DIRECTORY + count * _ICON_ENTRY
    return head[:4] == b"\0\0\1\0" and 1 <= count <= _MOST_ICONS and len(head) > _ICON_DIRECTORY + _ICON_ENTRY and first_at >= entries_end


def _is_targa(head: bytes) -> bool:
    if len(head) < _TARGA_HEADER or head[2] not in _TARGA_KINDS:
        return False
    mapped = head[1] == 1 or (head[1] == 0 and not _TARGA_KINDS[head[2]])
    # The two highest bits are for interlacing, which nobody does.
    return mapped and head[12:14] != b"\0\0" and head[14:16] != b"\0\0" and head[16] in _TARGA_DEPTHS and head[17] < 0x40


_TOLD: Mapping[MediaFormat, Callable[[bytes], bool]] = {
    MediaFormat.WEBP: _is_webp,
    MediaFormat.ICO: _is_icon,
    MediaFormat.BMP: _is_bmp,
    MediaFormat.PDF: _is_pdf,
    MediaFormat.SVG: _is_svg,
    MediaFormat.WEBM: _is_webm,
    MediaFormat.MOV: _is_mov,
}
"""The signatures of the formats whose files begin with nothing in common."""
