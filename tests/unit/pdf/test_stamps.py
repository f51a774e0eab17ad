"""Lines that a shop or library stamps into the margins of pages, and what stands there by right."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pikepdf
import pypdf
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from services.inference.pdf.remove import RemovalRequest, remove_watermarks
from services.inference.pdf.report import Method, Report
from tests.unit.pdf.comparison import pictures, texts

PAGES = 4
W, H = A4
Painter = Callable[[Canvas, int], None]


def canvas_of(paint: Painter, pages: int = PAGES) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    for page in range(pages):
        paint(canvas, page)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def story(canvas: Canvas, page: int) -> None:
    """A running head, lines that reach into the lower margin, and a page number."""
    canvas.setFont("Times-Italic", 9)
    canvas.drawString(60, H - 40, "The winter market")
    canvas.setFont("Times-Roman", 11)
    for line in range(42):
        canvas.drawString(
            60, H - 80 - 16 * line, f"Line {line} of page {page} tells of things that were bought, sold and licensed long ago."
        )
    canvas.drawCentredString(W / 2, 30, str(page + 1))


def book(also: Painter = lambda _canvas, _page: None) -> bytes:
    def paint(canvas: Canvas, page: int) -> None:
        story(canvas, page)
        also(canvas, page)

    return canvas_of(paint)


def line(text: str, x: float, y: float, *, font: str = "Helvetica", size: float = 8, gray: float = 0, turned: bool = False) -> Painter:
    """Write lines of text; `{}` is the number of the page."""

    def paint(canvas: Canvas, page: int) -> None:
        canvas.saveState()
        canvas.setFont(font, size)
        canvas.setFillGray(gray)
        canvas.translate(x, y)
        if turned:
            canvas.rotate(90)
        for row, each in enumerate(text.split("\n")):
            canvas.drawString(0, -1.2 * size * row, each.format(page + 1))
        canvas.restoreState()

    return paint


def with_bold_name(canvas: Canvas, _page: int) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.drawString(60, 14, "This copy is licensed to ")
    x = 60 + canvas.stringWidth("This copy is licensed to ")
    canvas.setFont("Helvetica-Bold", 8)
    canvas.drawString(x, 14, "Ann Lee")


def twice(canvas: Canvas, page: int) -> None:
    for y in (14, H - 14):
        line("Sold to ann@lee.example", 60, y)(canvas, page)


def merged(stamp: Painter, *, over: bool = True) -> bytes:
    """Stamped by pypdf: the page's own content goes on."""
    writer = pypdf.PdfWriter(io.BytesIO(book()), full=True)
    for page, mark in zip(writer.pages, pypdf.PdfReader(io.BytesIO(canvas_of(stamp))).pages, strict=True):
        page.merge_page(mark, over=over)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def overlaid(stamp: Painter, *, over: bool = True) -> bytes:
    """Stamped by pikepdf: as a form."""
    document, mark = pikepdf.open(io.BytesIO(book())), pikepdf.open(io.BytesIO(canvas_of(stamp)))
    for page, other in zip(document.pages, mark.pages, strict=True):
        (page.add_overlay if over else page.add_underlay)(other)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


