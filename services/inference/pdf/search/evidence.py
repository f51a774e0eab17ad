"""Evidence for and against a watermark, as log-odds that add up.

The weights were set by hand on documents from ReportLab, pypdf, pikepdf, fpdf2 and matplotlib; `benchmarks/quality` measures them on
documents from other producers, too.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from services.inference.pdf.search.collector import is_oblique
from services.inference.pdf.search.geometry import Box
from services.inference.pdf.search.items import Item, Kind
from services.inference.pdf.search.vocabulary import is_trial, is_word

#: Sum from which a mark is sure, and from which it is likely.
SURE, LIKELY = 5.0, 3.0
#: The maximum that `across_pages` can add.
MOST_ACROSS = 2.5

_TILES = 6
_SPREAD = 0.4  # of width and height
_DIRECTIONS = 3
_OPAQUE, _HALF = 0.9, 0.6
_PALE, _DARK = 0.65, 0.45
_SPANS = 0.35  # of the page's diagonal
_LARGE_POINTS, _LARGE_TIMES = 30.0, 2.5
_SMALL_TIMES = 1.4
_LONG_TEXT = 80
_MIDDLE = (0.2, 0.8)
_MARGIN = 0.12
_BACKGROUND = 0.85  # of width and height
_DENSE = 0.6
_NEAR = 0.05  # of the page: largest distance between positions that count as the same


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation."""

    says: str
    """For people; empty unless it supports a mark."""
    weight: float


@dataclass(frozen=True, slots=True)
class Page:
    """The page that an item is judged against."""

    box: Box
    body: float
    """Usual text size, in points."""
    paints: int
    """Number of operations that paint."""
    directions: int = 0
    """Number of directions, neither horizontal nor vertical, of its text and shapes: a map or a drawing has several."""

    @property
    def diagonal(self) -> float:
        """In points."""
        left, bottom, right, top = self.box
        return math.hypot(right - left, top - bottom)


def total(evidence: Sequence[Evidence]) -> float:
    """The sum."""
    return sum(each.weight for each in evidence)


def confidence(score: float) -> float:
    """A sum as a probability."""
    return 1 / (1 + math.exp(-(score - (SURE + LIKELY) / 2) / 1.2))


def on_page(item: Item, page: Page) -> list[Evidence]:
    """Evidence about an item from its page alone."""
    tiled = _is_tiled(item, page)
    found = [*_look(item, tiled), *_shape(item, page, tiled), *_place(item, page, tiled), *_words(item, tiled)]
    if is_oblique(item.tilt) and page.directions > _DIRECTIONS:
        found.append(Evidence("", -2.5))
    if item.style.artifact:
        found.append(Evidence("marked as not part of the content", 0.5))
    if item.style.is_tagged:
        found.append(Evidence("", -1.5))
    if item.hint:
        found.append(Evidence(f"its name in the document is {item.hint.removeprefix('/')}", 4.0))
    return found


def across_pages(pages: int, alike: int, same: int, same_place: bool, shared: bool) -> list[Evidence]:
    """Evidence from a document of `pages` pages, of which `alike` have an item of this look and `same` have this very item."""
    found = []
    share = max(alike, same) / pages
    if pages >= 3 and share >= 0.8:
        found.append(Evidence(f"on {max(alike, same)} of {pages} pages", 1.5 if same_place else 0.8))
    elif pages >= 2 and share >= 0.5 and max(alike, same) >= 2:
        found.append(Evidence(f"on {max(alike, same)} of {pages} pages", 1.0 if same_place else 0.5))
    elif pages >= 4 and max(alike, same) == 1:
        found.append(Evidence("", -1.5))
    if shared and same >= 2:
        found.append(Evidence("one form or image that these pages share", 0.5))
    return found


def same_place(places: Sequence[tuple[float, float]]) -> bool:
    """Whether most of these places, as fractions of the page, are the same."""
    if len(places) < 2:
        return True
    columns = zip(*places, strict=True)
    return all(sum(abs(value - statistics.median(values)) <= _NEAR for value in values) >= 0.8 * len(values) for values in columns)


def _is_tiled(item: Item, page: Page) -> bool:
    """Whether it is spread over the page in both directions, as list bullets and table entries are not."""
    if item.pattern or item.repeats < _TILES:
        return item.pattern
    left, bottom, right, top = item.box
    wide, high = right - left >= _SPREAD * (page.box[2] - page.box[0]), top - bottom >= _SPREAD * (page.box[3] - page.box[1])
    return wide and high and (is_oblique(item.tilt) or item.alpha < _OPAQUE or item.soft)


