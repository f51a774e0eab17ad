"""Stamped lines by chance: documents of several producers, printed over by others, all drawn by a seed."""

from __future__ import annotations

import ctypes
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pikepdf
import plutoprint
import pypdf
import pypdfium2 as pdfium
import skia
from fpdf import FPDF
from pypdfium2 import raw
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._pdf_set import reportlab_documents
from benchmarks.quality._pdf_set.held_out import by_skia, by_typst, cairo_document
from benchmarks.quality._pdf_set.other_documents import by_fpdf
from benchmarks.quality._pdf_set.stamp_words import Bank, Text
from benchmarks.quality._pdf_set.stamped_lines import overlay

_W, _H = A4
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_FACES = "DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral"
_STANDARD = "Helvetica", "Times-Roman", "Courier", "Helvetica-Oblique"
Make = Callable[[bool], bytes]


@dataclass(frozen=True, slots=True)
class Print:
    """Lines of text on a page."""

    lines: Text
    x: float
    y: float
    """Of the lowest line, from below."""
    size: float
    turned: bool
    gray: float
    face: str
    standard: str

    def by_reportlab(self) -> bytes:
        """One page with them."""
        buffer = io.BytesIO()
        canvas = Canvas(buffer, pagesize=A4, invariant=1)
        canvas.setFont(self.standard, self.size)
        canvas.setFillGray(self.gray)
        canvas.translate(self.x, self.y)
        canvas.rotate(90 if self.turned else 0)
        for row, line in enumerate(reversed(self.lines)):
            canvas.drawString(0, 1.3 * self.size * row, line)
        canvas.save()
        return buffer.getvalue()

    def by_skia(self) -> bytes:
        """One page with them."""
        stream, grey = skia.DynamicMemoryWStream(), round(255 * self.gray)
        font = skia.Font(skia.Typeface.MakeFromFile(str(_FONTS / f"{self.face}.ttf")), self.size)
        with skia.PDF.MakeDocument(stream) as document, document.page(_W, _H) as canvas:
            canvas.translate(self.x, _H - self.y)
            canvas.rotate(-90 if self.turned else 0)
            for row, line in enumerate(reversed(self.lines)):
                canvas.drawString(line, 0, -1.3 * self.size * row, font, skia.Paint(Color=skia.Color(grey, grey, grey)))
        return bytes(stream.detachAsData())

    def by_fpdf(self) -> bytes:
        """One page with them."""
        document = FPDF(unit="pt", format=A4)
        document.add_page()
        document.add_font("own", fname=str(_FONTS / f"{self.face}.ttf"))
        document.set_font("own", size=round(self.size))
        document.set_text_color(round(255 * self.gray))
        with document.rotation(90 if self.turned else 0, self.x, _H - self.y):
            for row, line in enumerate(reversed(self.lines)):
                document.text(self.x, _H - self.y - 1.3 * self.size * row, line)
        return bytes(document.output())

    def by_cairo(self) -> bytes:
        """One page with them."""
        style = f"@font-face {{ font-family: D; src: url('{(_FONTS / self.face).with_suffix('.ttf').as_uri()}') }}"
        turn = "transform: rotate(-90deg); transform-origin: bottom left;" if self.turned else ""
        place = f"position: absolute; left: {self.x}pt; bottom: {self.y}pt; white-space: nowrap; {turn}"
        text = f"font: {self.size}pt D; color: rgb({', '.join([str(round(255 * self.gray))] * 3)})"
        lines = "<br>".join(line.replace("<", "&lt;") for line in self.lines)
        book = plutoprint.Book(plutoprint.PAGE_SIZE_A4, plutoprint.PAGE_MARGINS_NONE)
        book.load_html(f"<html><style>{style} body {{ margin: 0 }}</style><body><div style='{place} {text}'>{lines}</div></body></html>")
        buffer = io.BytesIO()
        book.write_to_pdf_stream(buffer)
        return buffer.getvalue()

    def into_stream(self, document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        """As iText and PDFBox do: what the page has is wrapped, and a stream with a standard font follows."""
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name(f"/{self.standard}"))
        font.Encoding = pikepdf.Name.WinAnsiEncoding
        name = page.add_resource(document.make_indirect(font), pikepdf.Name.Font)
        coded = [line.encode("cp1252", "replace").replace(b"(", b"\\(").replace(b")", b"\\)") for line in self.lines]
        leading = 1.3 * self.size
        down = leading * (len(self.lines) - 1)
        turn, at = ((0, 1, -1, 0), (self.x - down, self.y)) if self.turned else ((1, 0, 0, 1), (self.x, self.y + down))
        place = " ".join(f"{value:.2f}" for value in (*turn, *at))
        start = f"Q\nq BT {name} {self.size:.1f} Tf {self.gray:.2f} g {leading:.2f} TL {place} Tm "
        page.contents_add(b"q", prepend=True)
        page.contents_add(start.encode() + b" T* ".join(b"(" + line + b") Tj" for line in coded) + b" ET Q")

    def by_pdfium(self, document: pdfium.PdfDocument, page: pdfium.PdfPage) -> None:
        """As PDFium edits pages."""
        data = (_FONTS / f"{self.face}.ttf").read_bytes()
        held = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        font = raw.FPDFText_LoadFont(document, held, len(data), raw.FPDF_FONT_TRUETYPE, 1)
        for row, line in enumerate(reversed(self.lines)):
            shown = raw.FPDFPageObj_CreateTextObj(document, font, self.size)
            codes = [*map(ord, line), 0]
            raw.FPDFText_SetText(shown, (ctypes.c_ushort * len(codes))(*codes))
            raw.FPDFPageObj_SetFillColor(shown, *([round(255 * self.gray)] * 3), 255)
            matrix = pdfium.PdfMatrix().translate(0, 1.3 * self.size * row).rotate(90 if self.turned else 0, ccw=True)
            raw.FPDFPageObj_SetMatrix(shown, matrix.translate(self.x, self.y).to_raw())
            raw.FPDFPage_InsertObject(page, shown)
        raw.FPDFPage_GenerateContent(page)