ORDER = (
    "Licensed to Acme Ltd / Ms Lee",
    "Store order: OP-1234 / Downloaded: 2024-05-01",
    "Single user licence only, copying and networking prohibited.",
)
STAMPED: Mapping[str, Callable[[], bytes]] = {
    "one line in the foot": lambda: merged(line("Licensed to Ann Lee <ann@lee.example>", 60, 14)),
    "three lines in the head": lambda: merged(line("\n".join(ORDER), 300, H - 14, size=7)),
    "as a form, with a time for each page": lambda: overlaid(line("Downloaded from library.example on 12 May 2024, 10:0{}", 60, 14)),
    "along the side": lambda: merged(line("Downloaded from https://library.example/ by guest on 12 May 2024", W - 14, 200, turned=True)),
    "gray, below": lambda: overlaid(line("Authorized licensed use limited to: University of Sampleton.", 60, 14, gray=0.5), over=False),
    "with the name in bold": lambda: merged(with_bold_name),
    "in German": lambda: merged(line("Lizenziert für Ann Lee, Bestellung 1234", 60, H - 14)),
    "of a shop for standards": lambda: merged(
        line("Provided by Sample Store under license with the publisher\nLicensee=Acme, User=Roe", 60, 20)
    ),
    "in the head and in the foot": lambda: merged(twice),
    "of an electronic book": lambda: merged(line("This eBook is licensed to Ann Lee, ann@lee.example", 60, 14)),
    "of a library's supplier": lambda: merged(line("Delivered by Sample Library to: IP 192.0.2.7 on: Mon, 13 May 2024 10:0{}:00", 60, 14)),
    "date first": lambda: overlaid(line("Downloaded 2024-05-13 by user 1234", 60, 14)),
    "in Spanish": lambda: merged(line("Comprado por Ann Lee, pedido 1234. Para uso exclusivo de la compradora.", 60, 14)),
}

OWN = {
    "page number": line("Page {} of 4", 60, 14),
    "running head": line("Downloads and licences: a history", 60, H - 20),
    "confidential": line("Confidential – ACME Ltd.", 60, 14, font="Times-Roman"),
    "copyright": line("© 2024 Example Press. Licensed to the public under CC BY 4.0.", 60, 14, font="Times-Roman"),
    "address": line("Downloaded from www.example.com/report-{}", 60, 14, font="Times-Roman"),
    "contact": line("Acme Ltd, sales@acme.example, order 1234", 60, 14),
    "licence of the content": line("© The authors 2024. Published under a CC BY licence.", 60, 14),
    "who brings it": line("Delivered by Acme Logistics, route {}", 60, 14, font="Times-Roman"),
    "in the middle of the page": line("Downloaded from library.example on 12 May 2024", 60, 400),
}


def removed(source: bytes, folder: Path, wanted: RemovalRequest) -> tuple[bytes, Report]:
    (folder / "source.pdf").write_bytes(source)
    report = remove_watermarks(folder / "source.pdf", folder / "target.pdf", lambda *_: None, wanted)
    return (folder / "target.pdf").read_bytes(), report


@pytest.mark.cases(3)
@pytest.mark.parametrize("name", STAMPED)
def test_a_stamp_goes_from_every_page_and_nothing_else(name: str, tmp_path: Path) -> None:
    result, report = removed(STAMPED[name](), tmp_path, RemovalRequest())
    assert {(finding.page, finding.method) for finding in report.removed_findings} == {(page, Method.TEXT) for page in range(1, PAGES + 1)}
    assert all("says whose copy it is, or where it came from" in finding.evidence for finding in report.removed_findings)
    assert not report.kept_findings
    for drawn, expected in zip(pictures(result), pictures(book()), strict=True):
        np.testing.assert_array_equal(drawn, expected)
    assert [text.split() for text in texts(result)] == [text.split() for text in texts(book())]


@pytest.mark.parametrize("name", OWN)
def test_what_stands_in_margins_by_right_stays(name: str, tmp_path: Path) -> None:
    source = book(OWN[name])
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert result == source
    assert not report.kept_findings


def test_a_title_with_such_words_is_not_surely_a_stamp(tmp_path: Path) -> None:
    source = book(line("Licensed to Fish: a history of the river", 60, 14))
    result, report = removed(source, tmp_path, RemovalRequest())
    assert result == source
    assert {finding.page for finding in report.kept_findings} == set(range(1, PAGES + 1))


def test_a_line_on_one_page_is_not_surely_a_stamp(tmp_path: Path) -> None:
    source = book(lambda canvas, page: line("Downloaded from library.example on 12 May 2024", 60, 14)(canvas, page) if page == 1 else None)
    result, report = removed(source, tmp_path, RemovalRequest())
    assert result == source
    assert [finding.page for finding in report.kept_findings] == [2]