def _look(item: Item, tiled: bool) -> list[Evidence]:
    found = []
    if is_oblique(item.tilt):
        found.append(Evidence(f"turned by {round(item.tilt)}°", 2.5))
    elif not tiled:
        found.append(Evidence("", -1.0))
    transparent = item.alpha < _OPAQUE or item.soft or item.multiplies
    if item.alpha < _OPAQUE or item.soft:
        says = f"{round(100 * item.alpha)} % opaque" if item.alpha < _OPAQUE else "a soft mask"
        found.append(Evidence(says, 1.5 if item.alpha <= _HALF else 1.0))
    elif item.multiplies:
        found.append(Evidence("multiplied with what is below", 0.5))
    if item.on_colour and item.alpha >= _OPAQUE:
        pass  # on a dark ground, pale text is not faint
    elif item.lightness >= _PALE and not (item.white and item.alpha >= _OPAQUE):
        found.append(Evidence("pale", 1.5))
    elif item.lightness < _DARK and item.alpha > 0.95:
        found.append(Evidence("", -2.0))
    if not transparent and not is_oblique(item.tilt) and not tiled:
        found.append(Evidence("", -0.75))
    return found


def _shape(item: Item, page: Page, tiled: bool) -> list[Evidence]:
    found = []
    if tiled:
        times = "all over the page" if item.pattern else f"{item.repeats} times on the page"
        found.append(Evidence(f"repeated {times}", 2.5 if item.pattern or is_oblique(item.tilt) else 2.0))
    elif item.style.kind is not Kind.IMAGE:
        if item.size >= max(_LARGE_POINTS, _LARGE_TIMES * page.body):
            found.append(Evidence("large compared with the body text", 1.0))
        elif item.size <= _SMALL_TIMES * page.body:
            found.append(Evidence("", -2.0))
    left, bottom, right, top = item.box
    if math.hypot(right - left, top - bottom) >= _SPANS * page.diagonal:
        found.append(Evidence("spans the page", 1.0))
    if item.style.kind is Kind.OUTLINE:
        found.append(Evidence("letters drawn as outlines", 0.5))
    elif item.style.kind is Kind.TEXT and item.glyphs >= 4 and item.painting_count >= item.glyphs:
        found.append(Evidence("split into letters", 0.5))
    if item.style.kind is Kind.IMAGE:
        found += _picture(item, page)
    return found


def _picture(item: Item, page: Page) -> list[Evidence]:
    left, bottom, right, top = item.box
    width, height = page.box[2] - page.box[0], page.box[3] - page.box[1]
    covers = right - left >= _BACKGROUND * width and top - bottom >= _BACKGROUND * height
    if covers and item.share >= _DENSE:
        return [Evidence("", -4.0)]  # the page's background, or a scan
    return [Evidence("", -0.5)] if item.share >= _DENSE and not item.soft else []


def _place(item: Item, page: Page, tiled: bool) -> list[Evidence]:
    _, bottom, _, top = item.box
    low, high = page.box[1], page.box[3]
    middle = ((bottom + top) / 2 - low) / max(1.0, high - low)
    margin = top <= low + _MARGIN * (high - low) or bottom >= high - _MARGIN * (high - low)
    found = []
    if not tiled:
        if margin and not is_oblique(item.tilt):
            found.append(Evidence("", -2.5))
        elif not _MIDDLE[0] <= middle <= _MIDDLE[1]:
            found.append(Evidence("", -1.0))
    if page.paints > item.painting_count and item.begin == 0:
        found.append(Evidence("drawn before all else", 0.5))
    elif page.paints > item.painting_count and item.end >= page.paints:
        found.append(Evidence("drawn after all else", 0.5))
    return found


def _words(item: Item, tiled: bool) -> list[Evidence]:
    text = " ".join(item.text.split())
    if not text:
        return []
    if is_trial(text):
        return [Evidence("the notice of trial software", 13.0)]
    if is_word(text):
        return [Evidence("a word that is typical of marks", 1.5)]
    if not tiled and (len(text) > _LONG_TEXT or len(set(item.texts)) > 6):
        return [Evidence("", -1.5)]
    return []
