"""Lines that shops and libraries stamp into the margins of every page, and lines of the documents' own there.

What was tuned on is by ReportLab, pypdf and pikepdf. What was seen once before words were added for it has documents by Typst, Skia and
fpdf2, stamped by pdfrw and PDFium, and fpdf2's and Skia's own print laid over by pypdf and pikepdf. What was seen then has other words.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import pdfrw
import pikepdf
import pypdf
import pypdfium2 as pdfium
import skia
from fpdf import FPDF
from pypdfium2 import raw
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._pdf_set import reportlab_documents
from benchmarks.quality._pdf_set.held_out import by_skia, by_typst
from benchmarks.quality._pdf_set.other_documents import by_fpdf

_W, _H = A4
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
Make = Callable[[bool], bytes]
Stamp = Callable[[bytes], bytes]


def _printed(*lines: str, x: float = 60, y: float = 16, turned: bool = False, font: str = "Helvetica", gray: float = 0) -> bytes:
    """One page with the lines."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.setFont(font, 7)
    canvas.setFillGray(gray)
    canvas.translate(x, y)
    if turned:
        canvas.rotate(90)
    for row, line in enumerate(reversed(lines)):
        canvas.drawString(0, 9 * row, line)
    canvas.save()
    return buffer.getvalue()


def overlay(source: bytes, printed: Sequence[bytes], way: str) -> bytes:
    """The document with prints of one page over its pages, or under them: one for each page, or the same for all."""
    buffer, count = io.BytesIO(), len(printed)
    if way == "pypdf":
        writer = pypdf.PdfWriter(io.BytesIO(source), full=True)
        for number, page in enumerate(writer.pages):
            page.merge_page(pypdf.PdfReader(io.BytesIO(printed[number % count])).pages[0])
        writer.write(buffer)
    elif way == "pdfrw":
        read = pdfrw.PdfReader(fdata=source)
        marks = [pdfrw.PageMerge().add(pdfrw.PdfReader(fdata=each).pages[0])[0] for each in printed]
        for number, page in enumerate(read.pages):
            pdfrw.PageMerge(page).add(marks[number % count]).render()
        pdfrw.PdfWriter(buffer, trailer=read).write()
    else:
        document, prints = pikepdf.open(io.BytesIO(source)), [pikepdf.open(io.BytesIO(each)) for each in printed]
        for number, sheet in enumerate(document.pages):
            (sheet.add_underlay if way == "pikepdf, under" else sheet.add_overlay)(prints[number % count].pages[0], None)
        document.save(buffer)
    return buffer.getvalue()


def _by(way: str, printed: bytes) -> Stamp:
    return lambda source: overlay(source, [printed], way)


def _by_pdfium(text: str, x: float, y: float, turn: float) -> Stamp:
    def stamp(source: bytes) -> bytes:
        document = pdfium.PdfDocument(source)
        data = (_FONTS / "DejaVuSans.ttf").read_bytes()
        held = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        font = raw.FPDFText_LoadFont(document, held, len(data), raw.FPDF_FONT_TRUETYPE, 1)
        for page in document:
            shown = raw.FPDFPageObj_CreateTextObj(document, font, 7)
            codes = [*text.encode("utf-16-le")[::2], 0]
            raw.FPDFText_SetText(shown, (ctypes.c_ushort * len(codes))(*codes))
            raw.FPDFPageObj_SetMatrix(shown, pdfium.PdfMatrix().rotate(turn, ccw=True).translate(x, y).to_raw())
            raw.FPDFPage_InsertObject(page, shown)
            raw.FPDFPage_GenerateContent(page)
        buffer = io.BytesIO()
        document.save(buffer)
        return buffer.getvalue()

    return stamp


def _of_skia(line: str) -> bytes:
    stream = skia.DynamicMemoryWStream()
    face = skia.Typeface.MakeFromFile(str(_FONTS / "DejaVuSerif.ttf"))
    with skia.PDF.MakeDocument(stream) as document, document.page(_W, _H) as canvas:
        canvas.drawString(line, 60, _H - 16, skia.Font(face, 7), skia.Paint(Color=skia.ColorBLACK))
    return bytes(stream.detachAsData())


def _of_fpdf(line: str) -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("Courier", size=7)
    document.text(20, 292, line)
    return bytes(document.output())


def _stamped(make: Make, stamp: Stamp) -> Make:
    return lambda with_mark: stamp(make(False)) if with_mark else make(False)


def _reportlab(seed: int) -> Make:
    return lambda _marked: reportlab_documents.document(seed)


def marked_documents() -> dict[str, dict[str, Make]]:
    """By producer and name, a document with and without its stamp; for tuning."""
    order = "Licensed to Acme Ltd / Ms Lee", "Store order: OP-1234 / Downloaded: 2024-05-01", "Single user licence only."
    library = "Downloaded from https://library.example/ by guest on 12 May 2024"
    university = "Authorized licensed use limited to: University of Sampleton. Restrictions apply."
    return {
        "pypdf": {
            "one line": _stamped(_reportlab(301), _by("pypdf", _printed("Licensed to Ann Lee <ann@lee.example>"))),
            "three lines above": _stamped(_reportlab(302), _by("pypdf", _printed(*order, x=300, y=_H - 30))),
        },
        "pikepdf": {
            "along the side": _stamped(_reportlab(303), _by("pikepdf", _printed(library, x=_W - 14, y=200, turned=True))),
            "gray, below": _stamped(_reportlab(304), _by("pikepdf, under", _printed(university, gray=0.5))),
        },
    }


