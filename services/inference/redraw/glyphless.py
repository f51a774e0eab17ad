"""A font without shapes, for text that can be found, selected and copied, but is never drawn.

Like Tesseract's (`GlyphLessFont` in https://github.com/tesseract-ocr/tesseract/blob/main/src/api/pdfrenderer.cpp), also used by OCRmyPDF:
a composite font whose codes are UTF-16 and all show one glyph without ink. It is embedded, as ISO 32000-2, 9.7.5.2 requires for
Identity-H. Characters beyond the basic plane get codes that UTF-16 reserves for surrogates.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

ADVANCE = 500
"""Width of every letter, in thousandths of the font size."""
_ASCENT, _DESCENT = 800, -200
_BASIC = 0xFFFF
_FIRST, _LAST = 0xD800, 0xDFFF
_MOST_IN_A_BLOCK = 100


class Codes:
    """How a document's invisible text is encoded: two bytes per character."""

    def __init__(self, texts: Iterable[str]) -> None:
        beyond = sorted({character for text in texts for character in text if ord(character) > _BASIC})
        self.beyond = dict(zip(beyond, range(_FIRST, _LAST + 1), strict=False))

    def encode(self, text: str) -> bytes:
        """The codes of a text. Lone surrogates, and characters after the first 2,048 distinct ones beyond the basic plane, are omitted."""
        codes = (self.beyond.get(character, ord(character)) for character in text if not _FIRST <= ord(character) <= _LAST)
        return b"".join(struct.pack(">H", code) for code in codes if code <= _BASIC)


def embed_font(document: Pdf, codes: Codes) -> Object:
    """The font as an object of a document."""
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name.Glyphless,
        Flags=4,
        FontBBox=Array([0, _DESCENT, ADVANCE, _ASCENT]),
        ItalicAngle=0,
        Ascent=_ASCENT,
        Descent=_DESCENT,
        CapHeight=_ASCENT,
        StemV=80,
        FontFile2=document.make_stream(program()),
    )
    letters = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name.Glyphless,
        DW=ADVANCE,
        CIDToGIDMap=document.make_stream(b"\0\1" * (_BASIC + 1)),
        CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
        FontDescriptor=document.make_indirect(descriptor),
    )
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name.Glyphless,
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([document.make_indirect(letters)]),
        ToUnicode=document.make_stream(_to_unicode(codes).encode()),
    )
    return document.make_indirect(font)


def _to_unicode(codes: Codes) -> str:
    """The character map (ISO 32000-2, 9.10.3) from codes to UTF-16."""
    ranges = [f"<{high:02X}00> <{high:02X}FF> <{high:02X}00>" for high in range(256) if not _FIRST >> 8 <= high <= _LAST >> 8]
    single = [f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>" for character, code in codes.beyond.items()]
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Glyphless def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{_blocks('bfrange', ranges)}{_blocks('bfchar', single)}endcmap CMapName currentdict /CMap defineresource pop end end\n"
    )


def _blocks(kind: str, entries: list[str]) -> str:
    parts = [entries[at : at + _MOST_IN_A_BLOCK] for at in range(0, len(entries), _MOST_IN_A_BLOCK)]
    return "".join(f"{len(part)} begin{kind}\n" + "\n".join(part) + f"\nend{kind}\n" for part in parts)


def program() -> bytes:
    """A TrueType font (https://learn.microsoft.com/typography/opentype/spec/otff) of two glyphs without ink, with what PDF requires."""
    box = (0, _DESCENT, ADVANCE, _ASCENT)
    tables = {
        # A line there and back: no area, but an extent, without which PDFium does not find text that runs up or down.
        b"glyf": struct.pack(">hhhhhHHBBhhhh", 1, *box, 1, 0, 1, 1, 0, ADVANCE, _DESCENT, _ASCENT - _DESCENT),
        b"head": struct.pack(">IIIIHHQQhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 3, 1000, 0, 0, *box, 0, 8, 2, 0, 0),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, _ASCENT, _DESCENT, 0, ADVANCE, *[0] * 3, 1, *[0] * 7, 1),
        b"hmtx": struct.pack(">Hhh", ADVANCE, 0, 0),
        b"loca": struct.pack(">HHH", 0, 0, 12),
        b"maxp": struct.pack(">IH13H", 0x10000, 2, 2, 1, 0, 0, 1, *[0] * 8),
    }
    offset = 12 + 16 * len(tables)
    head_at, directory, body = 0, b"", b""
    for tag, data in sorted(tables.items()):
        padded = data + b"\0" * (-len(data) % 4)
        if tag == b"head":
            head_at = offset + len(body)
        directory += struct.pack(">4sIII", tag, _checksum(padded), offset + len(body), len(data))
        body += padded
    font = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, 16 * len(tables) - 64) + directory + body
    adjustment = (0xB1B0AFBA - _checksum(font)) & 0xFFFFFFFF
    return font[: head_at + 8] + struct.pack(">I", adjustment) + font[head_at + 12 :]


def _checksum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f">{len(data) // 4}I", data)
    return sum(words) & 0xFFFFFFFF
