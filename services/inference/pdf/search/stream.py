"""Walks one content stream: tracks the graphics state, and passes on what is painted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from pypdf.generic import DictionaryObject, NameObject, PdfObject, StreamObject

from services.inference.pdf import objects
from services.inference.pdf import operators as op
from services.inference.pdf.lexer import Operation, operations
from services.inference.pdf.search import state as states
from services.inference.pdf.search.collector import Collector, Look, faint, is_oblique
from services.inference.pdf.search.fonts import Fonts
from services.inference.pdf.search.geometry import IDENTITY, Matrix, Quad, around, direction, matrix_of, product, quad, scale, tilt
from services.inference.pdf.search.items import Kind, Site
from services.inference.pdf.search.paths import Path
from services.inference.pdf.search.pictures import Pictures
from services.inference.pdf.search.state import State
from services.inference.pdf.search.text import TextCursor

_MOST_SAVED = 512
_INVISIBLE = frozenset({3, 7})
_STROKED = 1
_HINT = re.compile(r"water[\s_-]?mark|水印", re.IGNORECASE)
_WHITE = 0.97
_LONG = 1.8  # length over breadth from which an image has a direction of its own


class Drawing(Protocol):
    """Receives what a stream draws."""

    to: Collector
    fonts: Fonts
    pictures: Pictures

    def form(self, form: StreamObject, borrowed: DictionaryObject | None, state: State, site: Site, hint: str, depth: int) -> None:
        """A form is drawn."""

    def pattern(self, pattern: PdfObject | None, area: Quad, site: Site, state: State, base: Matrix, depth: int) -> None:
        """An area is filled with a pattern."""


class Stream:
    """The walk through one stream: a page's joined content (`stream` 0), or the form or pattern of that object number."""

    def __init__(self, drawing: Drawing, data: bytes, resources: DictionaryObject | None, state: State, stream: int, depth: int) -> None:
        self._drawing, self._to = drawing, drawing.to
        self._data, self._resources, self._state = data, resources, state
        self._base = state.matrix
        self._number, self._depth = stream, depth
        self._saved: list[State] = []
        self._cursor = TextCursor()
        self._path = Path()
        self._marked: list[tuple[bool, bool]] = []

    def run(self) -> None:
        """Walk to the end."""
        outside = self._to.is_tagged, self._to.artifact
        steps, layers, is_page = self._steps(), self._to.layers, not self._number and not self._depth
        for operation in operations(self._data):
            if is_page and not self._saved:
                layers.reach(operation.start)
            step = steps.get(operation.operator)
            if step is not None:
                step(operation)
        self._to.is_tagged, self._to.artifact = outside
        for _ in self._saved:
            layers.leave()

    def _steps(self) -> dict[bytes, Callable[[Operation], None]]:
        steps: dict[bytes, Callable[[Operation], None]] = {
            op.SAVE: self._save,
            op.RESTORE: self._restore,
            b"cm": self._concatenate,
            b"gs": self._parameters,
            op.BEGIN_TEXT: lambda _: self._cursor.place(IDENTITY),
            b"Tf": self._font,
            b"Tm": self._place,
            b"Td": self._move,
            b"TD": self._move,
            op.NEXT_LINE: lambda _: self._next_line(),
            op.DRAW_XOBJECT: self._draw,
            b"BI": lambda _: self._to.other(),
            b"sh": lambda _: self._to.other(),
            op.END_MARKED: lambda _: self._end_marked(),
            op.END_PATH: lambda _: self._new_path(),
        }
        groups: list[tuple[frozenset[bytes], Callable[[Operation], None]]] = [
            (op.BEGIN, self._begin_marked),
            (op.SHOW, self._show),
            (op.PATH, self._build),
            (op.CLIP, self._clip),
            (op.PAINT_PATH, self._paint_path),
            (op.FILL_COLOUR, lambda found: self._set(fill=self._coloured(self._state.fill, found))),
            (op.STROKE_COLOUR, lambda found: self._set(stroke=self._coloured(self._state.stroke, found))),
            (op.TEXT_PARAMETERS, self._text_parameter),
        ]
        for operators, step in groups:
            steps |= dict.fromkeys(operators, step)
        return steps

    def _set(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # one name and value of its fields

    def _numbers(self, operation: Operation) -> list[float]:
        try:
            return [float(word) for word in self._data[operation.start : operation.operator_start].split()]
        except ValueError:
            return []

    def _name(self, operation: Operation) -> str:
        operands = operation.operands(self._data)
        return str(operands[-1]) if operands else ""

    def _resource(self, category: str, name: str) -> PdfObject | None:
        return objects.entry(objects.dictionary(self._resources, category), name)

    # State

    def _save(self, _operation: Operation) -> None:
        if len(self._saved) < _MOST_SAVED:
            self._saved.append(self._state)
            self._to.layers.enter()

    def _restore(self, _operation: Operation) -> None:
        if self._saved:
            self._state = self._saved.pop()
            self._to.layers.leave()

    def _concatenate(self, operation: Operation) -> None:
        matrix = matrix_of(self._numbers(operation))
        if matrix is not None:
            self._set(matrix=product(matrix, self._state.matrix))

    def _parameters(self, operation: Operation) -> None:
        named = self._resource("/ExtGState", self._name(operation))
        self._state = states.with_parameters(self._state, named if isinstance(named, DictionaryObject) else None)

    def _coloured(self, paint: states.Paint, operation: Operation) -> states.Paint:
        name = operation.operator.lower()
        if name == b"cs":
            space = self._name(operation)
            return states.in_space(paint, self._resource("/ColorSpace", space) or NameObject(space))
        if name in (b"g", b"rg", b"k"):
            return states.with_colour(replace(paint, ink=False), self._numbers(operation))
        words = self._data[operation.start : operation.operator_start].split()
        if words and words[-1].startswith(b"/"):
            return states.with_colour(paint, (), pattern=self._name(operation))
        return states.with_colour(paint, self._numbers(operation))

    # Text

    def _text_parameter(self, operation: Operation) -> None:
        values = self._numbers(operation)
        if values:
            self._set(text=states.with_text_parameter(self._state.text, operation.operator, values[0]))

    def _font(self, operation: Operation) -> None:
        operands = operation.operands(self._data)
        if len(operands) == 2:
            self._set(text=replace(self._state.text, font=str(operands[0]), size=states.as_number(operands[1])))

    def _place(self, operation: Operation) -> None:
        matrix = matrix_of(self._numbers(operation))
        if matrix is not None:
            self._cursor.place(matrix)

    def _move(self, operation: Operation) -> None:
        values = self._numbers(operation)
        if len(values) == 2:
            self._cursor.move(values[0], values[1])
            if operation.operator == b"TD":
                self._set(text=replace(self._state.text, leading=-values[1]))

    def _next_line(self) -> None:
        self._cursor.move(0, -self._state.text.leading)

    def _show(self, operation: Operation) -> None:
        state = self._state
        if operation.operator in op.PLACE_TEXT:
            self._next_line()
        operands = operation.operands(self._data)
        font = self._drawing.fonts.find(self._resources, state.text.font)
        shown = self._cursor.show(operands[-1] if operands else None, font, state)
        if state.text.mode in _INVISIBLE or not shown.data.strip():
            return
        self._to.show_text(shown, font, (self._number, operation.start))
        look = self._look(Kind.TEXT, shown.tilt, shown.size, state.stroke if state.text.mode == _STROKED else state.fill)
        if state.fill.pattern or not self._to.suspect(look, shown.place):
            self._to.other()
        else:
            self._to.paint(look, (self._number, operation.start), [(shown.place, shown.data)], font.text(shown.data), shown.glyphs)

    def _look(self, kind: Kind, direction: float, size: float, paint: states.Paint) -> Look:
        return Look(
            kind,
            direction,
            size,
            paint.on_white,
            paint.alpha,
            white=paint.lightness > _WHITE,
            soft=self._state.is_masked,
            multiplies=self._state.blend == "/Multiply",
        )

    # Paths

    def _build(self, operation: Operation) -> None:
        state = self._state
        faint_or_turned = state.fill.pattern or _may_be(state.fill) or _may_be(state.stroke) or is_oblique(tilt(state.matrix))
        if (operation.operator == b"re" or faint_or_turned) and not self._to.drawing:
            self._path.build(operation.operator, self._numbers(operation), state.matrix)

    def _clip(self, _operation: Operation) -> None:
        self._path.clips = True

    def _new_path(self) -> None:
        if self._path.clips:
            area = self._path.area()
            self._set(is_clipped=self._state.is_clipped or area is None or not self._path.is_panel or not self._to.covers(around(area)))
        self._path = Path()

    def _paint_path(self, operation: Operation) -> None:
        path, state, site = self._path, self._state, (self._number, operation.start)
        self._new_path()
        filled = operation.operator not in (b"S", b"s")
        paint = state.fill if filled else state.stroke
        area = path.area()
        lean = tilt(state.matrix) if is_oblique(tilt(state.matrix)) else 0.0
        if area is not None and filled and paint.pattern:
            # Content that covers less of the page, or has another shape, is part of a drawing.
            if path.is_panel and self._to.covers(around(area)) and not state.is_clipped:
                self._drawing.pattern(self._resource("/Pattern", paint.pattern), area, site, state, self._base, self._depth)
            else:
                self._to.other()
        elif filled and area is not None and not path.clips and paint.on_white < 0.7 and len(path.subpaths) == 1:
            self._to.ground(around(area), paint.on_white)
            self._to.other()
        elif area is None or path.clips or not (_may_be(paint) or lean) or (paint.lightness > _WHITE and paint.alpha == 1):
            self._to.other()
        else:
            look = self._look(Kind.OUTLINE, lean, 0, paint)
            self._to.paint(look, site, path.shapes(lean), glyphs=len(path.subpaths), curves=path.curves)

    # Objects

    def _draw(self, operation: Operation) -> None:
        name = self._name(operation)
        drawn = self._resource("/XObject", name)
        if not isinstance(drawn, StreamObject):
            return
        site = (self._number, operation.start)
        names = (name, objects.name(drawn, "/Name"), objects.text(drawn, "/Name"))
        hint = next((text for text in names if _HINT.search(text)), "")
        kind = objects.name(drawn, "/Subtype")
        if kind == "/Form":
            self._drawing.form(drawn, self._resources, self._state, site, hint, self._depth)
        elif kind == "/Image":
            self._image(drawn, site, hint)
        else:
            self._to.other()

    def _image(self, image: StreamObject, site: Site, hint: str) -> None:
        seen, state = self._drawing.pictures.look(image), self._state
        stencil = str(objects.entry(image, "/ImageMask")).lower() == "true"
        look = Look(
            Kind.IMAGE,
            direction(state.matrix, seen.lean if seen.stretch >= _LONG else 0.0),
            scale(state.matrix),
            1 - state.fill.alpha * (1 - (state.fill.lightness if stencil else seen.lightness)),
            state.fill.alpha * seen.alpha,
            share=seen.share,
            soft=seen.soft or state.is_masked,
            multiplies=state.blend == "/Multiply",
            digest=seen.digest,
            hint=hint,
        )
        self._to.paint(look, site, [(quad(state.matrix, 0, 0, 1, 1), seen.digest)])

    # Marked content

    def _begin_marked(self, operation: Operation) -> None:
        self._marked.append((self._to.is_tagged, self._to.artifact))
        operands = operation.operands(self._data)
        properties: PdfObject | None = operands[1] if len(operands) > 1 else None
        if properties is not None and not isinstance(properties, DictionaryObject):
            properties = self._resource("/Properties", str(properties))
        self._to.close()
        if operands and str(operands[0]) == "/Artifact":
            self._to.is_tagged, self._to.artifact = False, True
        elif objects.entry(properties, "/MCID") is not None:
            self._to.is_tagged = True

    def _end_marked(self) -> None:
        if self._marked:
            self._to.close()
            self._to.is_tagged, self._to.artifact = self._marked.pop()


def _may_be(paint: states.Paint) -> bool:
    return faint(paint.on_white, paint.alpha)
