"""How the parsers report that a file is damaged or unusable, and the checks they share.

The subject of a refusal is in the error's metadata, for programs: `problem` is one of the constants below. With UNSUPPORTED there is
`format`, with TOO_MANY_PIXELS `width`, `height`, `megapixels` and `limit` (megapixels, too).
"""

from __future__ import annotations

from services.pictures.media_format import GZIP
from services.pictures.probe.model import MEDIA_TYPES
from services.pictures.probe.ranges import RangeFile
from services.platform.errors import DarkroomError, ErrorReason

EMPTY = {"problem": "empty"}
NO_DATA = {"problem": "no_data"}
"""All bytes that were looked at are zero."""
UNRECOGNIZED = {"problem": "unrecognized"}
UNSUPPORTED = "unsupported"
UNREADABLE = {"problem": "unreadable"}
TOO_MANY_PIXELS = "too_many_pixels"

_GZIP = "gzip"
_OTHERS = (
    (0, b"\0\0\0\x0cjP  ", "jp2"),
    (0, b"\xff\x4f\xff\x51", "j2k"),
    (0, b"II\xbc", "jxr"),
    (4, b"ftypcrx ", "cr3"),
    (0, b"DDS ", "dds"),
    (0, b"icns", "icns"),
    (0, b"qoif", "qoi"),
    (0, b"%!PS", "ps"),
    (0, GZIP, _GZIP),
)
"""Content that is recognized only to name it: where, what is there, and the format."""


class DamagedFileError(Exception):
    """The file's structure is broken; the text is public and completes "The file is damaged: …"."""


def read_exactly(file: RangeFile, offset: int, length: int) -> bytes:
    """`length` bytes at `offset`; raises Damaged if the file ends first."""
    data = file.at(offset, length)
    if len(data) < length:
        raise DamagedFileError("it is truncated")
    return data


def require_size(width: int, height: int) -> None:
    """Raise Damaged unless both are positive."""
    if width <= 0 or height <= 0:
        raise DamagedFileError(f"its header gives a size of {width} x {height} pixels")


def problem_of(head: bytes) -> dict[str, str]:
    """The metadata of the refusal of a file of no known kind, by its first bytes."""
    if not head:
        return EMPTY
    if not head.strip(b"\0"):
        return NO_DATA
    for at, magic, name in _OTHERS:
        if head.startswith(magic, at):
            return {"problem": UNSUPPORTED, "format": name}
    return UNRECOGNIZED


def unsupported_error(head: bytes) -> DarkroomError:
    """The error for content of an unsupported kind, whatever kind it is. `head` is how it begins."""
    problem, message = problem_of(head), "The file's content is of an unsupported kind, regardless of its name."
    if problem.get("format") == _GZIP:
        message = "The file's content is compressed with gzip. Unpack it first: an .svgz is an .svg then."
    return DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message, allowed=tuple(MEDIA_TYPES), metadata=problem)
