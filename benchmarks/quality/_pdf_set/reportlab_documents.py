"""Documents by ReportLab."""

from __future__ import annotations

import io
from collections.abc import Callable

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._pdf_set import pictures
from benchmarks.quality._pdf_set.stories import lines, paragraph

W, H = A4
Painter = Callable[[Canvas, int], None]


def body(canvas: Canvas, page: int, seed: int) -> None:
    canvas.setFont("Times-Bold", 20)
    canvas.drawString(72, H - 90, paragraph(seed, 4)[:40])
    canvas.setFont("Times-Roman", 11)
    for number, line in enumerate(lines(seed + page, 34)):
        canvas.drawString(72, H - 130 - 17 * number, line)
    canvas.setFillColor(colors.HexColor("#2a6"))
    canvas.rect(72, 60, 120, 30, stroke=0, fill=1)
    canvas.setFillColor(colors.black)
    canvas.drawString(W / 2, 40, f"{page + 1}")


def document(seed: int, pages: int = 4, under: Painter | None = None, over: Painter | None = None, content: Painter | None = None) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    for page in range(pages):
        if under:
            under(canvas, page)
        (content or (lambda c, p: body(c, p, seed)))(canvas, page)
        if over:
            over(canvas, page)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _turned(text: str, *, angle: float = 45, size: float = 70, alpha: float = 1, gray: float = 0.5, colour: str = "") -> Painter:
    def paint(canvas: Canvas, _page: int) -> None:
        canvas.saveState()
        canvas.translate(W / 2, H / 2)
        canvas.rotate(angle)
        canvas.setFont("Helvetica-Bold", size)
        canvas.setFillColor(colors.HexColor(colour) if colour else colors.Color(gray, gray, gray))
        if alpha < 1:
            canvas.setFillAlpha(alpha)
        canvas.drawCentredString(0, 0, text)
        canvas.restoreState()

    return paint


def _tiled(canvas: Canvas, _page: int) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica", 16)
    canvas.setFillColorRGB(0.3, 0.3, 0.3, alpha=0.18)
    for row in range(9):
        for column in range(5):
            canvas.saveState()
            canvas.translate(40 + column * 125, 40 + row * 95)
            canvas.rotate(30)
            canvas.drawString(0, 0, "ann@example.com")
            canvas.restoreState()
    canvas.restoreState()


def _picture(canvas: Canvas, _page: int) -> None:
    canvas.drawImage(ImageReader(pictures.stamp_text("SPECIMEN")), 90, 250, 420, 360, mask="auto", preserveAspectRatio=True)


def _split(canvas: Canvas, _page: int) -> None:
    canvas.saveState()
    canvas.translate(130, 230)
    canvas.rotate(50)
    canvas.setFillColorRGB(0.75, 0.75, 0.75)
    x = 0.0
    for letter in "INTERNAL":
        text = canvas.beginText(x, 0)
        text.setFont("Helvetica-Bold", 72)
        text.textOut(letter)
        canvas.drawText(text)
        x += canvas.stringWidth(letter, "Helvetica-Bold", 72) + 4
    canvas.restoreState()


def _hollow(canvas: Canvas, _page: int) -> None:
    canvas.saveState()
    canvas.translate(110, 240)
    canvas.rotate(52)
    canvas.setStrokeColorRGB(0.6, 0.6, 0.6)
    text = canvas.beginText(0, 0)
    text.setFont("Helvetica-Bold", 90)
    text.setTextRenderMode(1)
    text.textOut("PREVIEW")
    canvas.drawText(text)
    canvas.restoreState()


def _form(canvas: Canvas, page: int) -> None:
    if page == 0:
        canvas.beginForm("mark")
        _turned("Beispiel GmbH intern", size=44, gray=0.82)(canvas, page)
        canvas.endForm()
    canvas.doForm("mark")


