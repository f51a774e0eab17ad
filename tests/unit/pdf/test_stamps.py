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
from services.inference.pdf.texts import MAYBE_OWN, NOT_SURE
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


def streamed(stamp: Painter) -> bytes:
    """Stamped as iText and PDFBox do: as another stream, with a font of its own."""
    document, mark = pikepdf.open(io.BytesIO(book())), pikepdf.open(io.BytesIO(canvas_of(stamp)))
    for page, other in zip(document.pages, mark.pages, strict=True):
        font = page.add_resource(document.copy_foreign(other.Resources.Font.F1), pikepdf.Name.Font)
        page.contents_add(b"q", prepend=True)
        page.contents_add(b"Q q " + other.Contents.read_bytes().replace(b"/F1", str(font).encode()) + b" Q")
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


TOLD = {"copyright", "address", "licence of the content", "who brings it"}
"""Those whose words are like a stamp's."""


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
    assert {finding.reason for finding in report.kept_findings} == ({MAYBE_OWN} if name in TOLD else set())


ADDED: Mapping[str, Callable[[Painter], bytes]] = {
    "merged into the stream": merged,
    "merged below": lambda stamp: merged(stamp, over=False),
    "as a form": overlaid,
    "as a form below": lambda stamp: overlaid(stamp, over=False),
    "in a stream": streamed,
}


@pytest.mark.parametrize("way", ADDED)
def test_an_added_line_in_other_words_goes_over_text_too(way: str, tmp_path: Path) -> None:
    result, report = removed(ADDED[way](line("Dieses Exemplar gehört Ann Lee, Bestellung 1234", 60, 402)), tmp_path, RemovalRequest())
    assert {finding.page for finding in report.removed_findings} == set(range(1, PAGES + 1))
    for drawn, expected in zip(pictures(result), pictures(book()), strict=True):
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(
    "text", ["Ann Lee, ann@lee.example, 1234", "Personal edition of Ann Lee, sharing is theft", "Prepared for Ann Lee on 12 May 2024"]
)
def test_an_added_line_without_such_words_is_told(text: str, tmp_path: Path) -> None:
    source = overlaid(line(text, 60, 14))
    result, report = removed(source, tmp_path, RemovalRequest())
    assert result == source
    assert {(finding.page, finding.reason) for finding in report.kept_findings} == {(page, NOT_SURE) for page in range(1, PAGES + 1)}


@pytest.mark.parametrize("text", ["Page {} of 4", "Exhibit 7-{}", "{}"])
def test_added_numbers_of_pages_are_the_documents_own(text: str, tmp_path: Path) -> None:
    source = overlaid(line(text, 60, 14))
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert result == source
    assert not report.kept_findings


def test_a_title_with_such_words_is_not_surely_a_stamp(tmp_path: Path) -> None:
    source = book(line("Licensed to Fish: a history of the river", 60, 14))
    result, report = removed(source, tmp_path, RemovalRequest())
    assert result == source
    assert {finding.page for finding in report.kept_findings} == set(range(1, PAGES + 1))


def test_a_line_of_the_documents_own_producer_is_not_surely_a_stamp(tmp_path: Path) -> None:
    source = book(line("Issued to all members on 3 May 2024", 60, 14))
    result, report = removed(source, tmp_path, RemovalRequest())
    assert result == source
    assert {finding.reason for finding in report.kept_findings} == {NOT_SURE}


def test_a_line_on_one_page_is_not_surely_a_stamp(tmp_path: Path) -> None:
    source = book(lambda canvas, page: line("Downloaded from library.example on 12 May 2024", 60, 14)(canvas, page) if page == 1 else None)
    result, report = removed(source, tmp_path, RemovalRequest())
    assert result == source
    assert [finding.page for finding in report.kept_findings] == [2]
