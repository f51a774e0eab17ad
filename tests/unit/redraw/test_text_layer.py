"""The text of a redrawn page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pypdf import PdfReader

from services.inference.media import Image
from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.reading import Reading, Word
from services.inference.ocr.recognition import RecognisedLine
from services.inference.redraw.encoding import write_page
from services.inference.redraw.rebuild import rebuild
from services.inference.redraw.text_layer import Runs, coverage_test, recognised_runs, without_mark
from services.inference.watermark.box import Box
from services.inference.watermark.report import Kind, Mark, Method

BOX = (0.0, 0.0, 100.0, 100.0)
SHAPE = (200, 200, 3)
PAPER = np.full(SHAPE, 250, np.uint8)


def run(text: str, x: float, y: float, size: float = 10, tilt: float = 0) -> dict[str, Any]:
    return {"text": text, "x": x, "y": y, "size": size, "length": size * len(text) / 2, "tilt": tilt}


def mark(kind: Kind = Kind.TEXT, least: int = 80, most: int = 120) -> Mark:
    return Mark(kind, Box(least, least, most, most), 0.9, (Method.CLEARED,))


def texts(runs: Runs) -> list[str]:
    return [each["text"] for each in runs]


def test_text_of_a_mark_goes_and_text_under_it_stays() -> None:
    runs = [run("kept", 50, 50), run("MARK", 50, 50, tilt=45), run("axis", 10, 90, tilt=90), run("far", 95, 95, size=1, tilt=45)]
    assert texts(without_mark(runs, BOX, PAPER, PAPER, [mark()])) == ["kept", "axis", "far"]


def test_lines_of_a_page_that_lies_askew_are_no_mark() -> None:
    runs = [run("line", 20, 50 + 10 * number, tilt=5) for number in range(3)] + [run("MARK", 50, 50, tilt=45)]
    assert texts(without_mark(runs, BOX, PAPER, PAPER, [mark()])) == ["line"] * 3


def test_level_text_goes_with_its_ink_and_what_is_there_several_times_does_not() -> None:
    before, runs = PAPER.copy(), []
    for number, text in enumerate(["0.00", "0.00", "0.00", "0.00", "COPY"]):
        before[22 + 30 * number : 38 + 30 * number, 60:100:3] = 60
        runs.append(run(text, 30, 81 - 15 * number, size=8))
    after = before.copy()
    after[142:158] = 250
    assert texts(without_mark(runs, BOX, before, after, [mark(Kind.TILED, 0, 200)])) == ["0.00"] * 4


def test_a_tiled_mark_takes_what_is_repeated_beyond_its_box() -> None:
    runs = [run("copy", 10 + 20 * number, 90, tilt=30) for number in range(4)] + [run("note", 90, 90, tilt=30)]
    assert texts(without_mark(runs, BOX, PAPER, PAPER, [mark(Kind.TILED, 150, 160)])) == ["note"]
    assert len(without_mark(runs, BOX, PAPER, PAPER, [mark(Kind.TEXT, 150, 160)])) == 5


def test_lines_that_the_page_has_text_for_are_covered() -> None:
    has = coverage_test([run("a line of text", 10, 50), run("up", 80, 10, size=20, tilt=90)], BOX, SHAPE)
    assert has(Line(90, 94, 120, 20, 0))
    assert has(Line(154, 160, 40, 30, -90))
    assert not has(Line(90, 60, 120, 20, 0))
    assert not has(Line(90, 130, 120, 20, 0))


@pytest.mark.cases(2)
@pytest.mark.parametrize("tilt", [0.0, 90.0, 180.0, -90.0])
def test_words_stand_where_they_were_read(tmp_path: Path, tilt: float) -> None:
    """In a page's own coordinates, by two libraries, whatever the script."""
    lines = ["Grüße aus Köln", "合同自签字之日起生效", "𠅤 🛁 ok"]
    found = []
    for number, text in enumerate(lines):
        pieces = text.split(" ")
        words = [Word(piece + " " * (at + 1 < len(pieces)), at / len(pieces), (at + 1) / len(pieces)) for at, piece in enumerate(pieces)]
        place = (100.0, 60.0 + 40 * number) if tilt in (0, 180) else (60.0 + 40 * number, 100.0)
        found.append(RecognisedLine(Line(*place, 140, 24, tilt), Reading(tuple(words), 1.0)))
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(100, 100))
        document.save(tmp_path / "source.pdf")
    described = {"box": BOX, "runs": recognised_runs(found, BOX, SHAPE), "shape": write_page(Image(PAPER), tmp_path, 0)}
    (tmp_path / "0.json").write_text(json.dumps(described))
    rebuild(tmp_path / "source.pdf", tmp_path, tmp_path / "target.pdf")

    read = PdfReader(tmp_path / "target.pdf").pages[0].extract_text()
    assert sorted(read.split()) == sorted(" ".join(lines).split())
    with pypdfium2.PdfDocument(tmp_path / "target.pdf") as document:
        page = document[0]
        text = page.get_textpage()
        assert sorted(text.get_text_range().split()) == sorted(read.split())
        if tilt == 0:
            left, bottom, right, top = (2 * value for value in text.get_charbox(text.get_text_range().index("合"), loose=True))
            assert (left, right) == (pytest.approx(30, abs=2), pytest.approx(44, abs=2))
            assert (200 - top, 200 - bottom) == (pytest.approx(88, abs=3), pytest.approx(112, abs=3))
        assert rendered(page).min() > 240


def rendered(page: pypdfium2.PdfPage) -> Pixels8:
    return np.asarray(page.render(scale=2).to_numpy())
