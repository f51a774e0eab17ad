"""Things that a page draws and that might be marks: consecutive operations of one look, taken together."""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace

from services.inference.pdf.search.geometry import Box, Quad, around, slant

Site = tuple[int, int]
"""Where an operation stands: the number of its form, or 0 for the page's own content; and its first byte there."""

_TILES = 4
_MOST_QUADS = 400


class Kind(enum.StrEnum):
    """What an item is made of."""

    TEXT = "text"
    OUTLINE = "outlines"
    """Shapes in a row, as letters are that were drawn as paths."""
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Style:
    """What operations share that are one item."""

    kind: Kind
    tilt: int
    size: int
    lightness: int
    alpha: int
    look: bytes = b""
    """Of images: which one."""
    tagged: bool = False
    """Part of the tagged structure."""
    artifact: bool = False
    """Marked as no part of the content."""


@dataclass(slots=True)
class Item:
    """One thing on one page."""

    style: Style
    begin: int
    """How many things were painted before it."""
    end: int = 0
    """How many things were painted with it."""
    sites: list[Site] = field(default_factory=list)
    quads: list[Quad] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    """What each operation draws, for comparison."""
    texts: list[str] = field(default_factory=list)
    glyphs: int = 0
    tilt: float = 0.0
    size: float = 0.0
    """Of its letters, or the height of an image, in points of the page."""
    alpha: float = 1.0
    lightness: float = 0.0
    """On white paper."""
    white: bool = False
    """Painted in pure white, which shows on colour only."""
    on_colour: bool = False
    """Its middle lies on something large and not pale."""
    share: float = 1.0
    """Of an image's area that shows."""
    soft: bool = False
    multiplied: bool = False
    painted: int = 0
    """Operations in it that paint."""
    form: int = 0
    """The form that it is all of; 0 if it is not a whole form."""
    hint: str = ""
    """A name in the document that says watermark."""
    pattern: bool = False
    """It fills an area as a tiling pattern."""

    @property
    def box(self) -> Box:
        """Where it is on the page."""
        return around(point for each in self.quads for point in each)

    @property
    def slanted(self) -> float:
        """See `geometry.slant`."""
        return slant(self.tilt)

    @property
    def repeats(self) -> int:
        """How often the same thing stands on the page."""
        if self.pattern:
            return 100
        if len(self.pieces) >= _TILES:
            piece, most = Counter(self.pieces).most_common(1)[0]
            if len(piece) > 2 and len(set(self.pieces)) * 3 <= len(self.pieces):
                return most
        return _periods(b"".join(self.pieces)) if self.style.kind is Kind.TEXT else 1

    @property
    def text(self) -> str:
        """What it says, once."""
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
        """The same on every page that shows the same thing."""
        content = self.text.encode() or b"|".join(sorted(set(self.pieces))[:64])
        digest = hashlib.sha256(content)
        digest.update(f"{self.style.kind} {round(self.tilt / 5)}".encode())
        return digest.digest()[:12]

    def takes(self, style: Style) -> bool:
        """Whether an operation of this style belongs to the item."""
        own = self.style
        near = abs(own.tilt - style.tilt) <= 1 and abs(own.size - style.size) <= 0.03 * own.size + 1
        alike = abs(own.lightness - style.lightness) <= 2 and abs(own.alpha - style.alpha) <= 2
        same = (own.kind, own.look, own.tagged, own.artifact) == (style.kind, style.look, style.tagged, style.artifact)
        return near and alike and same

    def add_quad(self, quad: Quad) -> None:
        """Another part of its place."""
        self.quads.append(quad)
        if len(self.quads) > _MOST_QUADS:
            left, bottom, right, top = self.box
            self.quads = [((left, bottom), (right, bottom), (right, top), (left, top))]

    def join(self, other: Item) -> None:
        """Take in a later item that looks the same."""
        self.sites += other.sites
        self.pieces += other.pieces
        self.texts += other.texts
        self.glyphs += other.glyphs
        self.end = other.end
        self.painted += other.painted
        for each in other.quads:
            self.add_quad(each)

    def lifted(self, site: Site, form: int, begin: int) -> Item:
        """The item as the one operation that draws the form which it is all of."""
        return replace(self, sites=[site], form=form, begin=begin, end=begin + 1, painted=1)


def joined(items: list[Item]) -> list[Item]:
    """The same things with those that are drawn several times, whatever is drawn between them, as one: tiles."""
    found: dict[tuple[object, ...], Item] = {}
    for item in items:
        first = found.setdefault((item.key, item.style.alpha, item.style.lightness, item.style.size, item.form, item.sites[0][0]), item)
        if first is not item:
            first.join(item)
    return list(found.values())


def _periods(data: bytes) -> int:
    """How often a string is repeated to make this one."""
    if len(data) < 2 * _TILES:
        return 1
    period = (data + data).find(data, 1)
    return len(data) // period if 3 <= period < len(data) else 1