OnPage = Callable[[int], Print]
"""What is printed on a page, from 1."""


def documents(seed: int, bank: Bank, kind: str) -> dict[str, dict[str, Make]]:
    """By how they are made, and name: a document for each of the bank's `stamps`, `own` or `added` lines; only the first are marks."""
    chance = random.Random(f"{seed} {kind}")
    made: dict[str, dict[str, Make]] = {}
    for number, lines in enumerate(getattr(bank, kind), start=1):
        how, make = _document(chance, lines, kind)
        made.setdefault(how, {})[f"{kind} {number}"] = make
    return made


def _document(chance: random.Random, lines: Text, kind: str) -> tuple[str, Make]:
    seed = chance.randint(1000, 9000)
    latin = all(ord(character) < 256 for line in lines for character in line)
    on_page = _print(chance, lines)
    # A shop may make each copy anew, with its line in it.
    if kind == "own" or (chance.random() < _ITSELF and kind == "stamps" and latin):
        line, font = " ".join(on_page(1).lines), chance.choice((on_page(1).face, ""))
        return "itself", _itself(chance.choice(("Typst", "ReportLab")), seed, line, font, is_marked=kind == "stamps")
    producer = chance.choice(tuple(_PRODUCERS))
    original = _PRODUCERS[producer](seed)
    printer = chance.choice(["by_skia", "by_fpdf", "by_cairo", *(["by_reportlab"] * 2 if latin else [])])
    way = chance.choice(["pypdf", "pikepdf, over", "pikepdf, under", "pdfrw", "PDFium", *(["stream"] * 2 if latin else [])])
    return f"{producer}, {way}", _added(original, on_page, printer, way, is_marked=kind == "stamps")


