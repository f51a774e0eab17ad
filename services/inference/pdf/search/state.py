"""The graphics state as far as the look of a mark depends on it (ISO 32000-2, 8.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NumberObject, PdfObject

from services.inference.pdf import objects
from services.inference.pdf.search.geometry import IDENTITY, Matrix

_INKS = frozenset({"/Separation", "/DeviceN"})


@dataclass(frozen=True, slots=True)
class Paint:
    """A colour with its opacity."""

    lightness: float = 0.0
    """Rec. 601 luma of the colour, 0 (black) to 1 (white)."""
    alpha: float = 1.0
    pattern: str = ""
    """Name of the pattern used as paint, with its slash; empty for a plain colour."""
    ink: bool = False
    """Whether the colour space uses tints, where 1 is full ink."""

    @property
    def on_white(self) -> float:
        """Lightness on white paper."""
        return 1 - self.alpha * (1 - self.lightness)


@dataclass(frozen=True, slots=True)
class TextState:
    """Text state (9.3)."""

    font: str = ""
    size: float = 0.0
    character: float = 0.0
    word: float = 0.0
    stretch: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    mode: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """The graphics state; q saves it, operators replace it."""

    matrix: Matrix = IDENTITY
    fill: Paint = Paint()
    stroke: Paint = Paint()
    text: TextState = TextState()
    is_masked: bool = False
    """Whether a soft mask of the graphics state is set."""
    blend: str = "/Normal"
    is_clipped: bool = False
    """Whether what is painted shows only in an area that is less than most of the page."""


def with_parameters(state: State, parameters: DictionaryObject | None) -> State:
    """The state after `gs` with these parameters."""
    if parameters is None:
        return state
    fill, stroke = number(parameters, "/ca"), number(parameters, "/CA")
    if fill is not None:
        state = replace(state, fill=replace(state.fill, alpha=_unit(fill)))
    if stroke is not None:
        state = replace(state, stroke=replace(state.stroke, alpha=_unit(stroke)))
    if "/SMask" in parameters:
        state = replace(state, is_masked=isinstance(objects.entry(parameters, "/SMask"), DictionaryObject))
    if "/BM" in parameters:
        modes = objects.entry(parameters, "/BM")
        first = objects.resolve(modes[0]) if isinstance(modes, ArrayObject) and modes else modes
        state = replace(state, blend=str(first))
    font = objects.array(parameters, "/Font")
    if font is not None and len(font) == 2 and isinstance(size := objects.resolve(font[1]), (FloatObject, NumberObject)):
        state = replace(state, text=replace(state.text, size=float(size)))
    return state


def with_colour(paint: Paint, values: Sequence[float], pattern: str = "") -> Paint:
    """The paint with the colour given by these components: 1 is gray or tint, 3 RGB, 4 CMYK."""
    if pattern:
        return replace(paint, pattern=pattern)
    if len(values) == 1:
        light = 1 - values[0] if paint.ink else values[0]
    elif len(values) == 3 and not paint.ink:
        light = 0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2]
    elif len(values) == 4 and not paint.ink:
        cyan, magenta, yellow, black = values
        light = (0.299 * (1 - cyan) + 0.587 * (1 - magenta) + 0.114 * (1 - yellow)) * (1 - black)
    else:
        light = 1 - max(values, default=1.0)
    return replace(paint, lightness=_unit(light), pattern="")


def in_space(paint: Paint, space: PdfObject | None) -> Paint:
    """The paint after selecting a colour space: its initial colour, which is black or full ink."""
    family = str(objects.resolve(space[0])) if isinstance(space, ArrayObject) and space else str(space)
    return replace(paint, ink=family in _INKS, lightness=0.0, pattern="")


def number(container: PdfObject | None, key: str) -> float | None:
    """The number under a key."""
    found = objects.entry(container, key)
    return float(found) if isinstance(found, (FloatObject, NumberObject)) else None


def _unit(value: float) -> float:
    return max(0.0, min(1.0, value))


def as_number(value: PdfObject | None) -> float:
    """A number, or 0 if the value is not one."""
    return float(value) if isinstance(value, (FloatObject, NumberObject)) else 0.0


def with_text_parameter(text: TextState, operator: bytes, value: float) -> TextState:
    """The text state after one of `Tc`, `Tw`, `Tz`, `TL`, `Tr` and `Ts`."""
    match operator:
        case b"Tc":
            return replace(text, character=value)
        case b"Tw":
            return replace(text, word=value)
        case b"Tz":
            return replace(text, stretch=value / 100)
        case b"TL":
            return replace(text, leading=value)
        case b"Tr":
            return replace(text, mode=int(value))
        case _:
            return replace(text, rise=value)
