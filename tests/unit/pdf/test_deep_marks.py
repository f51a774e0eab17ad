"""Marks several forms deep, with blend modes and opacity on the way: they go whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pikepdf import Dictionary, Name

from services.inference.pdf.remove import RemovalRequest
from tests.unit.pdf.builder import BODY, INLINE_ARTIFACT, Builder
from tests.unit.pdf.comparison import pictures, texts
from tests.unit.pdf.removal import Remove, assert_same
from tests.unit.pdf.test_search import PAGES, TURNED, body, document, image_of, picture, removed

Prepare = Callable[[Builder], dict[str, object]]
NAMED = TURNED + b"BT /F2 26 Tf (Only for Ann Lee) Tj ET "
TWO_LINES = TURNED + b"0.8 g BT /F2 30 Tf (Ann Lee) Tj ET BT /F2 12 Tf 0 -16 Td (on 12 May 2024, reader 77) Tj ET "
FRAMED = TURNED + b"0.8 g 0.8 G 2 w -4 -8 190 34 re S BT /F2 26 Tf (Ann Lee only) Tj ET "


def state(**entries: object) -> Dictionary:
    return Dictionary(Type=Name.ExtGState, **entries)


STATES = {
    "Multiply": state(BM=Name.Multiply),
    "Darken": state(BM=Name.Darken),
    "Overlay": state(BM=Name.Overlay),
    "Half": state(ca=0.4, CA=0.4),
}


def deep(content: bytes, *levels: bytes) -> Prepare:
    """A form for each level, in the one before, that begins with these operators; the innermost draws the content."""

    def prepare(build: Builder) -> dict[str, object]:
        states, group = Dictionary(**STATES), Dictionary(S=Name.Transparency)
        pictured = Dictionary(Im=image_of(build.pdf, picture()))
        form = build.form(b"q " + levels[-1] + content + b"Q", build.resources(ExtGState=states, XObject=pictured), Group=group)
        for level in reversed(levels[:-1]):
            form = build.form(b"q " + level + b"/Fm Do Q", Dictionary(XObject=Dictionary(Fm=form), ExtGState=states), Group=group)
        return {"XObject": Dictionary(Fx=form)}

    return prepare


DEEP = {
    "opacity in the middle": deep(b"0.4 g " + NAMED, b"", b"/Half gs ", b""),
    "multiplied outside": deep(b"0.8 g " + NAMED, b"/Multiply gs ", b"", b""),
    "multiplied at each level": deep(b"0.8 g " + NAMED, b"/Multiply gs ", b"/Multiply gs ", b"/Multiply gs "),
    "darkened": deep(b"0.8 g " + NAMED, b"/Darken gs ", b"", b""),
    "overlaid, half": deep(b"0.2 g " + NAMED, b"/Half gs ", b"", b"/Overlay gs "),
    "two sizes": deep(TWO_LINES, b"/Multiply gs ", b"", b""),
    "in a frame": deep(FRAMED, b"/Half gs ", b"", b""),
    "with a picture": deep(b"q 160 0 0 160 20 20 cm /Im Do Q 0.8 g " + NAMED, b"/Multiply gs ", b"", b""),
}


@pytest.mark.parametrize("name", DEEP)
def test_a_deep_mark_goes_whole(name: str, tmp_path: Path) -> None:
    marked, _ = document(b"q /Fx Do Q", prepare=DEEP[name])
    _, truth = document(b"")
    result, report = removed(marked, tmp_path)
    assert {finding.page for finding in report.removed_findings} == set(range(1, PAGES + 1))
    assert not report.kept_findings
    for drawn, expected in zip(pictures(result), pictures(truth), strict=True):
        np.testing.assert_array_equal(drawn, expected)
    assert texts(result) == texts(truth)


def test_a_deep_blended_mark_that_declares_itself_goes(removed: Remove) -> None:
    made = []
    for mark in (INLINE_ARTIFACT + b"q /Fx Do Q EMC\n", b""):
        build = Builder()
        more = deep(b"0.8 g " + NAMED, b"/Multiply gs ", b"/Multiply gs ")(build) if mark else {}
        build.page(BODY + mark, resources=build.resources(**more))
        made.append(build.save())
    assert_same(removed(made[0]), made[1])


CHART = b"0.6 G 0.5 w " + b"".join(b"20 %d m 180 %d l S " % (y, y) for y in range(20, 160, 10)) + b"0.8 0.4 0.2 rg 30 20 20 90 re f "


@pytest.mark.parametrize(
    "content",
    [
        CHART + b"0.3 g BT /F1 6 Tf 20 12 Td (January) Tj ET ",
        b"0.9 g 20 20 160 8 re f 0 g BT /F1 7 Tf 22 22 Td (Total of the year) Tj ET ",
        body(7),
        b"q /Half gs 0.5 g 34 26 60 40 re f Q 1 g 30 30 60 40 re f 0 G 30 30 60 40 re S 0 g BT /F1 6 Tf 34 44 Td (Start) Tj ET ",
    ],
    ids=["chart", "row of a table", "text", "box with a shadow"],
)
@pytest.mark.parametrize("levels", [(b"/Multiply gs ", b"", b""), (b"", b"/Multiply gs ", b"/Multiply gs ")], ids=["outside", "inside"])
def test_deep_blended_content_stays(content: bytes, levels: tuple[bytes, ...], tmp_path: Path) -> None:
    source, _ = document(b"q /Fx Do Q", prepare=deep(content, *levels))
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert result == source
    assert not report.kept_findings
