"""Marks on pages: where each covers a page, and its paint."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from benchmarks.quality._scan_set.sheets import HEIGHT, WIDTH


@dataclass(frozen=True, slots=True)
class Stamp:
    """One mark: black where it covers."""

    kind: str
    """`slanted`, `level`, `round`, `framed`, `tiled` or `footer`."""
    word: str
    font: str
    colour: tuple[int, int, int]
    opacity: float
    multiplies: bool
    """As ink does; else it lies over the print, which becomes paler."""
    angle: float = 45.0
    place: tuple[float, float] = (0.5, 0.5)

    def draw(self, canvas: Canvas) -> None:
        """On a canvas of A4."""
        getattr(self, f"_{self.kind}")(canvas)

    def _slanted(self, canvas: Canvas) -> None:
        size = 0.82 * WIDTH / stringWidth(self.word, self.font, 1)
        self._centred(canvas, self.word, min(size, 150), self.place, self.angle)

    def _level(self, canvas: Canvas) -> None:
        self._centred(canvas, self.word, 0.75 * WIDTH / stringWidth(self.word, self.font, 1), self.place, 0)

    def _footer(self, canvas: Canvas) -> None:
        self._centred(canvas, self.word, 9, (0.5, 0.035), 0)

    def _tiled(self, canvas: Canvas) -> None:
        for row in range(9):
            for column in range(3):
                self._centred(canvas, self.word, 17, ((column + 0.5 + 0.25 * (row % 2)) / 3.2, (row + 0.5) / 9), self.angle)

    def _framed(self, canvas: Canvas) -> None:
        self._moved(canvas, self.place, self.angle)
        half = stringWidth(self.word, self.font, 34) / 2 + 12
        canvas.setLineWidth(4)
        canvas.roundRect(-half, -22, 2 * half, 50, 6)
        canvas.setFont(self.font, 34)
        canvas.drawCentredString(0, -9, self.word)
        canvas.restoreState()

    def _round(self, canvas: Canvas) -> None:
        self._moved(canvas, self.place, self.angle)
        canvas.setLineWidth(2.5)
        canvas.circle(0, 0, 62)
        canvas.setLineWidth(1.2)
        canvas.circle(0, 0, 42)
        canvas.setFont(self.font, 12)
        text = f"{self.word} * {self.word} * "
        for number, letter in enumerate(text):
            canvas.saveState()
            canvas.rotate(-360 * number / len(text))
            canvas.drawCentredString(0, 48, letter)
            canvas.restoreState()
        canvas.setFont(self.font, 17)
        canvas.drawCentredString(0, -6, self.word[:7])
        canvas.restoreState()

    def _centred(self, canvas: Canvas, word: str, size: float, place: tuple[float, float], angle: float) -> None:
        self._moved(canvas, place, angle)
        canvas.setFont(self.font, size)
        canvas.drawCentredString(0, -0.35 * size, word)
        canvas.restoreState()

    def _moved(self, canvas: Canvas, place: tuple[float, float], angle: float) -> None:
        canvas.saveState()
        canvas.translate(place[0] * WIDTH, place[1] * HEIGHT)
        canvas.rotate(math.copysign(abs(angle), angle))
