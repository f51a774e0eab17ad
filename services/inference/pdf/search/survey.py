"""The search through a whole document: every page is walked, and items that appear on several pages are weighed together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NumberObject

from services.inference.pdf import objects
from services.inference.pdf.search import evidence
from services.inference.pdf.search.collector import Collector, is_oblique
from services.inference.pdf.search.evidence import Evidence, Page
from services.inference.pdf.search.fonts import Fonts
from services.inference.pdf.search.geometry import Box, Quad, around
from services.inference.pdf.search.items import Item, Kind, Site, merge_tiles
from services.inference.pdf.search.margins import Words
from services.inference.pdf.search.pictures import Pictures
from services.inference.pdf.search.stamps import Line, Stamps, may_be_own
from services.inference.pdf.search.state import State, as_number
from services.inference.pdf.search.walk import Walk

_LETTER: Box = (0.0, 0.0, 612.0, 792.0)
_USUAL_BODY = 11.0
_FEW = 60  # characters from which a page's own text determines the usual size
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
    doubtful: bool = False
    """Whether it is only named in a notice, not removed: it may as well be the document's own."""


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
    _stamps: Stamps = field(default_factory=Stamps)
    _sizes: Counter[float] = field(default_factory=Counter)
    _pages: int = 0

    def add(self, page: DictionaryObject, data: bytes, resources: DictionaryObject | None, starts: Sequence[int] = ()) -> None:
        """Walk one page; `data` is its joined content, in which the second and later ones of its streams begin at `starts`."""
        self._pages += 1
        box = visible(page)
        collector = Collector(box, starts)
        Walk(collector, self._fonts, self._pictures).content(data, resources, State(), 0)
        collector.close()
        self._sizes += collector.sizes
        body = _usual(collector.sizes) or _usual(self._sizes) or _USUAL_BODY
        self._stamps.add(self._pages, collector.margins, collector.layers.additions())
        items = merge_tiles(collector.items)
        directions = {round(item.tilt / _DIRECTION) for item in items if is_oblique(item.tilt)}
        surroundings = Page(box, body, collector.paints, len(directions))
        for item in items:
            found = evidence.on_page(item, surroundings)
            if evidence.total(found) + evidence.MOST_ACROSS >= evidence.LIKELY:
                left, bottom, right, top = item.box
                x = ((left + right) / 2 - box[0]) / max(1.0, box[2] - box[0])
                y = ((bottom + top) / 2 - box[1]) / max(1.0, box[3] - box[1])
                self._seen.append(_Seen(self._pages, item, found, (x, y)))

    def candidates(self) -> list[Candidate]:
        """Likely marks, surest first."""
        weighed: list[tuple[float, int, Callable[[int], Candidate]]] = []
        stamped: defaultdict[int, list[Box]] = defaultdict(list)
        for lines, found in self._stamps.find(self._pages):
            score = evidence.total(found)
            if score >= evidence.LIKELY or may_be_own(lines, found, self._pages):
                weighed.append((score, lines[0].page, partial(_stamp, score, lines, found)))
                for line in lines:
                    stamped[line.page].append(around(point for words in line.words for point in words.place))
        groups: defaultdict[bytes, list[_Seen]] = defaultdict(list)
        looks: defaultdict[object, set[int]] = defaultdict(set)
        for seen in self._seen:
            if not any(_within(seen.item.box, place) for place in stamped[seen.page]):
                groups[seen.item.key].append(seen)
                looks[_style(seen.item)].add(seen.page)
        for group in groups.values():
            found = self._weigh(group, looks)
            score = evidence.total(found)
            if score >= evidence.LIKELY:
                weighed.append((score, group[0].page, partial(_candidate, score, group, found)))
        weighed.sort(key=lambda each: (-each[0], each[1]))
        return [make(number) for number, (_, _, make) in enumerate(weighed, start=1)]

    def _weigh(self, group: list[_Seen], looks: dict[object, set[int]]) -> list[Evidence]:
        usual = sorted(group, key=lambda seen: evidence.total(seen.evidence))[len(group) // 2]
        pages = {seen.page for seen in group}
        item = usual.item
        # Text that varies from page to page, such as by a number, is one mark by its look.
        alike = looks[_style(item)] if is_oblique(item.tilt) or item.alpha < 0.9 else set()
        shared = bool(item.form) or item.style.kind is Kind.IMAGE
        same_place = evidence.same_place([seen.place for seen in group])
        return usual.evidence + evidence.across_pages(self._pages, len(alike), len(pages), same_place, shared)


def visible(page: DictionaryObject) -> Box:
    """The part of a page that is shown, in its own coordinates."""
    media, crop = _box(objects.inherited_value(page, "/MediaBox")), _box(objects.inherited_value(page, "/CropBox"))
    outer = media or crop or _LETTER
    inner = crop or outer
    box = max(outer[0], inner[0]), max(outer[1], inner[1]), min(outer[2], inner[2]), min(outer[3], inner[3])
    return box if box[2] - box[0] >= 1 and box[3] - box[1] >= 1 else outer


def _within(inner: Box, outer: Box) -> bool:
    return inner[0] >= outer[0] - 1 and inner[1] >= outer[1] - 1 and inner[2] <= outer[2] + 1 and inner[3] <= outer[3] + 1


def _stamp(score: float, lines: Sequence[Line], found: Sequence[Evidence], number: int) -> Candidate:
    pages: defaultdict[int, list[Words]] = defaultdict(list)
    for line in lines:
        pages[line.page] += line.words
    return Candidate(
        number=number,
        kind=Kind.TEXT,
        text=lines[0].text[:_MOST_TEXT],
        confidence=round(evidence.confidence(score), 2),
        sure=score >= evidence.SURE,
        evidence=tuple(each.says for each in found if each.says),
        pages={
            page: Occurrence(
                tuple(dict.fromkeys(each.site for each in words)),
                tuple(each.place for each in words),
                sum(each.glyphs for each in words),
            )
            for page, words in pages.items()
        },
        doubtful=score < evidence.LIKELY,
    )


def _candidate(score: float, group: Sequence[_Seen], found: Sequence[Evidence], number: int) -> Candidate:
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
