"""The errors that reading and writing a picture can raise, all of them a `DarkroomError` with a public message."""

from __future__ import annotations

from collections.abc import Sequence

from services.platform.errors import DarkroomError, ErrorReason


def corrupt(message: str) -> DarkroomError:
    """The file is of a known type, and its content is damaged or incomplete (`FILE_CORRUPT`)."""
    return DarkroomError(ErrorReason.FILE_CORRUPT, message)


def damaged_error(format_: str) -> DarkroomError:
    """The same, of a picture of this format."""
    return corrupt(f"The {format_} picture is truncated or damaged.")


def damaged_video(format_: str) -> DarkroomError:
    """The same, of a video of this format."""
    return corrupt(f"The {format_} video is truncated or damaged.")


def unread(format_: str, what: str) -> DarkroomError:
    """The picture is of a known type, but of a kind that is not read, which `what` names (`MEDIA_UNSUPPORTED`)."""
    return DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, f"The {format_} picture {what}, which is not supported.")


def unsupported_error(message: str, *, allowed: Sequence[str]) -> DarkroomError:
    """The content is of a type that cannot be read or written (`MEDIA_UNSUPPORTED`)."""
    return DarkroomError(ErrorReason.MEDIA_UNSUPPORTED, message, allowed=allowed)


def over_limit(message: str, *, allowed: str) -> DarkroomError:
    """The picture is larger than a limit of this deployment or of the output format (`MEDIA_LIMIT_EXCEEDED`)."""
    return DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, message, allowed=(allowed,))
