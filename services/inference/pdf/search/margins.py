"""The text of a page by where it stands: in which margin, or between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from services.inference.pdf.search.fonts import Glyphs
from services.inference.pdf.search.geometry import Box, Quad, around, slant
from services.inference.pdf.search.items import Site
from services.inference.pdf.search.text import TextShow

_MARGIN = 0.12  # of the page's height or width
_LEVEL, _UPRIGHT = 10.0, 80.0  # degrees
_MOST_WORDS = 4000
UPRIGHT = frozenset({"left", "right", "across"})
MARGINS = frozenset({"head", "foot", "left", "right"})


@dataclass(frozen=True, slots=True)
class Words:
    """The output of one operation."""

    side: str
    """`head`, `foot` or `body`; for text that runs up or down, `left`, `right` or `across`; empty for other directions."""
    place: Quad
    size: float
    site: Site
    data: bytes
    font: Glyphs
    glyphs: int
    order: int
    """Number of operations that show text before it on the page."""

    @property
    def text(self) -> str:
        """Empty if it cannot be determined."""
        return self.font.text(self.data)


@dataclass(slots=True)
class Margins:
    """The text of one page by font, and what of it stands in the margins."""

    box: Box
    fonts: Counter[int] = field(default_factory=Counter)
    """Characters by font."""
    words: list[Words] = field(default_factory=list)
    text_count: int = 0
    """Number of operations that show text."""

    def show(self, shown: TextShow, font: Glyphs, site: Site) -> Words:
        """An operation shows text."""
        self.fonts[font.number] += shown.glyphs
        side = self._side(around(shown.place), slant(shown.tilt))
        words = Words(side, shown.place, shown.size, site, shown.data, font, shown.glyphs, self.text_count)
        if side in MARGINS and len(self.words) < _MOST_WORDS:
            self.words.append(words)
        self.text_count += 1
        return words

    def _side(self, place: Box, direction: float) -> str:
        left, bottom, right, top = self.box
        if direction <= _LEVEL:
            height = (top - bottom) * _MARGIN
            return "head" if place[1] >= top - height else "foot" if place[3] <= bottom + height else "body"
        if direction >= _UPRIGHT:
            width = (right - left) * _MARGIN
            return "left" if place[2] <= left + width else "right" if place[0] >= right - width else "across"
        return ""