def _trial(canvas: Canvas, _page: int) -> None:
    canvas.setFont("Helvetica", 9)
    canvas.setFillColorRGB(1, 0, 0)
    canvas.drawCentredString(W / 2, H - 24, "Evaluation Only. Created with Example.PDF. Copyright 2002-2024 Example Pty Ltd.")


def _upright(canvas: Canvas, _page: int) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica-Bold", 80)
    canvas.setFillColorRGB(0, 0, 0, alpha=0.12)
    canvas.drawCentredString(W / 2, H / 2, "SAMPLE")
    canvas.restoreState()


def _logo_behind(canvas: Canvas, _page: int) -> None:
    faded = pictures.logo(1)
    faded.putalpha(faded.getchannel("A").point(lambda value: value // 6))
    canvas.drawImage(ImageReader(faded), 100, 330, 400, 160, mask="auto")


def marked_documents() -> dict[str, Callable[[bool], bytes]]:
    """By name, a document with and without its mark."""

    def over(seed: int, painter: Painter, pages: int = 4) -> Callable[[bool], bytes]:
        return lambda with_mark: document(seed, pages, over=painter if with_mark else None)

    def under(seed: int, painter: Painter) -> Callable[[bool], bytes]:
        return lambda with_mark: document(seed, under=painter if with_mark else None)

    return {
        "turned text, transparent": over(1, _turned("CONFIDENTIAL", alpha=0.25)),
        "turned text, pale, below": under(2, _turned("DRAFT", size=120, gray=0.85)),
        "turned text, red, opaque": over(3, _turned("DO NOT COPY", size=60, colour="#d03030")),
        "one page, transparent": over(4, _turned("VOID", size=140, alpha=0.3), pages=1),
        "own words, 35°": over(5, _turned("Prepared for Jane Roe", angle=35, size=42, alpha=0.2)),
        "tiled text": over(6, _tiled),
        "image with soft mask": over(7, _picture),
        "split into letters": under(8, _split),
        "hollow letters": over(9, _hollow),
        "form": over(10, _form),
        "notice of a trial": over(11, _trial),
        "upright, transparent": over(12, _upright),
        "faded logo over the page": under(13, _logo_behind),
    }  # fmt: skip


def _letterhead(canvas: Canvas, page: int) -> None:
    canvas.drawImage(ImageReader(pictures.logo(2)), 72, H - 80, 150, 60, mask="auto")
    canvas.setFillColorRGB(0.5, 0.5, 0.5)
    canvas.setFont("Helvetica", 8)
    canvas.drawRightString(W - 72, H - 50, "Acme Works, 1 Mill Lane, Confidential")
    canvas.setFillColorRGB(0, 0, 0)
    canvas.setFont("Times-Roman", 11)
    for number, line in enumerate(lines(50 + page, 34)):
        canvas.drawString(72, H - 130 - 17 * number, line)


def _headings(canvas: Canvas, page: int) -> None:
    canvas.setFont("Helvetica-Bold", 48)
    canvas.setFillColorRGB(*((0.1, 0.1, 0.1) if page % 2 else (0.6, 0.6, 0.6)))
    canvas.drawString(72, H - 130, "DRAFT" if page == 0 else f"Sample {page}")
    canvas.setFillColorRGB(0, 0, 0)
    canvas.setFont("Times-Roman", 11)
    for number, line in enumerate(lines(60 + page, 30)):
        canvas.drawString(72, H - 190 - 17 * number, line)


def _chart(canvas: Canvas, page: int) -> None:
    body(canvas, page, 70)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.rect(72, 100, 450, 250, stroke=1, fill=1)
    canvas.setFillColorRGB(0.35, 0.35, 0.35)
    for number, month in enumerate(["January", "February", "March", "April", "May", "June", "July", "August"]):
        canvas.saveState()
        canvas.translate(110 + 50 * number, 105)
        canvas.rotate(45)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(0, 0, month)
        canvas.restoreState()
    canvas.saveState()
    canvas.translate(88, 180)
    canvas.rotate(90)
    canvas.setFont("Helvetica", 14)
    canvas.setFillColorRGB(0.6, 0.6, 0.6)
    canvas.drawString(0, 0, "Thousands of euros")
    canvas.restoreState()


def _table(canvas: Canvas, page: int) -> None:
    for row in range(30):
        canvas.setFillColorRGB(*((0.93, 0.95, 1.0) if row % 2 else (0.97, 0.97, 0.97)))
        canvas.rect(72, H - 120 - 20 * row, 450, 20, stroke=0, fill=1)
        canvas.setFillColorRGB(0.45, 0.45, 0.45)
        canvas.setFont("Helvetica", 9)
        for column in range(4):
            canvas.drawString(80 + 110 * column, H - 114 - 20 * row, lines(80 + row + page, 4, 2)[column])


def _drawing(canvas: Canvas, page: int) -> None:
    canvas.setStrokeColorRGB(0.6, 0.6, 0.6)
    for number in range(60):
        canvas.line(60 + 8 * number, 100, 300 + 3 * number, 700 - 5 * number)
        canvas.circle(100 + 7 * number, 200 + 6 * number, 10 + number % 7, fill=0)
    canvas.setFillColorRGB(0.7, 0.7, 0.7, alpha=0.5)
    for number in range(30):
        canvas.circle(120 + 11 * number, 150 + 15 * number, 6, stroke=0, fill=1)
    canvas.setFillColorRGB(0.2, 0.2, 0.2)
    for number in range(20):
        canvas.saveState()
        canvas.translate(100 + 20 * number, 120 + 28 * number)
        canvas.rotate(40)
        canvas.setFont("Helvetica", 7)
        canvas.drawString(0, 0, f"R {number * 3 + page}.5 mm")
        canvas.restoreState()


def _scanned(canvas: Canvas, page: int) -> None:
    told = lines(90 + page, 30)
    canvas.drawImage(ImageReader(pictures.scan(told, page)), 0, 0, W, H)
    text = canvas.beginText(52, H - 75)
    text.setFont("Helvetica", 12, leading=20.7)
    text.setTextRenderMode(3)
    for line in told:
        text.textLine(line)
    canvas.drawText(text)


def _papered(canvas: Canvas, page: int) -> None:
    canvas.drawImage(ImageReader(pictures.parchment()), 0, 0, W, H)
    body(canvas, page, 95)


def _slides(canvas: Canvas, page: int) -> None:
    canvas.setFillColorRGB(0.85, 0.85, 0.85)
    canvas.setFont("Helvetica-Bold", 150)
    canvas.drawString(60, H - 300, f"0{page + 1}")
    canvas.setFillColorRGB(0, 0, 0)
    canvas.setFont("Helvetica", 26)
    for number, line in enumerate(lines(97 + page, 6, 5)):
        canvas.drawString(72, H - 400 - 40 * number, line)


def _flyer(canvas: Canvas, page: int) -> None:
    canvas.setFillColorRGB(0.1, 0.2, 0.5)
    canvas.rect(0, 0, W, H, stroke=0, fill=1)
    _turned("SALE", size=150, colour="#ffe000", angle=30)(canvas, page)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.setFont("Helvetica", 24)
    canvas.drawString(72, 100, "Everything must go")


def unmarked_documents() -> dict[str, Callable[[bool], bytes]]:
    """By name, an unmarked document that may look as if it had a mark."""

    def only(content: Painter, pages: int = 4) -> Callable[[bool], bytes]:
        return lambda _marked: document(0, pages, content=content)

    return {
        "letterhead": only(_letterhead),
        "large headings": only(_headings),
        "axis labels": only(_chart),
        "striped table": only(_table),
        "drawing": only(_drawing),
        "scan with its text": only(_scanned),
        "papered page": only(_papered),
        "pale numbers of slides": only(_slides),
        "flyer": only(_flyer, 1),
    }  # fmt: skip
