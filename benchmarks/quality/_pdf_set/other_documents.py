"""Documents by fpdf2 and matplotlib."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from fpdf import FPDF
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from benchmarks.quality._pdf_set import pictures
from benchmarks.quality._pdf_set.stories import paragraph

_DAY = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)


class _Report(FPDF):
    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark
        self.set_creation_date(_DAY)

    def header(self) -> None:
        """Called for each page, before its content."""
        self.set_font("Helvetica", size=9)
        self.set_text_color(120)
        self.cell(text="Quarterly report, confidential to members", new_x="LMARGIN", new_y="NEXT")
        self.ln(6)
        if self.mark == "below":
            self.set_font("Helvetica", "B", 80)
            self.set_text_color(215)
            with self.rotation(50, 105, 148):
                self.text(40, 160, "MUSTER")
        self.set_text_color(0)

    def footer(self) -> None:
        """Called for each page, after its content."""
        if self.mark == "transparent":
            self.set_font("Helvetica", "B", 60)
            with self.local_context(fill_opacity=0.2), self.rotation(45, 105, 148):
                self.text(30, 155, "PROPERTY OF ACME")
        if self.mark == "picture":
            self.image(pictures.stamp_text("PROOF", alpha=60, tilt=35), 25, 90, 160)
        if self.mark == "tiles":
            self.set_font("Helvetica", size=14)
            with self.local_context(fill_opacity=0.15):
                for row in range(8):
                    for column in range(4):
                        with self.rotation(30, 15 + 50 * column, 35 + 32 * row):
                            self.text(15 + 50 * column, 35 + 32 * row, "copy for Bob")
        self.set_y(-15)
        self.set_font("Helvetica", size=8)
        self.cell(text=f"Page {self.page_no()}")


def by_fpdf(seed: int, mark: str) -> Callable[[bool], bytes]:
    def make(with_mark: bool) -> bytes:
        document = _Report(mark if with_mark else "")
        for page in range(3):
            document.add_page()
            document.set_font("Times", size=12)
            document.multi_cell(0, 6, text="\n\n".join(paragraph(seed * 10 + page * 3 + each, 130) for each in range(3)))
            with document.table() as table:
                for number in range(4):
                    row = table.row()
                    for column in range(3):
                        row.cell(paragraph(seed + number + column, 2))
        return bytes(document.output())

    return make


def _figures(draw: Callable[[Figure, int], None], mark: Callable[[Figure], None] | None, fonttype: int = 3) -> bytes:
    buffer = io.BytesIO()
    with mpl.rc_context({"pdf.fonttype": fonttype}), PdfPages(buffer, metadata={"CreationDate": _DAY}) as pages:
        for number in range(3):
            figure = Figure(figsize=(8.3, 6))
            draw(figure, number)
            if mark is not None:
                mark(figure)
            pages.savefig(figure)
    return buffer.getvalue()


def _plots(figure: Figure, number: int) -> None:
    chance = np.random.default_rng(number)
    first, second = figure.subplots(2, 1)
    first.plot(chance.normal(size=80).cumsum())
    first.set_title(f"Series {number}")
    days = [f"2024-0{month}-1{number}" for month in range(1, 9)]
    second.bar(days, chance.random(8), alpha=0.5)
    second.tick_params(axis="x", labelrotation=45, labelcolor="0.5")
    second.set_ylabel("share")


def _scatter(figure: Figure, number: int) -> None:
    chance = np.random.default_rng(number)
    axes = figure.subplots()
    x = chance.random(150)
    axes.scatter(x, x + chance.normal(scale=0.04, size=150), s=120, alpha=0.25)
    axes.annotate("fit", (0.5, 0.5), rotation=45, color="0.4")
    axes.fill_between([0, 1], [0.1, 1.1], [-0.1, 0.9], alpha=0.15)


def _text_mark(figure: Figure) -> None:
    figure.text(0.5, 0.5, "PRELIMINARY", fontsize=60, color="gray", alpha=0.3, rotation=30, ha="center", va="center")


def _outlined_mark(figure: Figure) -> None:
    outline = TextPath((0, 0), "Draft for review", size=44)
    place = Affine2D().rotate_deg(32).translate(120, 90)
    figure.add_artist(PathPatch(place.transform_path(outline), facecolor="0.5", edgecolor="none", alpha=0.3, transform=None))


def marked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document with and without its mark."""
    return {
        "fpdf2": {
            "turned, transparent": by_fpdf(1, "transparent"),
            "turned, pale, below": by_fpdf(2, "below"),
            "picture": by_fpdf(3, "picture"),
            "tiles": by_fpdf(4, "tiles"),
        },
        "matplotlib": {
            "text of Type 3": lambda with_mark: _figures(_plots, _text_mark if with_mark else None),
            "text of TrueType": lambda with_mark: _figures(_plots, _text_mark if with_mark else None, 42),
            "outlines": lambda with_mark: _figures(_plots, _outlined_mark if with_mark else None),
        },
    }


def unmarked_documents() -> dict[str, dict[str, Callable[[bool], bytes]]]:
    """By producer and name, a document without a mark."""
    return {"matplotlib": {"plots": lambda _marked: _figures(_plots, None), "scatter": lambda _marked: _figures(_scatter, None)}}