def unmarked_documents() -> dict[str, dict[str, Make]]:
    """By producer and name, a document with lines of its own; for tuning."""

    def with_line(seed: int, line: str, font: str) -> Make:
        def paint(canvas: Canvas, _page: int) -> None:
            canvas.setFont(font, 8)
            canvas.drawString(60, 16, line)

        return lambda _marked: reportlab_documents.document(seed, over=paint)

    return {
        "ReportLab": {
            "confidential": with_line(311, "Confidential – ACME Ltd.", "Times-Roman"),
            "licence": with_line(312, "© 2024 Example Press. Licensed to the public under CC BY 4.0.", "Times-Roman"),
            "contact": with_line(313, "Acme Ltd, sales@acme.example", "Helvetica"),
        }
    }


def seen_marked() -> dict[str, dict[str, Make]]:
    """By producer and name, a document with and without its stamp."""
    content = (
        "This content downloaded from 192.0.2.77 on Fri, 03 May 2024 17:20:11 UTC",
        "All use subject to https://about.example.org/terms",
    )
    standard = (
        "Provided by Sample Standards Store under license with the publisher",
        "Licensee=Acme Ltd/5912345001, User=Roe, Jane",
        "No reproduction or networking permitted without license. Not for Resale, 05/03/2024 07:20:11 MDT",
    )
    return {
        "pdfrw": {
            "archive": _stamped(by_typst(""), _by("pdfrw", _printed(*content))),
            "standard": _stamped(by_typst(""), _by("pdfrw", _printed(*standard, y=20))),
            "own copy": _stamped(by_skia(None), _by("pdfrw", _printed("Ihr persönliches Exemplar – Jane Roe – Bestellnummer 12345"))),
        },
        "PDFium": {
            "university": _stamped(by_skia(None), _by_pdfium("Downloaded by [University of Sampleton] at 10:12 03 May 2024", 14, 250, 90)),
            "book": _stamped(by_typst(""), _by_pdfium("E-book of Jane Roe (order 88121), bought at books.example", 60, 14, 0)),
        },
        "Skia": {"shop": _stamped(by_fpdf(331, ""), _by("pikepdf", _of_skia("Licensed to Jane Roe, jane@roe.example. Not for resale.")))},
        "fpdf2": {
            "guideline": _stamped(
                by_typst(""), _by("pypdf", _of_fpdf("Printed by Jane Roe on 5/3/2024 8:00:11 AM. For personal use only."))
            )
        },
    }


def seen_later_marked() -> dict[str, dict[str, Make]]:
    """By producer and name, a document with and without its stamp; looked at later."""
    return {
        "ReportLab on Skia": {
            "shop": _stamped(by_skia(None), _by("pdfrw", _printed("Purchased by Jane Roe on 3 May 2024", font="Courier", y=_H - 16))),
            "aggregator": _stamped(by_skia(None), _by("pypdf", _printed("Delivered by Example to: University of Sampleton IP: 192.0.2.5"))),
            "society": _stamped(by_skia(None), _by("pikepdf", _printed("Copyright Society of Samples. Licensed user: Acme. Order 5512."))),
        },
        "ReportLab on fpdf2": {
            "French": _stamped(by_fpdf(341, ""), _by("pikepdf", _printed("Téléchargé par Jane Roe le 3 mai 2024", font="Courier"))),
            "e-book": _stamped(by_fpdf(342, ""), _by("pdfrw", _printed("This eBook is licensed to Jane Roe", font="Courier", x=200))),
            "date": _stamped(by_fpdf(343, ""), _by("pypdf", _printed("Downloaded 2024-05-03 by 192.0.2.5. See terms.", font="Courier"))),
        },
    }


def seen_later_unmarked() -> dict[str, dict[str, Make]]:
    """By producer and name, a document with lines of its own in fonts of their own; looked at later."""

    def header(line: str) -> Make:
        return by_typst("", f'#set page(header: text(font: "DejaVu Sans Mono", 8pt)[{line}])')

    return {
        "Typst": {
            "manual": header("User manual, order no. 4711, version of May 2024"),
            "novel": header("Sold to the Highest Bidder"),
            "minutes": header("Issued to all members on 3 May 2024"),
        }
    }


def seen_unmarked() -> dict[str, dict[str, Make]]:
    """By producer and name, a document with lines of its own in fonts of their own."""

    def footer(line: str) -> Make:
        return by_typst("", f'#set page(footer: text(font: "DejaVu Sans Mono", 7pt)[{line}])')

    return {
        "Typst": {
            "confidential": footer("Confidential – ACME Ltd."),
            "licence": footer("© 2024 Example Press. Licensed under CC BY 4.0. Free to download at press.example"),
            "title": footer("Licensed to Fish: a history of the river"),
            "source": footer("Source: national statistics, figures of May 2024, order of 12 tables"),
        }
    }
