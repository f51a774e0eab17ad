"""Walks the content of a page with the graphics state, including forms and patterns (ISO 32000-2, 8.2, 8.7 and 8.10)."""

from __future__ import annotations

from dataclasses import replace

from pypdf.generic import DictionaryObject, PdfObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf.document import PARSE_ERRORS
from services.inference.pdf.search.collector import Collector
from services.inference.pdf.search.fonts import Fonts
from services.inference.pdf.search.geometry import IDENTITY, Matrix, Quad, around, matrix_of, product, quad
from services.inference.pdf.search.items import Item, Site
from services.inference.pdf.search.pictures import Pictures
from services.inference.pdf.search.state import State, as_number
from services.inference.pdf.search.stream import Stream

_MAX_DEPTH = 12
_MOST_BYTES = 64 << 20  # of content walked for one page, counting forms as often as they are drawn
_BYTES_OF_A_FORM = 512  # minimum counted for drawing one


class Walk:
    """The walk through what one page draws."""

    def __init__(self, collector: Collector, fonts: Fonts, pictures: Pictures) -> None:
        self.to = collector
        self.fonts = fonts
        self.pictures = pictures
        self._left = _MOST_BYTES

    def content(self, data: bytes, resources: DictionaryObject | None, state: State, stream: int, depth: int = 0) -> None:
        """Gather what a stream paints: a page's joined content (0), or the form or pattern of object number `stream`."""
        self._left -= max(len(data), _BYTES_OF_A_FORM)
        if self._left > 0:
            Stream(self, data, resources, state, stream, depth).run()
        else:
            self.to.other()

    def form(self, form: StreamObject, borrowed: DictionaryObject | None, state: State, site: Site, hint: str, depth: int) -> None:
        """The output of a form that is drawn at `site`. `hint`: a name of it that suggests a watermark."""
        number = objects.number(form)
        if depth >= _MAX_DEPTH or number is None:
            self.to.other()
            return
        inner = state = replace(state, matrix=product(_matrix(form), state.matrix))
        grouped = objects.dictionary(form, "/Group") is not None
        if grouped:
            # The group is painted with the outer opacity; inside, everything starts opaque.
            inner = replace(state, fill=replace(state.fill, alpha=1.0), stroke=replace(state.stroke, alpha=1.0))
        corners = [as_number(objects.resolve(value)) for value in objects.array(form, "/BBox") or ()]
        if len(corners) == 4 and not self.to.covers(around(quad(inner.matrix, *corners))):
            inner = replace(inner, is_clipped=True)
        self.to.close()
        begin, first = self.to.paints, len(self.to.items)
        try:
            data = form.get_data()
        except PARSE_ERRORS:
            self.to.other()
            return
        self.to.layers.enter(form=True)
        self.content(data, objects.dictionary(form, "/Resources") or borrowed, inner, number, depth + 1)
        self.to.layers.leave(form=True)
        self.to.close()
        found = self.to.items[first:]
        for item in found:
            if grouped and state.fill.alpha < 1:
                item.lightness = 1 - state.fill.alpha * (1 - item.lightness)
                item.alpha *= state.fill.alpha
            item.soft = item.soft or state.is_masked
            item.multiplies = item.multiplies or state.blend == "/Multiply"
            item.hint = item.hint or hint
        self._lift(found, first, begin, site, number)

    def pattern(self, pattern: PdfObject | None, area: Quad, site: Site, state: State, base: Matrix, depth: int) -> None:
        """An area filled with a tiling pattern; `base` is the matrix of the content that names it."""
        number = objects.number(pattern)
        self.to.other()
        if not isinstance(pattern, StreamObject) or number is None or depth >= _MAX_DEPTH:
            return
        tile = Collector(self.to.box)
        plain = State(fill=replace(state.fill, pattern=""), stroke=replace(state.stroke, pattern=""))
        inner = replace(plain, matrix=product(_matrix(pattern), base))
        try:
            data = pattern.get_data()
        except PARSE_ERRORS:
            return
        inside = Walk(tile, self.fonts, self.pictures)
        inside._left = self._left
        inside.content(data, objects.dictionary(pattern, "/Resources"), inner, number, depth + 1)
        self._left = inside._left
        tile.close()
        if len(tile.items) == 1 and tile.items[0].painting_count == tile.paints:
            item = tile.items[0].as_form(site, number, self.to.paints - 1)
            item.quads, item.pattern = [area], True
            self.to.items.append(item)

    def _lift(self, found: list[Item], first: int, begin: int, site: Site, number: int) -> None:
        """Turn a form that is exactly one item, and faint shapes around it, into an item of the operation that draws it."""
        painted = self.to.paints - begin
        frame = [shape for shape in self.to.shapes if shape.begin >= begin]
        if len(found) != 1 or found[0].painting_count + sum(shape.painting_count for shape in frame) != painted or not painted:
            return
        whole = found[0].as_form(site, number, begin)
        whole.quads = [*whole.quads, *(place for shape in frame for place in shape.quads)]
        self.to.shapes = [shape for shape in self.to.shapes if shape.begin < begin]
        del self.to.items[first:]
        self.to.paints = begin + 1
        last = self.to.items[-1] if self.to.items else None
        if last is not None and last.form == number and last.end == begin and last.takes(whole.style) and last.sites[-1][0] == site[0]:
            last.join(whole)  # drawn again next to itself: tiles
        else:
            self.to.items.append(whole)


def _matrix(holder: StreamObject) -> Matrix:
    listed = objects.array(holder, "/Matrix") or ()
    return matrix_of([as_number(objects.resolve(value)) for value in listed]) or IDENTITY
