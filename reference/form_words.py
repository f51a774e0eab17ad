"""Labels and units of forms, from names and comments."""

from __future__ import annotations

import re
from typing import Any

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SPELLED = {
    "avif": "AVIF",
    "bg": "background",
    "bw": "black and white",
    "cmyk": "CMYK",
    "center": "centre",
    "color": "colour",
    "colors": "colours",
    "dpi": "DPI",
    "exif": "Exif",
    "hdr": "HDR",
    "gif": "GIF",
    "gps": "GPS",
    "heic": "HEIC",
    "heif": "HEIF",
    "icc": "ICC",
    "id": "ID",
    "iptc": "IPTC",
    "iso": "ISO",
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "kb": "KB",
    "mm": "mm",
    "mov": "MOV",
    "mp4": "MP4",
    "ocr": "OCR",
    "pdf": "PDF",
    "png": "PNG",
    "qr": "QR",
    "rgb": "RGB",
    "svg": "SVG",
    "tiff": "TIFF",
    "url": "URL",
    "us": "US",
    "webm": "WebM",
    "webp": "WebP",
    "xmp": "XMP",
}
_UNITS = (
    (re.compile(r"^Pixels per inch", re.IGNORECASE), "dpi"),
    (re.compile(r"\bin millimetres\b"), "mm"),
    (re.compile(r"\bper cent\b"), "%"),
    (re.compile(r"\b[Dd]egrees\b"), "°"),
    (re.compile(r"\bin points\b"), "pt"),
    (re.compile(r"\b[Kk]ilobytes\b|\bunits of 1024 bytes\b"), "KB"),
    (re.compile(r"^Metres\b"), "m"),
    (re.compile(r"\b(?:in|by how many|[Mm]ost) pixels\b|^Pixels\b|\bin pixels\b|: (?:width|height) in pixels"), "px"),
)
"""The first that a comment's first sentence has counts."""
_PIXELS = re.compile(r"^(?:By how many pixels|(?:Column|Row) of)")
_SHORT = re.compile(r"[A-Z]{1,2}|[a-z]\d")
_RATIO = re.compile(r"\d+:\d+|[\d.]+K")


def label_of(name: str) -> str:
    """`border_width` and `border-width` as `Border width`; `width_percent` as `Width in %`."""
    if name.endswith("_percent"):
        return f"{label_of(name.removesuffix('_percent'))} in %"
    words = [_SPELLED.get(part.lower(), part.lower()) for part in _PART.findall(name)]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def option_label(value: Any) -> str:
    """The label of a field's value."""
    if not isinstance(value, str) or _RATIO.fullmatch(value) or not _PART.search(value):
        return str(value)
    return value.upper() if _SHORT.fullmatch(value) else label_of(value)


def unit_of(comment: str) -> str | None:
    """The unit of a number; None if the comment does not say it."""
    sentence = re.split(r"\.(?:\s|$)", comment, maxsplit=1)[0]
    if _PIXELS.match(sentence):
        return "px"
    return next((unit for pattern, unit in _UNITS if pattern.search(sentence)), None)
