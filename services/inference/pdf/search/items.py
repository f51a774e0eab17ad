"""Items that a page draws and that might be marks: consecutive operations of the same look, grouped."""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace

from services.inference.pdf.search.geometry import Box, Quad, around, slant

Site = tuple[int, int]
"""Where an operation is: the number of its form, or 0 for the page's own content; and its first byte there."""

_TILES = 4
_MOST_QUADS = 400


class Kind(enum.StrEnum):
    """The parts of an item."""

    TEXT = "text"
    OUTLINE = "outlines"
    """Shapes in a row, like letters drawn as paths."""
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Style:
    """The common facts of the operations of one item."""

    kind: Kind
    tilt: int
    size: int
    lightness: int
    alpha: int
    look: bytes = b""
    """For images: which one."""
    is_tagged: bool = False
    """Whether it is part of the tagged structure."""
    artifact: bool = False
    """Whether it is marked as not part of the content."""


@dataclass(slots=True)
class Item:
    """One item on one page."""

    style: Style
    begin: int
    """Number of things painted before it."""
    end: int = 0
    """Number of things painted up to and including it."""
    sites: list[Site] = field(default_factory=list)
    quads: list[Quad] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    """Content drawn by each operation, for comparison."""
    texts: list[str] = field(default_factory=list)
    glyphs: int = 0
    tilt: float = 0.0
    size: float = 0.0
    """Size of its letters, or height of an image, in points of the page."""
    alpha: float = 1.0
    lightness: float = 0.0
    """On white paper."""
    white: bool = False
    """Whether it is painted in pure white, which is visible only on colour."""
    on_colour: bool = False
    """Whether its middle is on something large and not pale."""
    share: float = 1.0
    """Visible share of an image's area."""
    soft: bool = False
    multiplies: bool = False
    painting_count: int = 0
    """Number of its operations that paint."""
    form: int = 0
    """The form whose entire content it is; 0 if there is none."""
    hint: str = ""
    """A name in the document that suggests a watermark."""
    pattern: bool = False
    """Whether it fills an area as a tiling pattern."""

    @property
    def box(self) -> Box:
        """Where it is on the page."""
        return around(point for each in self.quads for point in each)

    @property
    def slant(self) -> float:
        """See `geometry.slant`."""
        return slant(self.tilt)

    @property
    def repeats(self) -> int:
        """How often the same thing occurs on the page."""
        if self.pattern:
            return 100
        if len(self.pieces) >= _TILES:
            piece, most = Counter(self.pieces).most_common(1)[0]
            if len(piece) > 2 and len(set(self.pieces)) * 3 <= len(self.pieces):
                return most
        return _periods(b"".join(self.pieces)) if self.style.kind is Kind.TEXT else 1

    @property
    def text(self) -> str:
        """Its text, without repetitions."""
        if len(self.texts) > 1 and len(set(self.texts)) == 1:
            return self.texts[0]
        joined = "".join(self.texts)
        tiles = self.repeats
        if tiles >= _TILES and not self.pattern:
            common = Counter(self.texts).most_common(1)[0][0]
            return common if len(common) > 2 else joined[: max(1, len(joined) // tiles)]
        return joined

    @property
    def key(self) -> bytes:
        """A key that is the same on every page that shows the same thing."""
        content = self.text.encode() or b"|".join(sorted(set(self.pieces))[:64])
        digest = hashlib.sha256(content)
        digest.update(f"{self.style.kind} {round(self.tilt / 5)}".encode())
        return digest.digest()[:12]

    def takes(self, style: Style) -> bool:
        """Whether an operation of this style belongs to the item."""
        own = self.style
        near = abs(own.tilt - style.tilt) <= 1 and abs(own.size - style.size) <= 0.03 * own.size + 1
        alike = abs(own.lightness - style.lightness) <= 2 and abs(own.alpha - style.alpha) <= 2
        same = (own.kind, own.look, own.is_tagged, own.artifact) == (style.kind, style.look, style.is_tagged, style.artifact)
        return near and alike and same

    def add_quad(self, quad: Quad) -> None:
        """Add another part to its place."""
        self.quads.append(quad)
        if len(self.quads) > _MOST_QUADS:
            left, bottom, right, top = self.box
            self.quads = [((left, bottom), (right, bottom), (right, top), (left, top))]

    def join(self, other: Item) -> None:
        """Merge in a later item that looks the same."""
        self.sites += other.sites
        self.pieces += other.pieces
        self.texts += other.texts
        self.glyphs += other.glyphs
        self.end = other.end
        self.painting_count += other.painting_count
        for each in other.quads:
            self.add_quad(each)

    def as_form(self, site: Site, form: int, begin: int) -> Item:
        """The item as the single operation that draws the form whose entire content it is."""
        return replace(self, sites=[site], form=form, begin=begin, end=begin + 1, painting_count=1)


def merge_tiles(items: list[Item]) -> list[Item]:
    """The items, with those drawn several times merged into one (tiles), whatever is drawn between them."""
    found: dict[tuple[object, ...], Item] = {}
    for item in items:
        first = found.setdefault((item.key, item.style.alpha, item.style.lightness, item.style.size, item.form, item.sites[0][0]), item)
        if first is not item:
            first.join(item)
    return list(found.values())


def _periods(data: bytes) -> int:
    """Number of repetitions of a shorter string that make up this one."""
    if len(data) < 2 * _TILES:
        return 1
    period = (data + data).find(data, 1)
    return len(data) // period if 3 <= period < len(data) else 1
