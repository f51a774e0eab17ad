"""Names of files: what is left of those that clients send, and those of results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

_FALLBACK = "upload"
_LONGEST_BYTES = 200
_IMAGE_EXTENSIONS = ("jpeg", "jpg", "png", "webp", "gif", "bmp", "tiff", "tif", "avif", "svg", "pdf")
_AFTER_EXTENSION = re.compile(rf"^(.*?\.(?:{'|'.join(_IMAGE_EXTENSIONS)}))(?=\.).*$", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MISLEADING = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff/\\]")
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "tif": "image/tiff",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "bmp": "image/bmp",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "ico": "image/x-icon",
    "json": "application/json",
    "jxl": "image/jxl",
    "dng": "image/x-adobe-dng",
    "cr2": "image/x-canon-cr2",
    "nef": "image/x-nikon-nef",
    "arw": "image/x-sony-arw",
    "orf": "image/x-olympus-orf",
    "rw2": "image/x-panasonic-rw2",
    "tga": "image/x-tga",
    "psd": "image/vnd.adobe.photoshop",
    "exr": "image/x-exr",
    "hdr": "image/vnd.radiance",
}
_UNCONVERTED = frozenset(("jpeg", "png", "webp", "gif", "tiff", "avif", "svg"))
"""The formats that tools work on as they are. All others are a PNG first."""
_RESULT_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/tiff": ".tiff",
    "image/avif": ".avif",
    "image/svg+xml": ".svg",
    "image/bmp": ".bmp",
    "image/heic": ".heic",
    "image/heif": ".heif",
}


@dataclass(frozen=True, slots=True)
class Name:
    """A file name in two parts."""

    stem: str
    extension: str
    """With its dot; empty if there is none. A name that begins with its only dot has none."""

    @classmethod
    def of(cls, name: str) -> Name:
        """The parts of a name."""
        stem, dot, extension = name.rpartition(".")
        return cls(stem, f".{extension}") if dot and stem else cls(name, "")

    def __str__(self) -> str:
        return f"{self.stem}{self.extension}"


def clean_name(sent: str) -> str:
    """The name of an upload: its last path part without what could mislead, at most 200 bytes of UTF-8; `upload` if nothing is left.

    The part after the first extension of a picture is dropped: `a.png.php` becomes `a.png`.
    """
    name = re.split(r"[/\\]", sent)[-1].replace("..", "")
    name = _UNSEEN.sub("", name).strip()
    name = _AFTER_EXTENSION.sub(r"\1", name)
    return _shortened(name) if name else _FALLBACK


def is_converted(format_: str) -> bool:
    """Whether a picture of this format is made a PNG before a tool works on it."""
    return format_ not in _UNCONVERTED


def png_name(name: str) -> str:
    """The name of a picture that has been made a PNG: with that extension, if it had any."""
    return with_type(name, "image/png")


def result_name(source: str, tool: str, media_type: str) -> str:
    """`photo.jpeg` as `photo_resize.jpg`: the extension is that of the result's type. A name without one stays without."""
    name = Name.of(source)
    return with_type(f"{name.stem}_{tool}{name.extension}", media_type)


def with_type(name: str, media_type: str) -> str:
    """The name with the extension of a media type, if it has any extension and the type is that of a picture."""
    parts = Name.of(name)
    extension = _RESULT_EXTENSIONS.get(media_type)
    return name if not parts.extension or extension is None else f"{parts.stem}{extension}"


def media_type_of(name: str) -> str:
    """The type that a name's extension stands for."""
    return _TYPES.get(Name.of(name).extension[1:].lower(), "application/octet-stream")


def display_name(name: str, fallback: str = _FALLBACK) -> str:
    """The name without what would turn the direction of text, or not be seen; the fallback if nothing is left."""
    return _MISLEADING.sub("", name).strip() or fallback


def url_segment(name: str) -> str:
    """The name as a segment of a URL."""
    return quote(name, safe="!'()*~")


def download_path(job_id: str, name: str) -> str:
    """Where a file of a job can be had."""
    return f"/api/v1/download/{job_id}/{url_segment(name)}"


def _shortened(name: str) -> str:
    """At most 200 bytes of UTF-8; the extension stays."""
    parts = Name.of(name)
    extension = parts.extension if len(parts.extension.encode()) < _LONGEST_BYTES // 2 else ""
    stem = parts.stem if extension else name
    room = _LONGEST_BYTES - len(extension.encode())
    return stem.encode()[:room].decode(errors="ignore") + extension
