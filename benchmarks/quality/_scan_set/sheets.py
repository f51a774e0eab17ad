"""Pages as they are before they are scanned: drawn by ReportLab, rendered by PDFium."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageOps
import pypdfium2
import reportlab
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._ocr_scans import HELD_OUT_TEXTS, TEXTS

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Canvas], None]

ROOT = Path(__file__).resolve().parents[3]
WIDTH, HEIGHT = float(A4[0]), float(A4[1])
_MARGIN, _LEADING = 56.0, 1.35
_TEXTS = {
    "English": "Each order is packed by hand and leaves the mill on Monday or Thursday. Bolts of linen (140 cm wide, 310 g) are cut to the "
    "nearest half metre; remnants go to the school in Fairley Street, which has dyed & sewn with them since 1962.",
    "Spanish": "El pedido n.º 5/C-771 se entregó el 9 de abril, aunque faltaban 27 bobinas. ¿Quién avisó al almacén? Según la señora "
    "Ibáñez, nadie: el importe (1.284,60 €) ya estaba pagado.",
    "Italian": "La tessitura è chiusa dal 4 al 19 agosto; chi volesse visitarla può scrivere un'e-mail con dieci giorni di anticipo. "
    "Perché così tardi? Le prove del nuovo telaio durano più di quanto si pensasse.",
}
for _name in ("Vera", "VeraBd", "VeraIt", "VeraBI"):
    pdfmetrics.registerFont(TTFont(_name, str(Path(reportlab.__file__).parent / "fonts" / f"{_name}.ttf")))


@dataclass(frozen=True, slots=True)
class Look:
    """What the pages of a part of the set have in common."""

    words: tuple[str, ...]
    picture: Callable[[], PIL.Image.Image]
    colour: str
    """Of the logo and the headline."""
    name: str
    headline: str
    shades: tuple[str, str]
    """Of a table: its head, and every third row."""
    highlighter: str
    signature: str


def _sample(name: str) -> PIL.Image.Image:
    return PIL.Image.open(ROOT / "samples" / name)


def _words(texts: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(" ".join(texts.values()).split())


SEEN = Look(
    _words(TEXTS),
    lambda: _sample("coffee.jpg"),
    "#a11d2b",
    "Northquay Harbour",
    "Minutes of May",
    ("#cfd8e6", "#ececec"),
    "#fff27a",
    "#23306b",
)
SECOND = Look(
    _words(HELD_OUT_TEXTS),
    lambda: _sample("portrait.jpg"),
    "#1b6e3c",
    "Osprey & Daughters",
    "Annual report",
    ("#d9d9d9", "#f3e3cf"),
    "#c9f29b",
    "#1c3f94",
)
THIRD = Look(
    _words(_TEXTS),
    lambda: PIL.ImageOps.mirror(_sample("coffee.jpg").convert("L")),
    "#5b2a86",
    "Kestrel Mills",
    "Estimate",
    ("#e3d5ee", "#e4f0e6"),
    "#ffd0e4",
    "#0f5e63",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is on a page."""

    kind: str
    """`text`, `table`, `photograph` or `chart`."""
    font: str
    bold: str
    size: float
    look: Look
    extra: str = ""
    """What looks like a mark and is none: `headline`, `logo`, `highlighter`, `signature` or `letterhead`."""

    def draw(self, canvas: Canvas) -> None:
        """On a canvas of A4."""
        words = self.look.words
        top = self._head(canvas)
        if self.kind == "table":
            top = self._table(canvas, words, top)
        elif self.kind == "photograph":
            picture = ImageReader(self.look.picture())
            canvas.drawImage(picture, _MARGIN + 20, top - 210, 300, 200, preserveAspectRatio=True, anchor="nw")
            top -= 225
        elif self.kind == "chart":
            top = self._chart(canvas, top)
        self._text(canvas, words, top)
        if self.extra == "signature":
            self._signature(canvas)

    def _head(self, canvas: Canvas) -> float:
        top, colour = HEIGHT - _MARGIN, HexColor(self.look.colour)
        if self.extra == "headline":
            canvas.setFillColor(colour)
            canvas.setFont(self.bold, 26)
            canvas.drawString(_MARGIN, top - 20, self.look.headline)
            top -= 44
        if self.extra in ("logo", "letterhead"):
            canvas.setFillColor(colour)
            canvas.setStrokeColor(colour)
            canvas.circle(_MARGIN + 24, top - 18, 22, stroke=1, fill=0)
            canvas.circle(_MARGIN + 24, top - 18, 12, stroke=0, fill=1)
            canvas.setFillColor(HexColor("#8a8f98"))
            canvas.setFont(self.bold, 18)
            canvas.drawString(_MARGIN + 60, top - 24, self.look.name)
            top -= 56
        if self.extra == "letterhead":
            canvas.setFillColor(HexColor("#9a9a9a"))
            canvas.setFont(self.font, 8)
            canvas.drawString(_MARGIN, 30, "Quay 7, Northport · VAT 318 204 · www.example.org")
        return top

    def _chart(self, canvas: Canvas, top: float) -> float:
        for number, height in enumerate((60, 110, 85, 150, 40, 125)):
            canvas.setFillColor(HexColor(self.look.colour if number % 2 else self.look.shades[0]))
            canvas.rect(_MARGIN + 30 + 62 * number, top - 175, 44, height, stroke=0, fill=1)
        canvas.setStrokeColor(HexColor("#404040"))
        canvas.line(_MARGIN + 16, top - 175, _MARGIN + 400, top - 175)
        return top - 190

    def _text(self, canvas: Canvas, words: Sequence[str], top: float) -> None:
        canvas.setFont(self.font, self.size)
        line, at, number = "", top - self.size, 0
        while at > _MARGIN + 20:
            word = words[number % len(words)]
            number += 1
            if stringWidth(f"{line} {word}", self.font, self.size) > WIDTH - 2 * _MARGIN:
                if self.extra == "highlighter" and round((top - at) / (self.size * _LEADING)) % 6 == 3:
                    canvas.setFillColor(HexColor(self.look.highlighter))
                    canvas.rect(_MARGIN + 40, at - 0.25 * self.size, 210, 1.15 * self.size, stroke=0, fill=1)
                canvas.setFillColor(HexColor("#151515"))
                canvas.drawString(_MARGIN, at, line)
                at -= _LEADING * self.size * (1.8 if number % 5 == 0 else 1)
                line = word
            else:
                line = f"{line} {word}".strip()

    def _table(self, canvas: Canvas, words: Sequence[str], top: float) -> float:
        shades = self.look.shades
        step = (WIDTH - 2 * _MARGIN) / 4
        for row in range(14):
            for column in range(4):
                left, base = _MARGIN + column * step, top - 22 * (row + 1)
                shaded = row == 0 or row % 3 == 2
                canvas.setFillColor(HexColor(shades[row > 0]) if shaded else HexColor("#ffffff"))
                canvas.setStrokeColor(HexColor("#707070"))
                canvas.setLineWidth(0.6)
                canvas.rect(left, base, step, 22, stroke=1, fill=1 if shaded else 0)
                canvas.setFillColor(HexColor("#151515"))
                canvas.setFont(self.bold if row == 0 else self.font, self.size)
                canvas.drawString(left + 5, base + 7, words[(row * 4 + column) % len(words)][:12])
        return top - 22 * 15

    def _signature(self, canvas: Canvas) -> None:
        canvas.setStrokeColor(HexColor(self.look.signature))
        canvas.setLineWidth(1.6)
        path = canvas.beginPath()
        path.moveTo(330, 86)
        for left in range(5):
            x = 330 + 30 * left
            path.curveTo(x + 10, 150 - 8 * left, x + 18, 60 + 5 * left, x + 30, 96 - (left % 2) * 12)
        canvas.drawPath(path)


def render_sheet(draw: Draw, dpi: int) -> Pixels:
    """A page of A4, height x width x 3."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    draw(canvas)
    canvas.save()
    with pypdfium2.PdfDocument(buffer.getvalue()) as document:
        return np.asarray(document[0].render(scale=dpi / 72).to_pil().convert("RGB"), np.uint8)
