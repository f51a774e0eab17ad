"""The facts about a picture file before its pixels are decoded."""

from __future__ import annotations

from dataclasses import dataclass

from services.pictures.media_format import MediaFormat

SVG_DPI = 72
"""At this resolution a drawing has one pixel for each of its units."""


@dataclass(frozen=True, slots=True)
class Hints:
    """The facts about a picture file besides its bytes."""

    name: str = ""
    """Its name, which counts only where `media_format.sniff` needs it."""
    svg_dpi: float = SVG_DPI
    """Pixels per inch that a drawing is rasterized at, where an inch is 72 of its units."""
    page: int | None = None
    """Where in a TIFF the directory of the page begins that is to be read; None: the first, with a note if there are others."""


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a picture file: its format, its size in pixels once upright, and its samples per pixel."""

    format: MediaFormat
    width: int
    height: int
    channels: int
    wide: bool
    """Whether a decoded sample takes two bytes instead of one."""

    @property
    def samples_bytes(self) -> int:
        """Bytes of the decoded picture."""
        return self.width * self.height * self.channels * (2 if self.wide else 1)
