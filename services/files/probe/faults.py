"""How the parsers report that a file is damaged or unusable, and the checks they share."""

from __future__ import annotations

from services.common.errors import DarkroomError, ErrorReason
from services.files.probe.model import MEDIA_TYPES
from services.files.probe.ranges import RangeFile


class Damaged(Exception):
    """The file's structure is broken; the text is public and completes "The file is damaged: …"."""


def read_exactly(file: RangeFile, offset: int, length: int) -> bytes:
    """`length` bytes at `offset`; raises Damaged if the file ends first."""
    data = file.at(offset, length)
    if len(data) < length:
        raise Damaged("it is truncated")
    return data


def require_size(width: int, height: int) -> None:
    """Raise Damaged unless both are positive."""
    if width <= 0 or height <= 0:
        raise Damaged(f"its header gives a size of {width} x {height} pixels")


def unsupported() -> DarkroomError:
    """The error for content of an unsupported kind, whatever kind it is."""
    return DarkroomError(
        ErrorReason.MEDIA_UNSUPPORTED,
        "The file's content is of an unsupported kind, whatever its name says.",
        allowed=tuple(MEDIA_TYPES),
    )
