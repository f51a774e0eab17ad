"""Widths and characters of a document's fonts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pypdf.generic import ArrayObject, DictionaryObject
from pypdf.generic._font import Font

from services.inference.pdf import objects
from services.inference.pdf.document import PARSE_ERRORS

_THOUSAND = 1000.0


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One font's facts about the codes of a shown string."""

    name: str
    """BaseFont without the subset tag."""
    wide: bool
    """Codes have two bytes."""
    widths: dict[int, float]
    """By code, in ems."""
    usual_width: float
    characters: dict[str, str]
    """By code, as a character of that number."""
    number: int = 0
    """Distinguishes it from the document's other fonts; 0 if unknown."""

    def codes(self, data: bytes) -> list[int]:
        """The codes of a string."""
        if not self.wide:
            return list(data)
        return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]

    def width(self, code: int) -> float:
        """Advance of a code, in ems."""
        return self.widths.get(code, self.usual_width)

    def text(self, data: bytes) -> str:
        """The text of a string; empty if it cannot be determined."""
        return "".join(self.characters.get(chr(code), "") for code in self.codes(data))


UNKNOWN = Glyphs("", wide=False, widths={}, usual_width=0.5, characters={})


class Fonts:
    """The fonts of one document, each read once."""

    def __init__(self) -> None:
        self._known: dict[int, Glyphs] = {}

    def find(self, resources: DictionaryObject | None, name: str) -> Glyphs:
        """The font of this name (with slash)."""
        font = objects.dictionary(objects.dictionary(resources, "/Font"), name)
        if font is None:
            return UNKNOWN
        key = objects.number(font) or -id(font)
        if key not in self._known:
            self._known[key] = replace(_read(font), number=key)
        return self._known[key]


def _read(font: DictionaryObject) -> Glyphs:
    kind = objects.name(font, "/Subtype")
    name = objects.name(font, "/BaseFont").removeprefix("/").rpartition("+")[2]
    wide = kind == "/Type0"
    try:
        read = Font.from_font_resource(font)
        encoding: Any = read.encoding
        characters = dict(encoding) if isinstance(encoding, dict) else {}
        named = {chr(code): character for code, character in characters.items() if isinstance(code, int)}
        named.update({code: str(text) for code, text in read.character_map.items() if isinstance(code, str)})
        widths = {ord(code): width / _THOUSAND for code, width in read.character_widths.items() if len(code) == 1}
        usual = read.character_widths.get("default", 500) / _THOUSAND
    except PARSE_ERRORS:
        return Glyphs(name, wide, {}, 1.0 if wide else 0.5, {})
    if kind == "/Type3":
        widths, usual = _type3_widths(font), 0.6
    return Glyphs(name, wide, widths, usual, named)


def _type3_widths(font: DictionaryObject) -> dict[int, float]:
    """The widths by code; Type 3 fonts give them in their own glyph space (9.6.4)."""
    matrix, widths = objects.array(font, "/FontMatrix"), objects.array(font, "/Widths")
    try:
        scale = float(matrix[0]) if isinstance(matrix, ArrayObject) and matrix else 0.001
        first = int(font.get("/FirstChar", 0))
        return {first + at: float(objects.resolve(width)) * scale for at, width in enumerate(widths or ())}  # type: ignore[arg-type]
    except PARSE_ERRORS:
        return {}
