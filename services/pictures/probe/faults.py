"""How the parsers report that a file is damaged or unusable, and the checks they share.

The subject of a refusal is in the error's metadata, for programs: `problem` is one of the constants below. With UNSUPPORTED there is
`format`, with TOO_MANY_PIXELS `width`, `height`, `megapixels` and `limit` (megapixels, too).
"""

from __future__ import annotations

from typing import NoReturn

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
_SAID = {
    _GZIP: "is compressed with gzip. Unpack it first: an .svgz is an .svg then",
    "m4a": "is sound without a picture",
    "mkv": "is a Matroska video. Convert it to MP4, WebM or MOV first",
    "avi": "is an AVI video. Convert it to MP4, WebM or MOV first",
    "flv": "is a Flash video. Convert it to MP4, WebM or MOV first",
    "wmv": "is a Windows Media video. Convert it to MP4, WebM or MOV first",
    "ogg": "is an Ogg file. Convert a video to MP4, WebM or MOV first",
    "mpeg": "is an MPEG video. Convert it to MP4, WebM or MOV first",
}
"""More than that it is not supported, by format."""
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
    (4, b"ftypM4A ", "m4a"),
    (4, b"ftypM4B ", "m4a"),
    (0, b"\x1a\x45\xdf\xa3", "mkv"),
    (8, b"AVI LIST", "avi"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wmv"),
    (0, b"OggS", "ogg"),
    (0, b"\0\0\1\xba", "mpeg"),
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


def whole_file(content: bytes) -> RangeFile:
    """A file that is in memory as a whole."""
    return RangeFile(_nothing_more, len(content), 0, content)


def _nothing_more(offset: int, length: int) -> NoReturn:
    raise DamagedFileError(f"{length} bytes at {offset} are missing")


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
    problem = problem_of(head)
    said = _SAID.get(problem.get("format", ""))
    message = f"The file's content {said or 'is of an unsupported kind, regardless of its name'}."
    return DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message, allowed=tuple(MEDIA_TYPES), metadata=problem)


def sound_only_error() -> DarkroomError:
    """The error for a file in the container of videos that holds none, such as an .m4a."""
    message = "The file holds sound and no video, so there are no pictures to work on."
    return DarkroomError(
        ErrorReason.MEDIA_UNSUPPORTED, message, allowed=tuple(MEDIA_TYPES), metadata={"problem": UNSUPPORTED, "format": "sound"}
    )


def encrypted_video_error() -> DarkroomError:
    """The error for a video that only players with its key show."""
    message = "The video is encrypted, so that only players with its key can show it. Upload it without that protection."
    return DarkroomError(ErrorReason.FILE_ENCRYPTED, message)
