"""The search through a whole document: every page is walked, and items that appear on several pages are weighed together."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NumberObject

from services.inference.pdf import objects
from services.inference.pdf.search import evidence
from services.inference.pdf.search.collector import Collector, turned
from services.inference.pdf.search.evidence import Evidence, Page
from services.inference.pdf.search.fonts import Fonts
from services.inference.pdf.search.geometry import Box, Quad
from services.inference.pdf.search.items import Item, Kind, Site, joined
from services.inference.pdf.search.pictures import Pictures
from services.inference.pdf.search.state import State, as_number
from services.inference.pdf.search.walk import Walk

_LETTER: Box = (0.0, 0.0, 612.0, 792.0)
_USUAL_BODY = 11.0
_FEW = 60  # characters from which a page's own text determines the usual size
_NEAR = 0.05  # of the page: largest distance between positions that count as the same
_MOST_TEXT = 120
_DIRECTION = 8  # degrees by which two directions must differ to be distinct


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A mark on one page."""

    sites: tuple[Site, ...]
    """The operations that paint it."""
    quads: tuple[Quad, ...]
    """Where it is, in the page's own coordinates."""
    glyphs: int
    """Maximum number of characters of text."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that is a mark, or may be one."""

    number: int
    """From 1, within the document."""
    kind: Kind
    text: str
    """Its text, if known."""
    confidence: float
    sure: bool
    evidence: tuple[str, ...]
    pages: dict[int, Occurrence]
    """By page, from 1."""


@dataclass(slots=True)
class _Seen:
    """An item with the evidence from its page."""

    page: int
    item: Item
    evidence: list[Evidence]
    place: tuple[float, float]
    """Position of its middle, as fractions of the page."""


@dataclass(slots=True)
class Survey:
    """Gathers pages one by one; keeps only what may be a mark."""

    _fonts: Fonts = field(default_factory=Fonts)
    _pictures: Pictures = field(default_factory=Pictures)
    _seen: list[_Seen] = field(default_factory=list)
    _sizes: Counter[float] = field(default_factory=Counter)
    _pages: int = 0

    def add(self, page: DictionaryObject, data: bytes, resources: DictionaryObject | None) -> None:
        """Walk one page; `data` is its joined content."""
        self._pages += 1
        box = visible(page)
        collector = Collector(box)
        Walk(collector, self._fonts, self._pictures).content(data, resources, State(), 0)
        collector.close()
        self._sizes += collector.sizes
        body = _usual(collector.sizes) or _usual(self._sizes) or _USUAL_BODY
        items = joined(collector.items)
        directions = {round(item.tilt / _DIRECTION) for item in items if turned(item.tilt)}
        around = Page(box, body, collector.paints, len(directions))
        for item in items:
            found = evidence.on_page(item, around)
            if evidence.total(found) + evidence.MOST_ACROSS >= evidence.LIKELY:
                left, bottom, right, top = item.box
                x = ((left + right) / 2 - box[0]) / max(1.0, box[2] - box[0])
                y = ((bottom + top) / 2 - box[1]) / max(1.0, box[3] - box[1])
                self._seen.append(_Seen(self._pages, item, found, (x, y)))

    def candidates(self) -> list[Candidate]:
        """Likely marks, surest first."""
        groups: defaultdict[bytes, list[_Seen]] = defaultdict(list)
        looks: defaultdict[object, set[int]] = defaultdict(set)
        for seen in self._seen:
            groups[seen.item.key].append(seen)
            looks[_style(seen.item)].add(seen.page)
        weighed = []
        for group in groups.values():
            found = self._weigh(group, looks)
            score = evidence.total(found)
            if score >= evidence.LIKELY:
                weighed.append((score, group, found))
        weighed.sort(key=lambda each: (-each[0], each[1][0].page))
        return [_candidate(number, *each) for number, each in enumerate(weighed, start=1)]

    def _weigh(self, group: list[_Seen], looks: dict[object, set[int]]) -> list[Evidence]:
        usual = sorted(group, key=lambda seen: evidence.total(seen.evidence))[len(group) // 2]
        pages = {seen.page for seen in group}
        item = usual.item
        # Text that varies from page to page, such as by a number, is one mark by its look.
        alike = looks[_style(item)] if turned(item.tilt) or item.alpha < 0.9 else set()
        shared = bool(item.form) or item.style.kind is Kind.IMAGE
        return usual.evidence + evidence.across_pages(self._pages, len(alike), len(pages), _same_place(group), shared)


def visible(page: DictionaryObject) -> Box:
    """The part of a page that is shown, in its own coordinates."""
    media, crop = _box(objects.inherited(page, "/MediaBox")), _box(objects.inherited(page, "/CropBox"))
    outer = media or crop or _LETTER
    inner = crop or outer
    box = max(outer[0], inner[0]), max(outer[1], inner[1]), min(outer[2], inner[2]), min(outer[3], inner[3])
    return box if box[2] - box[0] >= 1 and box[3] - box[1] >= 1 else outer


def _candidate(number: int, score: float, group: list[_Seen], found: list[Evidence]) -> Candidate:
    pages: dict[int, Occurrence] = {}
    for seen in group:
        before = pages.get(seen.page)
        item = seen.item
        pages[seen.page] = Occurrence(
            (*before.sites, *item.sites) if before else tuple(item.sites),
            (*before.quads, *item.quads) if before else tuple(item.quads),
            item.glyphs + (before.glyphs if before else 0),
        )
    item = group[0].item
    return Candidate(
        number=number,
        kind=item.style.kind,
        text=" ".join(item.text.split())[:_MOST_TEXT],
        confidence=round(evidence.confidence(score), 2),
        sure=score >= evidence.SURE,
        evidence=tuple(each.says for each in found if each.says),
        pages=pages,
    )


def _style(item: Item) -> tuple[object, ...]:
    return item.style.kind, round(item.tilt / 5), round(item.size / 4), round(item.alpha, 1), round(item.lightness, 1)


def _same_place(group: Iterable[_Seen]) -> bool:
    xs, ys = zip(*(seen.place for seen in group), strict=True)
    if len(xs) < 2:
        return True
    return all(sum(abs(value - statistics.median(values)) <= _NEAR for value in values) >= 0.8 * len(values) for values in (xs, ys))


def _usual(sizes: Counter[float]) -> float:
    """Size of the median character."""
    count = sizes.total()
    if count < _FEW:
        return 0.0
    passed = 0
    for size in sorted(sizes):
        passed += sizes[size]
        if 2 * passed >= count:
            return size
    return 0.0


def _box(value: object) -> Box | None:
    if not isinstance(value, ArrayObject) or len(value) != 4:
        return None
    numbers = [objects.resolve(each) for each in value]
    if not all(isinstance(each, (FloatObject, NumberObject)) for each in numbers):
        return None
    x1, y1, x2, y2 = map(as_number, numbers)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
