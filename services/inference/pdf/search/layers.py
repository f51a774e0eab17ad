"""The parts that a page's content is made of: its streams, the blocks (`q` … `Q`) in them, and the forms that it draws.

A program that adds something to a finished page puts it into a form, a block or a stream of its own, before or after all that the page had,
and mostly puts that into a block or a form as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.inference.pdf.search.margins import Words

_DEEPEST = 8
_DIRECT = -1  # in place of a number: not in one of the blocks
_MOST_LAYERS = 4  # next to each other: what a page had, and what was added to it
_MOST_GLYPHS = 400  # of a stamp
_LARGEST = 14.0  # points

Path = tuple[int, ...]
"""The number of a stream, then those of blocks and forms, each in the one before."""


@dataclass(slots=True)
class Layer:
    """Everything that one block, form or stream paints."""

    first: int
    """Number of things painted on the page before it."""
    last: int = 0
    """Number of things painted up to its last one."""
    in_forms: bool = True
    """Whether it is forms and nothing else."""
    paints: int = 0
    shows: int = 0
    """Number of them that show text."""
    glyphs: int = 0
    words: list[Words] = field(default_factory=list)
    """The first of its text, a little more than a stamp may have."""

    @property
    def is_text(self) -> bool:
        """Whether it paints nothing but text."""
        return self.shows == self.paints

    @property
    def is_small_print(self) -> bool:
        """Whether it is nothing but a little small text, level or upright."""
        return self.is_text and self.glyphs <= _MOST_GLYPHS and all(each.side and each.size <= _LARGEST for each in self.words)

    def show(self, words: Words) -> None:
        """It shows text; `paints` counts that as well."""
        if self.glyphs <= _MOST_GLYPHS:
            self.words.append(words)
        self.shows += 1
        self.glyphs += words.glyphs

    def join(self, other: Layer) -> None:
        """Take in what is part of this layer."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.in_forms = self.in_forms and other.in_forms
        self.paints += other.paints
        self.shows += other.shows
        self.glyphs += other.glyphs
        if self.glyphs <= _MOST_GLYPHS:
            self.words += other.words


class Layers:
    """Follows the walk through a page into blocks and forms."""

    def __init__(self, starts: Sequence[int]) -> None:
        """`starts`: where the second and later ones of the page's streams begin in its content."""
        self._starts = list(reversed(starts))
        self._path: Path = (0,)
        self._outer: list[Path] = []
        self._number = self._paints = self._forms = 0
        self._layers: dict[Path, Layer] = {}

    def reach(self, position: int) -> None:
        """The walk through the page's own content is at this byte, outside its blocks."""
        while self._starts and position >= self._starts[-1]:
            self._starts.pop()
            self._path = (self._path[0] + 1,)

    def enter(self, *, form: bool = False) -> None:
        """A block or a form begins."""
        self._outer.append(self._path)
        self._forms += form
        self._number += 1
        if len(self._path) < _DEEPEST:
            self._path = (*self._path, self._number)

    def leave(self, *, form: bool = False) -> None:
        """It ends."""
        self._path = self._outer.pop()
        self._forms -= form

    def paint(self) -> None:
        """Something is painted, text or other."""
        layer = self._layer()
        layer.paints += 1
        layer.last = self._paints = self._paints + 1
        layer.in_forms = layer.in_forms and self._forms > 0

    def show(self, words: Words) -> None:
        """Text is shown; `paint` follows."""
        self._layer().show(words)

    def _layer(self) -> Layer:
        return self._layers.setdefault(self._path, Layer(self._paints))

    def additions(self) -> list[list[Words]]:
        """The small print that was probably added to the finished page, by layer."""
        found: list[list[Words]] = []
        paths = sorted(self._layers)
        while paths:
            shared = _shared(paths[0], paths[-1])
            layers: dict[int, Layer] = {}
            for path in paths:
                layers.setdefault(_next(path, shared), Layer(self._paints)).join(self._layers[path])
            added = _added(layers, is_streams=not shared)
            found += [layers[number].words for number in added]
            rest = layers.keys() - added
            # The rest may have been stamped before, and wrapped then.
            paths = [path for path in paths if _next(path, shared) in rest] if added and len(rest) == 1 else []
        return found


def _added(layers: Mapping[int, Layer], is_streams: bool) -> list[int]:
    """Those of the layers next to each other that are small print, and not all that the page had."""
    begin, end = min(layer.first for layer in layers.values()), max(layer.last for layer in layers.values())
    small = [number for number, layer in layers.items() if layer.is_small_print]
    if is_streams or _DIRECT in layers or len(layers) > _MOST_LAYERS:
        # The page was not wrapped: any block may be its own, but hardly a form or stream before or after all else.
        small = [number for number in small if layers[number].in_forms or is_streams]
        small = [number for number in small if layers[number].first == begin or layers[number].last == end]
    if all(layer.is_text for layer in layers.values()):
        page = max(layers, key=lambda number: layers[number].glyphs)
        return [number for number in small if number != page]
    return small if len(small) < len(layers) else []


def _shared(first: Path, last: Path) -> int:
    """Number of levels that sorted paths have in common, given the first and the last."""
    return next((level for level, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))


def _next(path: Path, level: int) -> int:
    return path[level] if len(path) > level else _DIRECT
