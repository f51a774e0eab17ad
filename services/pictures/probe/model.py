"""The result of a probe."""

from __future__ import annotations

from dataclasses import dataclass

from services.pictures.media_format import MediaFormat

MEDIA_TYPES = {each.media_type: each.extension for each in MediaFormat}
"""Media type to the file extension it is stored and offered under, for everything that a probe accepts."""

_LONGEST = (1 << 31) - 1
"""Milliseconds: 24 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The type and properties of a file by its content."""

    media_type: str
    """A key of MEDIA_TYPES."""
    width: int | None = None
    """Pixels, as stored (before the orientation tag is applied). None for documents."""
    height: int | None = None
    """Like `width`."""
    frames: int | None = None
    """Pictures in the file, 1 for a still picture; about as many as it has where counting would read too much. None for documents."""
    has_alpha: bool | None = None
    """Whether the format's headers announce transparency. None for documents."""
    pages: int | None = None
    """Pages of a document. None for images."""
    duration_milliseconds: int | None = None
    """How long a video takes. None for anything else."""
    encrypted: bool = False
    """The document is encrypted, but opens without a password: only an owner password restricts it."""

    @property
    def extension(self) -> str:
        """File extension without the dot."""
        return MEDIA_TYPES[self.media_type]

    @property
    def megapixels(self) -> float:
        """Millions of pixels of one frame; 0 for documents."""
        return (self.width or 0) * (self.height or 0) / 1e6


def milliseconds_of(seconds: float) -> int:
    """A duration in a form that is kept: at least 1, and at most what a column holds."""
    return round(min(max(1.0, seconds * 1000), _LONGEST))
