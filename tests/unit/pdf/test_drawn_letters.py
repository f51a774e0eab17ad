"""Letters that are drawn: as outlines without curves, as office suites write them, and as tiles of a pattern; and drawings like them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from pikepdf import Array, Dictionary, Name, Stream

from services.inference.pdf.remove import RemovalRequest
from services.inference.pdf.report import Method
from tests.unit.pdf.builder import Builder
from tests.unit.pdf.comparison import pictures, texts
from tests.unit.pdf.test_search import PAGES, document, removed

Points = Sequence[tuple[float, float]]
LETTERS: dict[str, Sequence[Points]] = {
    "D": [[(0, 0), (0, 7), (3, 7), (5, 5), (5, 2), (3, 0)], [(1, 1), (3, 1), (4, 2), (4, 5), (3, 6), (1, 6)]],
    "R": [[(0, 0), (0, 7), (4, 7), (5, 6), (5, 4), (4, 3), (5, 0), (4, 0), (3, 3), (1, 3), (1, 0)], [(1, 4), (4, 4), (4, 6), (1, 6)]],
    "A": [[(0, 0), (2, 7), (3, 7), (5, 0), (4, 0), (3.5, 2), (1.5, 2), (1, 0)], [(1.8, 3), (3.2, 3), (2.5, 5.5)]],
    "F": [[(0, 0), (0, 7), (5, 7), (5, 6), (1, 6), (1, 4), (4, 4), (4, 3), (1, 3), (1, 0)]],
    "T": [[(2, 0), (2, 6), (0, 6), (0, 7), (5, 7), (5, 6), (3, 6), (3, 0)]],
}


def polygon(points: Points) -> bytes:
    begin, *others = [b"%.2f %.2f" % point for point in points]
    return begin + b" m " + b"".join(each + b" l " for each in others) + b"h "


def outlines(height: float, degrees: float, x: float, y: float) -> list[bytes]:
    """The letters of DRAFT, each as a path of straight lines; their turn is in the coordinates."""
    cosine, sine, unit = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), height / 7
    drawn = []
    for number, letter in enumerate("DRAFT"):
        at = 6.2 * number
        drawn.append(
            b"".join(
                polygon([(x + unit * (cosine * (u + at) - sine * v), y + unit * (sine * (u + at) + cosine * v)) for u, v in points])
                for points in LETTERS[letter]
            )
        )
    return drawn


TURNED = outlines(40, 45, 40, 20)
OUTLINED = {
    "one path": b"q /Pale gs 0.5 g " + b"".join(TURNED) + b"f* Q",
    "letter by letter": b"q /Pale gs 0.5 g " + b"".join(each + b"f* " for each in TURNED) + b"Q",
    "each in its own block": b"".join(b"q /Pale gs 0.5 g " + each + b"f* Q " for each in TURNED),
    "pale": b"q 0.75 g " + b"".join(TURNED) + b"f* Q",
    "filled and stroked": b"q /Pale gs 0.5 g 0.5 G " + b"".join(TURNED) + b"B* Q",
    "an artifact": b"/Artifact BMC q /Pale gs 0.5 g " + b"".join(TURNED) + b"f* Q EMC",
    "upright": b"q /Pale gs 0.5 g " + b"".join(outlines(40, 0, 15, 80)) + b"f* Q",
}


@pytest.mark.parametrize("name", OUTLINED)
def test_outlines_without_curves_go(name: str, tmp_path: Path) -> None:
    marked, truth = document(OUTLINED[name])
    result, report = removed(marked, tmp_path)
    assert [(finding.page, finding.method) for finding in report.removed_findings] == [
        (page, Method.OUTLINE) for page in range(1, PAGES + 1)
    ]
    for drawn, expected in zip(pictures(result), pictures(truth), strict=True):
        np.testing.assert_array_equal(drawn, expected)
    assert texts(result) == texts(truth)


def stacked_areas() -> bytes:
    tops = [[(20 + 8 * at, 30 + 25 * row + 10 * math.sin(at + row)) for at in range(20)] for row in range(4)]
    return b"".join(polygon([*top, (172, 20), (20, 20)]) + b"f " for top in tops)


def regions() -> bytes:
    """A map of nine."""
    drawn = b""
    for row in range(3):
        for column in range(3):
            x, y, kind = 40 + 55 * column, 40 + 50 * row, row + column
            angles = [0.35 * step for step in range(18)]
            edge = [
                (x + (18 + 5 * math.sin(3 * a + kind)) * math.cos(a), y + (16 + 4 * math.cos(2 * a + column)) * math.sin(a)) for a in angles
            ]
            drawn += polygon(edge) + b"f "
    return drawn


def arrows() -> bytes:
    return b"".join(
        polygon([(x, x), (x + 12, x + 9), (x + 9, x + 12), (x + 16, x + 16), (x + 14, x + 4), (x + 11, x + 7), (x + 3, x - 2)]) + b"f "
        for x in range(20, 160, 22)
    )


def hexagons() -> bytes:
    """Markers of two series along a rising line."""
    angles = [1.05 * step for step in range(6)]
    places = [(20 + 18 * step, 30 + 17 * step) for step in range(8)]
    return b"".join(polygon([(x + 8 * math.cos(a), y + (8 + x % 3) * math.sin(a)) for a in angles]) + b"f " for x, y in places)


DRAWINGS = {
    "stacked areas": b"q /Pale gs 0.2 0.5 0.8 rg " + stacked_areas() + b"Q",
    "regions of a map": b"q /Pale gs 0.2 0.5 0.8 rg " + regions() + b"Q",
    "arrows": b"q /Pale gs 0.2 0.5 0.8 rg " + arrows() + b"Q",
    "markers": b"q 0.7 g " + hexagons() + b"Q",
    "logo": b"q 0.75 g " + b"".join(outlines(9, 0, 140, 185)) + b"f* Q",
    "heading": b"q 0.6 g " + b"".join(outlines(14, 0, 12, 183)) + b"f* Q",
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_of_straight_lines_stay(name: str, tmp_path: Path) -> None:
    source, _ = document(DRAWINGS[name])
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert result == source
    assert not report.kept_findings


NAMES = b"0.8 g q 0.87 0.5 -0.5 0.87 5 5 cm BT /F1 9 Tf (Ann Lee) Tj ET Q"
VINES = b"0.6 g BT /F1 8 Tf 4 4 Td (v) Tj ET"


def pattern(content: bytes, size: int) -> Callable[[Builder], dict[str, object]]:
    def tile(build: Builder) -> Stream:
        return build.pdf.make_stream(
            content, Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1, BBox=Array([0, 0, size, size]), XStep=size, YStep=size,
            Resources=build.resources(),
        )  # fmt: skip

    return lambda build: {"Pattern": Dictionary(P1=tile(build))}


BORDER = polygon([(10, 10), (180, 30), (190, 120), (120, 190), (20, 150)])
USED = b"q /Pattern cs /P1 scn "
AREAS = {
    "legend": USED + b"20 20 30 12 re f Q",
    "region": USED + BORDER + b"f Q 0 G " + BORDER + b"S",
    "ellipse": USED + b"100 10 m 200 10 200 190 100 190 c 0 190 0 10 100 10 c f Q",
    "bars": USED + b"20 20 20 90 re 50 20 20 140 re 80 20 20 60 re 110 20 70 170 re f Q",
    "half the page": USED + b"10 10 180 90 re f Q 0 G 10 10 180 90 re S",
    "clipped to a region": b"q " + BORDER + b"W n /Pattern cs /P1 scn 0 0 200 200 re f Q",
}


@pytest.mark.parametrize("tile", [(NAMES, 50), (VINES, 20)], ids=["names", "vines"])
@pytest.mark.parametrize("name", AREAS)
def test_patterns_of_letters_in_a_drawing_stay(name: str, tile: tuple[bytes, int], tmp_path: Path) -> None:
    source, _ = document(AREAS[name], prepare=pattern(*tile))
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert result == source
    assert not report.kept_findings


@pytest.mark.parametrize(
    "area",
    [b"0 0 200 200 re f", b"10 10 180 180 re f", b"0 0 m 200 0 l 200 200 l 0 200 l h f", b"0 0 200 200 re W n 0 0 200 200 re f"],
    ids=["page", "within margins", "by its corners", "clipped to the page"],
)
def test_patterns_of_letters_over_the_page_go(area: bytes, tmp_path: Path) -> None:
    marked, _ = document(USED + area + b" Q", prepare=pattern(NAMES, 50))
    _, truth = document(b"")
    result, report = removed(marked, tmp_path)
    assert [finding.page for finding in report.removed_findings] == list(range(1, PAGES + 1))
    for drawn, expected in zip(pictures(result), pictures(truth), strict=True):
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(("box", "goes"), [([0, 0, 200, 200], True), ([20, 20, 90, 60], False)], ids=["large", "small"])
def test_a_pattern_in_a_form_shows_as_far_as_the_form_does(box: list[int], goes: bool, tmp_path: Path) -> None:
    def prepare(build: Builder) -> dict[str, object]:
        form = build.form(USED + b"0 0 200 200 re f Q", Dictionary(**pattern(NAMES, 50)(build)))
        form.BBox = Array(box)
        return {"XObject": Dictionary(Fm=form)}

    source, _ = document(b"/Fm Do", prepare=prepare)
    result, report = removed(source, tmp_path)
    assert (result != source) is goes
    assert bool(report.removed_findings) is goes
