"""Gathers what a page paints into items, and counts its text by size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.inference.pdf.search.fonts import Glyphs
from services.inference.pdf.search.geometry import Box, Quad, around, slant
from services.inference.pdf.search.items import Item, Kind, Site, Style
from services.inference.pdf.search.layers import Layers
from services.inference.pdf.search.letters import in_line, in_rows, lean, letter_height
from services.inference.pdf.search.margins import Margins
from services.inference.pdf.search.text import TextShow

_FAINT = 0.45  # lightness on white paper from which paint may belong to a mark
_LARGE = 24.0  # points
_TILTED = (20.0, 70.0)
_MARGIN = 0.12  # of the page's height
_MOST_ITEMS = 400
_MOST_PAINTS = 30_000
_DARK_GROUND, _LARGE_GROUND, _MOST_GROUNDS = 0.7, 0.05, 31  # lightness, share of the page, areas
_CURVES = 4
_MOST_SHAPES = 8
_MOST = 0.7  # of the page's width and height
_CAPITALS = 0.7  # height of capitals in ems


@dataclass(frozen=True, slots=True)
class Look:
    """The appearance of one painting operation."""

    kind: Kind
    tilt: float
    size: float
    lightness: float
    """On white paper."""
    alpha: float
    white: bool = False
    share: float = 1.0
    soft: bool = False
    multiplies: bool = False
    digest: bytes = b""
    hint: str = ""
    """A name that suggests a watermark."""


@dataclass(slots=True)
class Collector:
    """Collects what one page paints."""

    box: Box
    starts: Sequence[int] = ()
    """Where the second and later ones of the page's streams begin in its content."""
    items: list[Item] = field(default_factory=list)
    sizes: Counter[float] = field(default_factory=Counter)
    """Characters shown by size of text, in points of the page."""
    paints: int = 0
    is_tagged: bool = False
    artifact: bool = False
    margins: Margins = field(init=False)
    layers: Layers = field(init=False)
    _grounds: list[Box] = field(default_factory=list)
    shapes: list[Item] = field(default_factory=list)
    """The last faint shapes that are no letters, such as frames of marks."""
    _open: Item | None = None
    _curves: int = 0

    def __post_init__(self) -> None:
        """The margins and layers are those of the page."""
        self.margins = Margins(self.box)
        self.layers = Layers(self.starts)

    def show_text(self, shown: TextShow, font: Glyphs, site: Site) -> None:
        """Text was shown, whether it may be a mark or not."""
        self.sizes[round(shown.size, 1)] += shown.glyphs
        self.layers.show(self.margins.show(shown, font, site))

    def other(self) -> None:
        """Something was painted that cannot be a mark."""
        self.close()
        self.paints += 1
        self.layers.paint()

    def ground(self, area: Box, lightness: float) -> None:
        """An area was filled with a colour; what follows is on top of it."""
        left, bottom, right, top = self.box
        if lightness < _DARK_GROUND and (area[2] - area[0]) * (area[3] - area[1]) >= _LARGE_GROUND * (right - left) * (top - bottom):
            self._grounds = [*self._grounds[-_MOST_GROUNDS:], area]

    def suspect(self, look: Look, quad: Quad) -> bool:
        """Whether text with this look may be a mark."""
        return faint(look.lightness, look.alpha) or is_oblique(look.tilt) or look.size >= _LARGE or self.marginal(around(quad))

    def covers(self, place: Box) -> bool:
        """Whether a place covers most of the page."""
        left, bottom, right, top = self.box
        return place[2] - place[0] >= _MOST * (right - left) and place[3] - place[1] >= _MOST * (top - bottom)

    def marginal(self, place: Box) -> bool:
        """Whether a place is entirely in the upper or lower margin."""
        _, bottom, _, top = self.box
        height = (top - bottom) * _MARGIN
        return place[1] >= top - height or place[3] <= bottom + height

    def paint(self, look: Look, site: Site, parts: Sequence[tuple[Quad, bytes]], text: str = "", glyphs: int = 0, curves: int = 0) -> None:
        """One operation painted something that may be part of a mark; `parts` are its parts' positions and, for comparison, contents."""
        style = Style(
            kind=look.kind,
            tilt=round(look.tilt),
            size=round(look.size * 8),
            lightness=round(look.lightness * 100),
            alpha=round(look.alpha * 100),
            look=look.digest,
            is_tagged=self.is_tagged,
            artifact=self.artifact,
        )
        item = self._open
        if item is None or not item.takes(style) or not self._continues(item, look, parts[0][0], site):
            self.close()
            item = self._open = Item(style, self.paints, tilt=look.tilt, size=look.size, alpha=look.alpha, lightness=look.lightness)
            item.white, item.share, item.soft, item.multiplies = look.white, look.share, look.soft, look.multiplies
            item.hint = look.hint
            item.on_colour = self._on_colour(parts[0][0])
            self._curves = 0
        self.paints += 1
        self.layers.paint()
        item.end = self.paints
        item.painting_count += 1
        item.sites.append(site)
        for place, piece in parts:
            item.add_quad(place)
            item.pieces.append(piece)
        item.texts.append(text)
        item.glyphs += glyphs
        self._curves += curves

    def close(self) -> None:
        """End the current item."""
        item, self._open = self._open, None
        if item is None or len(self.items) >= _MOST_ITEMS:
            return
        if item.style.kind is Kind.OUTLINE:
            item.tilt = item.tilt or lean(item.quads)
            letters = in_rows(item.quads, item.pieces, item.tilt)
            if not letters or (self._curves < _CURVES and not in_line(item.quads, item.pieces, item.tilt)):
                self.shapes = [*self.shapes[1 - _MOST_SHAPES :], item]
                return
            item.size = letter_height(item.quads, item.tilt) / _CAPITALS
        self.items.append(item)

    @property
    def drawing(self) -> bool:
        """Whether the page has more shapes than letters drawn as outlines would need: shapes are no longer examined."""
        return self.paints > _MOST_PAINTS

    def _on_colour(self, place: Quad) -> bool:
        x, y = (place[0][0] + place[2][0]) / 2, (place[0][1] + place[2][1]) / 2
        return any(left <= x <= right and bottom <= y <= top for left, bottom, right, top in self._grounds)

    def _continues(self, item: Item, look: Look, quad: Quad, site: Site) -> bool:
        if item.sites[-1][0] != site[0]:
            return False
        if look.kind is not Kind.TEXT or faint(look.lightness, look.alpha) or is_oblique(look.tilt):
            return True
        # Dark upright text of one size is one item only within one line: a notice below a header is not the header.
        before, after = item.quads[-1], quad
        return abs(before[0][1] - after[0][1]) <= 0.1 * look.size and after[0][0] - before[1][0] <= look.size


def faint(lightness: float, alpha: float) -> bool:
    """Whether paint of this lightness on white paper may belong to a mark."""
    return lightness >= _FAINT or alpha < 0.9


def is_oblique(degrees: float) -> bool:
    """Whether a direction is neither nearly horizontal nor nearly vertical."""
    return _TILTED[0] <= slant(degrees) <= _TILTED[1]
