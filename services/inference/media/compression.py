"""How much a file was compressed, from its first bytes: JPEG by its quantization table, WebP by its kind."""

from __future__ import annotations

from services.inference.media.keeping import LOSSLESS
from services.pictures.media_format import MediaFormat

_SEARCHED = 256 << 10
"""Bytes; tables come before the picture, but may come after a colour profile and Exif data."""
_LUMINANCE = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
"""The table of ITU-T T.81, K.1, in the order of the file. Encoders multiply it by what the quality says."""
_START_OF_SCAN, _TABLES, _ENTRIES = 0xDA, 0xDB, 64


def source_quality(data: bytes, format_: MediaFormat) -> int | None:
    """The quality, 1 to 100, that libjpeg would have to be given for a JPEG like this one; 100 for a lossless WebP; None if unknown."""
    if format_ is MediaFormat.JPEG:
        table = _first_table(data[:_SEARCHED])
        return None if table is None else _quality(table)
    if format_ is MediaFormat.WEBP:
        chunks = data[:_SEARCHED]
        return LOSSLESS if b"VP8L" in chunks and b"VP8 " not in chunks else None
    return None


def _first_table(data: bytes) -> bytes | None:
    """The entries of the first table, of one byte each; None if there is none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == _START_OF_SCAN:
            return None
        if marker == _TABLES:
            kind, entries = data[at + 4 : at + 5], data[at + 5 : at + 5 + _ENTRIES]
            return entries if kind and kind[0] >> 4 == 0 and len(entries) == _ENTRIES else None
        at += 2 + max(length, 2)
    return None


def _quality(table: bytes) -> int:
    scale = 100 * sum(table) / sum(_LUMINANCE)
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    return min(max(round(quality), 1), 100)
