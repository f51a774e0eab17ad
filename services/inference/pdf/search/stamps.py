"""Lines in the margins of pages that say whose copy it is or where it came from, as shops and libraries stamp them.

Running heads, page numbers and a document's own footers stand there, too. A stamp has the words of one, is in the same place on most pages,
with the same words except dates and numbers, and in a font that nothing else uses, as another program drew it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.inference.pdf.search import evidence
from services.inference.pdf.search.evidence import Evidence
from services.inference.pdf.search.geometry import Box, around
from services.inference.pdf.search.margins import Margins, Words
from services.inference.pdf.search.vocabulary import is_particular, is_provenance

_TOUCHING, _NEAR = 1.0, 3.0  # times the size of the letters
_BELOW = 1.5  # times the size of the letters, between two lines
_SPACE = 0.15  # times the size of the letters
_ELSEWHERE = 0.25  # of the stamp's characters: at most so many others in its fonts
_NUMBERED = re.compile(r"\S*\d\S*")
_DATED = re.compile(r"\b(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|[ap]m)[a-z]{0,7}\b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or several below each other, in a margin of one page."""

    page: int
    words: Sequence[Words]
    middle: tuple[float, float]
    """As fractions of the page."""
    outermost: bool
    """Whether it is the first or last text that the page shows."""

    @property
    def text(self) -> str:
        said = self.words[0].text
        for before, after in zip(self.words, self.words[1:], strict=False):
            said += ("" if _apart(before, after) <= _SPACE * after.size else " ") + after.text
        return " ".join(said.split())

    @property
    def key(self) -> tuple[str, str]:
        """The same for lines that differ by dates and numbers only."""
        return self.words[0].side, " ".join(_DATED.sub("", _NUMBERED.sub("", self.text.casefold())).split())

    @property
    def glyphs(self) -> int:
        """Number of characters."""
        return sum(each.glyphs for each in self.words)


class Stamps:
    """Gathers the lines of pages that may be stamps."""

    def __init__(self) -> None:
        self._fonts: Counter[int] = Counter()
        self._lines: list[Line] = []

    def add(self, page: int, margins: Margins) -> None:
        """The margins of one page, numbered from 1."""
        self._fonts += margins.fonts
        for words in _joined(margins.words):
            left, bottom, right, top = around(point for each in words for point in each.place)
            x0, y0, x1, y1 = margins.box
            middle = ((left + right) / 2 - x0) / max(1.0, x1 - x0), ((bottom + top) / 2 - y0) / max(1.0, y1 - y0)
            line = Line(page, words, middle, words[0].order == 0 or words[-1].order == margins.text_count - 1)
            if is_provenance(line.text):
                self._lines.append(line)

    def find(self, pages: int) -> list[tuple[list[Line], list[Evidence]]]:
        """Lines that belong together, with the evidence, in a document of so many pages."""
        groups: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in self._lines:
            groups[line.key].append(line)
        return [(group, self._weighed(group, pages)) for group in groups.values()]

    def _weighed(self, group: list[Line], pages: int) -> list[Evidence]:
        fonts = {each.font for line in group for each in line.words}
        stamped = sum(line.glyphs for line in self._lines if fonts & {each.font for each in line.words})
        foreign = sum(self._fonts[font] for font in fonts) - stamped <= _ELSEWHERE * stamped
        found = [
            Evidence("says whose copy it is, or where it came from", 2.5),
            Evidence("in a font that nothing else uses", 1.5) if foreign else Evidence("", -3.0),
        ]
        if not is_particular(group[0].text):
            found.append(Evidence("", -1.5))
        if all(line.outermost for line in group):
            found.append(Evidence("shown before or after all other text", 0.5))
        shown_on = len({line.page for line in group})
        return found + evidence.across_pages(pages, shown_on, shown_on, evidence.same_place([line.middle for line in group]), False)


def _joined(words: Iterable[Words]) -> list[list[Words]]:
    """Words that follow one another, in one font or on one line without a gap."""
    lines: list[list[Words]] = []
    for each in words:
        last = lines[-1][-1] if lines else None
        if last is not None and each.order == last.order + 1 and each.side == last.side and _continues(lines[-1], each):
            lines[-1].append(each)
        else:
            lines.append([each])
    return lines


def _continues(line: Sequence[Words], after: Words) -> bool:
    gap = _apart(line[-1], after)
    if gap <= _TOUCHING * after.size and _beside(line[-1], after) <= 0:
        return True
    same = after.font in {each.font for each in line}
    return same and min(_apart(each, after) for each in line) <= _NEAR * after.size and _beside(line[-1], after) <= _BELOW * after.size


def _apart(one: Words, other: Words) -> float:
    """The gap along the lines; 0 if they overlap."""
    along = 0 if one.side in ("head", "foot") else 1
    return _gap(around(one.place), around(other.place), along)


def _beside(one: Words, other: Words) -> float:
    """The gap across the lines; 0 if they overlap."""
    across = 1 if one.side in ("head", "foot") else 0
    first, then = around(one.place), around(other.place)
    return _gap(first, then, across)


def _gap(one: Box, other: Box, axis: int) -> float:
    return max(0.0, other[axis] - one[axis + 2], one[axis] - other[axis + 2])
