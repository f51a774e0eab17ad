"""Documents stamped by pypdf and pikepdf (qpdf)."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pypdf
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._pdf_set import pictures, reportlab_documents

W, H = A4


def _stamp(kind: str) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.saveState()
    canvas.translate(W / 2, H / 2)
    canvas.rotate(60)
    canvas.setFont("Helvetica", 66)
    if kind == "pale":
        canvas.setFillGray(0.8)
    else:
        canvas.setFillColorRGB(0.8, 0.1, 0.1, alpha=0.3)
    if kind == "picture":
        canvas.drawImage(ImageReader(pictures.stamp_text("COPY", tilt=0)), -150, -60, 300, 120, mask="auto")
    else:
        canvas.drawCentredString(0, 0, "NOT FOR SALE" if kind == "pale" else "Review copy 17")
    canvas.restoreState()
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _merged(seed: int, kind: str, over: bool) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        writer = pypdf.PdfWriter(io.BytesIO(reportlab_documents.document(seed)), full=True)
        mark = pypdf.PdfReader(io.BytesIO(_stamp(kind))).pages[0]
        for page in writer.pages:
            if with_mark:
                page.merge_page(mark, over=over)
        buffer = io.BytesIO()
        writer.write(buffer)
        return buffer.getvalue()

    return make


def _overlaid(seed: int, kind: str, over: bool) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        document = pikepdf.open(io.BytesIO(reportlab_documents.document(seed, 5)))
        mark = pikepdf.open(io.BytesIO(_stamp(kind)))
        for page in document.pages if with_mark else ():
            (page.add_overlay if over else page.add_underlay)(mark.pages[0], None)
        buffer = io.BytesIO()
        document.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        return buffer.getvalue()

    return make


def marked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document with and without its mark."""
    return {
        "pypdf": {
            "merged over": _merged(101, "red", over=True),
            "merged under": _merged(102, "pale", over=False),
            "merged picture": _merged(103, "picture", over=True),
        },
        "pikepdf": {
            "overlay": _overlaid(104, "red", over=True),
            "underlay": _overlaid(105, "pale", over=False),
            "overlay with a picture": _overlaid(106, "picture", over=True),
        },
    }  # fmt: skip


def _stamped_annotation(_marked: bool) -> bytes:
    document = pikepdf.open(io.BytesIO(reportlab_documents.document(107)))
    look = document.make_stream(
        b"q 0.8 0 0 rg 0.87 0.5 -0.5 0.87 30 10 cm BT /F 30 Tf (CONFIDENTIAL) Tj ET Q",
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Form,
        BBox=[0, 0, 260, 160],
        Resources=pikepdf.Dictionary(
            Font=pikepdf.Dictionary(
                F=pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
            )
        ),
    )
    for page in document.pages:
        stamp = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Stamp, Rect=[200, 500, 460, 660], F=4, AP=pikepdf.Dictionary(N=look), CA=0.4
        )
        page.obj.Annots = pikepdf.Array([document.make_indirect(stamp)])
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _common_letterhead(_marked: bool) -> bytes:
    """Stationery, as a form, that every page is drawn over."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    canvas.drawImage(ImageReader(pictures.logo(3)), 40, H - 70, 130, 52, mask="auto")
    canvas.setFillColorRGB(0.3, 0.5, 0.8)
    canvas.rect(0, 0, W, 14, stroke=0, fill=1)
    canvas.setFillGray(0.6)
    canvas.setFont("Helvetica", 9)
    canvas.drawString(40, 22, "Acme Ltd, company number 01234567, registered in Sampleton")
    canvas.showPage()
    canvas.save()
    document = pikepdf.open(io.BytesIO(reportlab_documents.document(108)))
    paper = pikepdf.open(io.BytesIO(buffer.getvalue()))
    for page in document.pages:
        page.add_underlay(paper.pages[0], None)
    result = io.BytesIO()
    document.save(result)
    return result.getvalue()


def unmarked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document without a mark."""
    return {"pikepdf": {"stamp annotation": _stamped_annotation, "stationery below": _common_letterhead}}
