"""The metadata that a file has, apart from its picture."""

from __future__ import annotations

from dataclasses import dataclass

from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class Blocks:
    """None for what a file does not have."""

    exif: bytes | None = None
    """A TIFF structure, without a prefix."""
    iptc: bytes | None = None
    """Data sets of IIM."""
    xmp: bytes | None = None
    """A packet."""


def too_large(format_: str) -> DarkroomError:
    """The format has no room for so much."""
    return DarkroomError(
        ErrorReason.MEDIA_LIMIT_EXCEEDED,
        f"With these changes, the picture has more metadata than {format_} can store.",
        allowed=("shorter texts",),
    )
