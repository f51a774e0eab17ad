"""Which names files may have, and what a name says about the content."""

from __future__ import annotations

import mimetypes
import unicodedata
from collections.abc import Sequence

from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason

MEDIA_TYPE_OF = {extension: each.media_type for each in MediaFormat for extension in each.extensions}
"""Media type by extension, for everything that can be uploaded."""
EXTENSIONS = tuple(MEDIA_TYPE_OF)
_MEDIA = ("image", "video")
UNKNOWN_TYPE = "application/octet-stream"
"""The media type of files with private content."""

# HEIC and HEIF share one container, and a file's name need not say which it is.
_SAME_KIND = (*(set(each.extensions) for each in MediaFormat), {*MediaFormat.HEIC.extensions, *MediaFormat.HEIF.extensions})
# Characters that change the direction of text make `photo\u202Egpj.exe` look like `photoexe.jpg` (Unicode TR 36, 2.10).
_DIRECTION = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def check_name(name: str, field: str) -> None:
    """Refuse path separators, control characters and text-direction overrides. Raises FIELD_INVALID, blamed on `field`."""
    for character in name:
        if character in "/\\" or not is_plain(character):
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"{field}: must not have path separators, control characters or text-direction overrides; U+{ord(character):04X} is one.",
                field=field,
            )


def is_plain(character: str) -> bool:
    """Whether a character is neither a control character nor one that overrides the direction of text."""
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in _DIRECTION


def extension_of(name: str, field: str) -> str:
    """The extension of an upload's name, in lower case. Raises MEDIA_UNSUPPORTED, blamed on `field`, unless it is in EXTENSIONS."""
    stem, _, extension = name.rpartition(".")
    if not stem:
        extension = ""
    return known_extension(extension, field)


def known_extension(extension: str, field: str) -> str:
    """The extension in lower case. Raises MEDIA_UNSUPPORTED, blamed on `field`, unless it is in EXTENSIONS."""
    lower = extension.lower()
    if lower not in MEDIA_TYPE_OF:
        medium = (mimetypes.guess_type(f"x.{lower}")[0] or "").partition("/")[0]
        allowed = [each for each in EXTENSIONS if medium not in _MEDIA or MEDIA_TYPE_OF[each].startswith(f"{medium}/")]
        said = f"files of type “{extension}” are not supported" if extension else "the name has no extension"
        raise DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, f"{field}: {said}.", field=field, allowed=allowed)
    return lower


def of_the_same_medium(media_type: str, media_types: Sequence[str]) -> tuple[str, ...]:
    """Those of the media types that are pictures, if the first one is, or that are videos, or documents."""
    medium = media_type.partition("/")[0]
    return tuple(each for each in media_types if each.partition("/")[0] == medium)


def same_kind(one: str, other: str) -> bool:
    """Whether two extensions, in lower case, name the same kind of file: `jpg` and `jpeg` do."""
    return one == other or any({one, other} <= kind for kind in _SAME_KIND)