def _added(original: bytes, on_page: OnPage, printer: str, way: str, *, is_marked: bool) -> Make:
    return lambda with_mark: original if is_marked and not with_mark else _printed(original, on_page, printer, way)


_ITSELF = 0.15
_PRODUCERS: dict[str, Callable[[int], bytes]] = {
    "Typst": lambda _seed: by_typst("")(False),
    "Skia": lambda _seed: by_skia(None)(False),
    "fpdf2": lambda seed: by_fpdf(seed, "")(False),
    "ReportLab": reportlab_documents.document,
    "cairo": lambda _seed: cairo_document(),
}


def _itself(producer: str, seed: int, line: str, font: str, *, is_marked: bool) -> Make:
    """A document with the line printed by its own producer, in its usual font or another."""
    if producer == "Typst":
        plain = line.replace("@", "\\@").replace("<", "\\<").replace("#", "\\#").replace("//", "\\/\\/")
        header = f"header: text({f'font: {chr(34)}DejaVu Sans Mono{chr(34)}, ' if font else ''}7pt)[{plain}]"
        return by_typst(header) if is_marked else lambda _marked: by_typst(header)(True)

    def paint(canvas: Canvas, _page: int) -> None:
        canvas.setFont("Courier" if font else "Helvetica", 7)
        canvas.drawString(60, 16, line)

    return lambda with_mark: reportlab_documents.document(seed, over=paint if with_mark or not is_marked else None)


def _print(chance: random.Random, lines: Text) -> OnPage:
    name = f"{chance.choice(('Ida', 'Tom', 'Mira', 'Olaf', 'Eve'))} {chance.choice(('Berg', 'Novak', 'Costa', 'Ashby', 'Lund'))}"
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(2019, 2026)
    filled = {
        "name": name,
        "mail": f"{name.lower().replace(' ', '.')}@mail.example",
        "organisation": chance.choice(("University of Eastmere", "Harbour Works Ltd", "Kestrel Institute", "Osprey & Partners")),
        "address": chance.choice(("library.example.org", "https://store.example.com/docs", "www.standards.example")),
        "number": str(chance.randint(10_000, 99_999_999)),
        "date": chance.choice((f"{day}.{month}.{year}", f"{year}-{month:02}-{day:02}", f"{month}/{day}/{year}")),
        "time": f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}",
        "year": str(year),
        "ip": f"192.0.2.{chance.randint(1, 254)}",
    }
    turned, where, size = chance.random() < 0.25, chance.random(), chance.choice((6.0, 7.0, 8.0, 9.0))
    margin = chance.uniform(14, 30)
    if turned:
        x, y = chance.choice((margin, _W - margin + size)), chance.uniform(120, 300)
    else:
        # In the foot, in the head, or over the text.
        x, y = chance.uniform(40, 160), margin if where < 0.5 else _H - margin - size if where < 0.75 else chance.uniform(250, 600)
    gray, face, standard = chance.choice((0.0, 0.0, 0.4, 0.6)), chance.choice(_FACES), chance.choice(_STANDARD)
    return lambda page: Print(tuple(line.format(page=page, **filled) for line in lines), x, y, size, turned, gray, face, standard)


def _printed(original: bytes, on_page: OnPage, printer: str, way: str) -> bytes:
    """The document with lines that another program adds to each page."""
    buffer = io.BytesIO()
    if way == "PDFium":
        edited = pdfium.PdfDocument(original)
        for number, page in enumerate(edited, start=1):
            on_page(number).by_pdfium(edited, page)
        edited.save(buffer)
        return buffer.getvalue()
    if way == "stream":
        document = pikepdf.open(io.BytesIO(original))
        for number, page in enumerate(document.pages, start=1):
            on_page(number).into_stream(document, page)
        document.save(buffer)
        return buffer.getvalue()
    varies = on_page(1) != on_page(2)
    count = len(pypdf.PdfReader(io.BytesIO(original)).pages)
    prints = [getattr(on_page(number), printer)() for number in range(1, count + 1 if varies else 2)]
    return overlay(original, prints, way)
