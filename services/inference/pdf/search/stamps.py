"""Lines on pages that say whose copy it is or where it came from, as shops and libraries stamp them.

Running heads, page numbers and a document's own footers stand in the margins, too. A stamp is in the same place on most pages, with the
same words except dates and numbers. Another program drew it: in a font that nothing else uses, mostly in a layer of its own, and then
wherever on the page. With other words than stamps have, it may be the document's own all the same, as may be such words in its own font.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.inference.pdf.search import evidence
from services.inference.pdf.search.evidence import Evidence
from services.inference.pdf.search.geometry import Box, around
from services.inference.pdf.search.margins import MARGINS, UPRIGHT, Margins, Words
from services.inference.pdf.search.vocabulary import is_particular, is_provenance, is_related

_TOUCHING, _NEAR = 1.0, 3.0  # times the size of the letters
_BELOW = 1.5  # times the size of the letters, between two lines
_SPACE = 0.15  # times the size of the letters
_ELSEWHERE = 0.25  # of the stamp's characters: at most so many others in its fonts
_FEW_WORDS = 3
_MOST_PAGES = 0.8
_FOREIGN = Evidence("in a font that nothing else uses", 1.5)
_INTEGER = re.compile(r"\d{1,9}")
_NUMBERED = re.compile(r"\S*\d\S*")
_DATED = re.compile(r"\b(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|[ap]m)[a-z]{0,7}\b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or several below each other, in a margin of one page; or all of a layer."""

    page: int
    words: Sequence[Words]
    middle: tuple[float, float]
    """As fractions of the page."""
    outermost: bool
    """Whether it is the first or last text that the page shows."""
    added: bool
    """Whether it is a layer that was added to the page."""
    text: str
    """Empty if it cannot be determined."""

    @property
    def plain(self) -> str:
        """The text without dates and numbers."""
        return " ".join(_DATED.sub("", _NUMBERED.sub("", self.text.casefold())).split())

    @property
    def key(self) -> tuple[str, str | bytes]:
        """The same for lines that differ by dates and numbers only."""
        return self.words[0].side, self.plain if self.text else b"".join(each.data for each in self.words)

    @property
    def glyphs(self) -> int:
        """Number of characters."""
        return sum(each.glyphs for each in self.words)


class Stamps:
    """Gathers the lines of pages that may be stamps."""

    def __init__(self) -> None:
        self._fonts: Counter[int] = Counter()
        self._lines: list[Line] = []

    def add(self, page: int, margins: Margins, additions: Sequence[Sequence[Words]]) -> None:
        """The margins of one page, numbered from 1, and the small print that was probably added to it, by layer."""
        self._fonts += margins.fonts
        seen = {each.order for words in additions for each in words}
        joined = [words for words in _joined(margins.words) if not seen & {each.order for each in words}]
        for words in (*additions, *joined):
            left, bottom, right, top = around(point for each in words for point in each.place)
            x0, y0, x1, y1 = margins.box
            middle = ((left + right) / 2 - x0) / max(1.0, x1 - x0), ((bottom + top) / 2 - y0) / max(1.0, y1 - y0)
            outermost = words[0].order == 0 or words[-1].order == margins.text_count - 1
            added, text = words[0].order in seen, _text(words)
            if added or is_related(text) or is_provenance(text):
                self._lines.append(Line(page, words, middle, outermost, added, text))

    def find(self, pages: int) -> list[tuple[list[Line], list[Evidence]]]:
        """Lines that belong together, with the evidence, in a document of so many pages."""
        groups: defaultdict[object, list[Line]] = defaultdict(list)
        for line in self._lines:
            groups[line.key].append(line)
        return [(group, self._weighed(group, pages)) for group in groups.values()]

    def _weighed(self, group: list[Line], pages: int) -> list[Evidence]:
        fonts = {each.font.number for line in group for each in line.words}
        stamped = sum(line.glyphs for line in self._lines if fonts & {each.font.number for each in line.words})
        foreign = sum(self._fonts[font] for font in fonts) - stamped <= _ELSEWHERE * stamped
        text, shown_on = group[0].text, len({line.page for line in group})
        found = [_FOREIGN if foreign else Evidence("", -3.0)]
        if all(line.added for line in group):
            found.append(Evidence("added to the page as a part of its own", 2.0 if shown_on > 1 else 1.0))
        else:
            found.append(Evidence("", -1.5))
        if is_provenance(text):
            found.append(Evidence("says whose copy it is, or where it came from", 2.5 if is_particular(text) else 1.0))
        elif is_related(text) and is_particular(text):
            found.append(Evidence("speaks of a copy, a licence or a download", 0.0))
        else:
            found.append(Evidence("", -5.0 if _counts(group) else -2.0))
        if all(line.outermost for line in group):
            found.append(Evidence("shown before or after all other text", 0.5))
        if group[0].words[0].side not in MARGINS:
            found.append(Evidence("", -0.5))
        return found + evidence.across_pages(pages, shown_on, shown_on, evidence.same_place([line.middle for line in group]), False)


def may_be_own(group: Sequence[Line], found: Sequence[Evidence], pages: int) -> bool:
    """Whether lines that the evidence is too weak for are named nevertheless: pages begin or end with words like a stamp's."""
    text, shown_on = group[0].text, len({line.page for line in group if line.outermost})
    if not shown_on or not is_particular(text):
        return False
    usual = pages > 1 and shown_on >= _MOST_PAGES * pages
    return (is_provenance(text) and (usual or _FOREIGN in found)) or (is_related(text) and usual)


def _counts(group: Sequence[Line]) -> bool:
    """Whether lines are hardly more than a number that counts the pages."""
    if len(group[0].plain.split()) > _FEW_WORDS:
        return False
    numbers = [[int(number) for number in _INTEGER.findall(line.text)] for line in group]
    pages = [line.page for line in group]
    return any(
        all(after - before == second - first for before, after, first, second in zip(counted, counted[1:], pages, pages[1:], strict=False))
        for counted in zip(*numbers, strict=False)
        if len(group) > 1
    )


def _text(words: Sequence[Words]) -> str:
    said = words[0].text
    for before, after in itertools.pairwise(words):
        beside = _apart(before, after) <= _SPACE * after.size and _beside(before, after) <= 0
        said += ("" if beside else " ") + after.text
    return " ".join(said.split())


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
    same = after.font.number in {each.font.number for each in line}
    return same and min(_apart(each, after) for each in line) <= _NEAR * after.size and _beside(line[-1], after) <= _BELOW * after.size


def _apart(one: Words, other: Words) -> float:
    """The gap along the lines; 0 if they overlap."""
    along = 1 if one.side in UPRIGHT else 0
    return _gap(around(one.place), around(other.place), along)


def _beside(one: Words, other: Words) -> float:
    """The gap across the lines; 0 if they overlap."""
    across = 0 if one.side in UPRIGHT else 1
    first, then = around(one.place), around(other.place)
    return _gap(first, then, across)


def _gap(one: Box, other: Box, axis: int) -> float:
    return max(0.0, other[axis] - one[axis + 2], one[axis] - other[axis + 2])
