"""Where text is and how wide it is (ISO 32000-2, 9.4)."""

from __future__ import annotations

from dataclasses import dataclass

from pypdf.generic import ArrayObject, ByteStringObject, PdfObject, TextStringObject

from services.inference.pdf.search.fonts import Glyphs
from services.inference.pdf.search.geometry import IDENTITY, Matrix, Quad, product, quad, scale, tilt
from services.inference.pdf.search.state import State, TextState, as_number

_DESCENT, _ASCENT = -0.25, 0.95  # ems; few letters reach further


@dataclass(frozen=True, slots=True)
class TextShow:
    """The output of one operation."""

    data: bytes
    """Its strings, joined."""
    glyphs: int
    place: Quad
    tilt: float
    size: float
    """In points of the page."""


class TextCursor:
    """The text and line matrices of a text object."""

    def __init__(self) -> None:
        self._text: Matrix = IDENTITY
        self._line: Matrix = IDENTITY

    def place(self, matrix: Matrix) -> None:
        """`Tm`, and with the identity `BT`."""
        self._text = self._line = matrix

    def move(self, x: float, y: float) -> None:
        """`Td`."""
        self._text = self._line = product((1, 0, 0, 1, x, y), self._line)

    def show(self, operand: PdfObject | None, font: Glyphs, state: State) -> TextShow:
        """Show the string, or the strings and gaps, and move on."""
        text = state.text
        em = product(product((text.size * text.stretch, 0, 0, text.size, 0, text.rise), self._text), state.matrix)
        width, count, data = 0.0, 0, b""
        for part in operand if isinstance(operand, ArrayObject) else [operand]:
            string = _string(part)
            if string is None:
                width -= as_number(part) / 1000
                continue
            codes = font.codes(string)
            count += len(codes)
            data += string
            width += sum(font.width(code) for code in codes) + _spacing(text, string, len(codes), font)
        shown = TextShow(data, count, quad(em, 0, _DESCENT, width, _ASCENT), tilt(em), scale(em))
        self._text = product((1, 0, 0, 1, width * text.size * text.stretch, 0), self._text)
        return shown


def _spacing(text: TextState, string: bytes, codes: int, font: Glyphs) -> float:
    """The addition of character and word spacing, in ems."""
    words = 0 if font.wide else string.count(b" ")
    return (codes * text.character + words * text.word) / text.size if text.size else 0.0


def _string(value: PdfObject | None) -> bytes | None:
    if isinstance(value, TextStringObject):
        return value.original_bytes
    return bytes(value) if isinstance(value, ByteStringObject) else None
