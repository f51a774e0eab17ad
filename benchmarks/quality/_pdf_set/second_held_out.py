"""Documents from producers that were added after the search was finished: PDFium's own page objects, and pdfrw's stamps."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pdfrw
import pypdfium2 as pdfium
from pypdfium2 import raw
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._pdf_set import pictures, reportlab_documents
from benchmarks.quality._pdf_set.stories import lines

_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
_W, _H = A4


def _text(
    document: pdfium.PdfDocument,
    page: pdfium.PdfPage,
    font: object,
    text: str,
    size: float,
    matrix: pdfium.PdfMatrix,
    colour: tuple[int, ...],
) -> None:
    shown = raw.FPDFPageObj_CreateTextObj(document, font, size)
    codes = [*text.encode("utf-16-le")[::2], 0]
    raw.FPDFText_SetText(shown, (ctypes.c_ushort * len(codes))(*codes))
    raw.FPDFPageObj_SetFillColor(shown, *colour)
    raw.FPDFPageObj_SetMatrix(shown, matrix.to_raw())
    raw.FPDFPage_InsertObject(page, shown)


def _pdfium(mark: str, size: float, angle: float, colour: tuple[int, ...], tiles: int = 1) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        document = pdfium.PdfDocument.new()
        data = (_FONTS / "DejaVuSans.ttf").read_bytes()
        held = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        font = raw.FPDFText_LoadFont(document, held, len(data), raw.FPDF_FONT_TRUETYPE, 1)
        for number in range(4):
            page = document.new_page(_W, _H)
            for row, line in enumerate(lines(600 + number, 34, 8)):
                _text(document, page, font, line, 10, pdfium.PdfMatrix().translate(60, _H - 80 - 19 * row), (20, 20, 20, 255))
            for tile in range(tiles if with_mark else 0):
                place = (130, 230) if tiles == 1 else (30 + 180 * (tile % 3), 60 + 110 * (tile // 3))
                _text(document, page, font, mark, size, pdfium.PdfMatrix().rotate(angle, ccw=True).translate(*place), colour)
            raw.FPDFPage_GenerateContent(page)
        buffer = io.BytesIO()
        document.save(buffer)
        return buffer.getvalue()

    return make


def _stamped(seed: int, kind: str, below: bool) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        source = pdfrw.PdfReader(fdata=reportlab_documents.document(seed, 4))
        buffer = io.BytesIO()
        canvas = Canvas(buffer, pagesize=A4, invariant=1)
        canvas.translate(_W / 2, _H / 2)
        if kind == "text":
            canvas.rotate(55)
            canvas.setFont("Helvetica-Bold", 58)
            canvas.setFillColorRGB(0.1, 0.3, 0.7, alpha=0.22)
            canvas.drawCentredString(0, 0, "Loan copy: do not sell")
        else:
            canvas.drawImage(ImageReader(pictures.stamp_text("VORSCHAU", colour=(200, 60, 60))), -190, -160, 380, 320, mask="auto")
        canvas.save()
        stamp = pdfrw.PageMerge().add(pdfrw.PdfReader(fdata=buffer.getvalue()).pages[0])[0]
        for page in source.pages if with_mark else ():
            pdfrw.PageMerge(page).add(stamp, prepend=below).render()
        result = io.BytesIO()
        pdfrw.PdfWriter(result, trailer=source).write()
        return result.getvalue()

    return make


def _stationery(_marked: bool) -> bytes:
    source = pdfrw.PdfReader(fdata=reportlab_documents.document(705, 4))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.drawImage(ImageReader(pictures.logo(3)), 40, _H - 66, 120, 48, mask="auto")
    canvas.setFont("Helvetica", 8)
    canvas.setFillGray(0.55)
    canvas.drawString(40, 20, "Draft minutes of the county council")
    canvas.save()
    paper = pdfrw.PageMerge().add(pdfrw.PdfReader(fdata=buffer.getvalue()).pages[0])[0]
    for page in source.pages:
        pdfrw.PageMerge(page).add(paper, prepend=True).render()
    result = io.BytesIO()
    pdfrw.PdfWriter(result, trailer=source).write()
    return result.getvalue()


def marked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document with and without its mark."""
    return {
        "PDFium": {
            "transparent": _pdfium("CONFIDENTIAL", 62, 50, (120, 120, 120, 70)),
            "pale": _pdfium("Arbeitskopie", 66, 48, (218, 218, 218, 255)),
            "tiles": _pdfium("eve@example.org", 15, 30, (90, 90, 90, 50), tiles=18),
        },
        "pdfrw": {
            "stamp over": _stamped(701, "text", below=False),
            "stamp under": _stamped(702, "text", below=True),
            "picture over": _stamped(703, "picture", below=False),
        },
    }


def unmarked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document without a mark."""
    return {
        "PDFium": {"rotated label": lambda _marked: _pdfium("Thousands of euros", 16, 90, (110, 110, 110, 255))(True)},
        "pdfrw": {"stationery below": _stationery},
    }
