"""What is left of a content stream, byte by byte, and that random ones draw as if the mark had painted nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from pikepdf import Dictionary, Name
from pypdf.generic import DictionaryObject, NameObject, PdfObject

from services.inference.pdf.cutter import cut
from services.inference.pdf.edits import apply
from services.inference.pdf.marks import Cut, Mark
from services.inference.pdf.report import Method
from services.inference.pdf.texts import TEXT_DEPENDS, UNBALANCED
from tests.unit.pdf.builder import Builder
from tests.unit.pdf.comparison import pictures

MARK = Mark(Method.ARTIFACT, "test")


class Recogniser:
    """Marked content with a property list, and XObjects named Wm, are marks."""

    def marked_content(self, operands: Sequence[PdfObject]) -> Mark | None:
        return MARK if isinstance(operands[-1], DictionaryObject) else None

    def drawn_mark(self, operands: Sequence[PdfObject]) -> Mark | None:
        return MARK if operands == [NameObject("/Wm")] else None

    def painted_mark(self, start: int) -> Mark | None:
        return None


def cut_of(data: bytes) -> Cut:
    result = cut(data, Recogniser())
    starts = [edit.start for edit in result.edits]
    ends = [edit.end for edit in result.edits]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    return result


def left(data: bytes) -> bytes:
    return b" ".join(apply(data, cut_of(data).edits).split())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # Nothing to cut.
        (b"q /Fm Do Q /A BMC f EMC", b"q /Fm Do Q /A BMC f EMC"),
        (b"/A /P BDC f EMC Q Q EMC EMC q", b"/A /P BDC f EMC Q Q EMC EMC q"),
        # A form, alone in its block or not.
        (b"f q 1 w 1 0 0 1 0 0 cm /Gs gs /Wm Do Q f", b"f f"),
        (b"f q /Wm Do /Fm Do Q f", b"f q /Fm Do Q f"),
        (b"q q /Wm Do Q Q f", b"f"),
        (b"q 0 0 1 1 re W n q /Wm Do Q /Wm Do Q f", b"f"),
        (b"q /A BMC q /Wm Do Q EMC Q f", b"q /A BMC EMC Q f"),
        (b"q 1 g q 2 w Q f q /Wm Do Q Q", b"q 1 g q 2 w Q f Q"),
        # A sequence that sets no state.
        (b"f /A <<>> BDC q 1 g 0 0 1 1 re f Q EMC f", b"f f"),
        (b"f /A <<>> BDC 0 0 1 1 re f BT (a) Tj ET sh EMC f", b"f f"),
        (b"/A <<>> BDC /B BMC f /C <<>> BDC f EMC EMC /P MP f EMC /B BMC f EMC", b"/B BMC f EMC"),
        # State that matters to what follows, and state that does not.
        (b"/A <<>> BDC 1 g 0 0 1 1 re f EMC f", b"1 g f"),
        (b"q /A <<>> BDC 1 g 0 0 1 1 re f EMC Q f", b"f"),
        (b"f /A <<>> BDC 1 g 0 0 1 1 re f EMC 2 w", b"f 2 w"),
        (b"q /A <<>> BDC 1 g f EMC q 2 w f Q Q f", b"q 1 g q 2 w f Q Q f"),
        (b"q f /A <<>> BDC 1 g f EMC 2 w Q f", b"q f 2 w Q f"),
        (b"/A <<>> BDC 1 g f EMC /A <<>> BDC 2 g f EMC", b""),
        (b"/A <<>> BDC 1 g f EMC /A <<>> BDC 2 g f EMC f", b"1 g 2 g f"),
        # Clips.
        (b"/A <<>> BDC 0 0 1 1 re W* f EMC f", b"0 0 1 1 re W* n f"),
        (b"/A <<>> BDC 0 0 1 1 re W n 2 2 3 3 re f EMC f", b"0 0 1 1 re W n f"),
        # Blocks that cross the border of the sequence.
        (b"q /A <<>> BDC f Q q f EMC f Q", b"q Q q f Q"),
        (b"/A <<>> BDC q 1 g f EMC f Q", b"q 1 g f Q"),
        (b"q /A <<>> BDC q f Q Q EMC f", b"q Q f"),
        # Text within a text object.
        (b"BT (a) Tj /A <<>> BDC (b) Tj EMC 0 -9 Td (c) Tj ET", b"BT (a) Tj 0 -9 Td (c) Tj ET"),
        (b"BT (a) Tj /A <<>> BDC (b) ' EMC (c) ' ET", b"BT (a) Tj T* (c) ' ET"),
        (b'BT /A <<>> BDC 1 2.5 (b) " EMC T* (c) Tj ET', b"BT 1 Tw 2.5 Tc T* T* (c) Tj ET"),
        (b"BT /A <<>> BDC (b) Tj 0 -9 Td EMC (c) Tj ET", b"BT 0 -9 Td (c) Tj ET"),
        (b"BT /A <<>> BDC (b) Tj EMC ET BT (c) Tj ET", b"BT ET BT (c) Tj ET"),
        (b"/A <<>> BDC BT (b) Tj EMC 1 0 0 1 0 0 Tm (c) Tj ET", b"BT 1 0 0 1 0 0 Tm (c) Tj ET"),
    ],
)
def test_what_is_left(data: bytes, expected: bytes) -> None:
    assert left(data) == expected
    assert cut_of(data).kept_marks == []
    assert bool(cut_of(data).removed_marks) == (data != expected)


@pytest.mark.parametrize(
    "data",
    [
        b"BT (a) Tj /A <<>> BDC (b) Tj EMC (c) Tj ET",
        b"BT (a) Tj /A <<>> BDC (b) Tj EMC 1 g [(c)] TJ ET",
        b"BT /A <<>> BDC (b) Tj EMC /A <<>> BDC (c) Tj EMC (d) Tj ET",
        b"/A <<>> BDC BT (b) Tj EMC (c) Tj ET",
    ],
)
def test_marks_that_text_was_placed_after_are_kept(data: bytes) -> None:
    result = cut_of(data)
    assert result.edits == result.removed_marks == []
    assert result.kept_marks == [(MARK, TEXT_DEPENDS)] * data.count(b"BDC")


def test_only_the_mark_in_the_way_is_kept() -> None:
    data = b"q /Wm Do Q BT /A <<>> BDC (b) Tj EMC (c) Tj ET /A <<>> BDC f EMC"
    assert left(data) == b"BT /A <<>> BDC (b) Tj EMC (c) Tj ET"
    assert cut_of(data).kept_marks == [(MARK, TEXT_DEPENDS)]
    assert cut_of(data).removed_marks == [MARK, MARK]


def test_a_sequence_without_end_is_kept() -> None:
    data = b"q /Wm Do Q /A <<>> BDC q f Q f"
    assert left(data) == b"/A <<>> BDC q f Q f"
    assert cut_of(data).kept_marks == [(MARK, UNBALANCED)]


#: What a careless producer may put in a mark, and what remains of its effect when nothing is painted.
PIECES = [
    (b"0.1 0.7 0.2 rg", b"0.1 0.7 0.2 rg"),
    (b"1 0 0 1 3 2 cm", b"1 0 0 1 3 2 cm"),
    (b"2 w 0.8 0.1 0.1 RG", b"2 w 0.8 0.1 0.1 RG"),
    (b"5 5 60 30 re f", b""),
    (b"0 0 m 50 50 l 90 10 l h B", b""),
    (b"15 15 70 70 re W n", b"15 15 70 70 re W n"),
    (b"10 10 75 75 re W* f", b"10 10 75 75 re W* n"),
    (b"q 0.9 g 0 0 40 40 re f 1 0 0 1 9 9 cm Q", b""),
    (b"BT /F2 20 Tf 3 Tr 10 10 Td (MARK) Tj 0 Tr ET", b"BT /F2 20 Tf ET"),
    (b"BT 12 TL 1 0.2 0.2 1 30 60 Tm (MARK) Tj T* (M) ' ET", b"12 TL"),
    (b"/Gs gs", b"/Gs gs"),
    (b"BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI", b""),
    (b"/Span BMC 20 20 9 9 re f EMC", b""),
    (b"Q", b"Q"),
    (b"q", b"q"),
]
BODY = [
    b"40 20 30 30 re f",
    b"10 80 m 80 90 l S",
    b"BT /F1 12 Tf 20 50 Td (body) Tj ET",
    b"q 0 0 1 rg 70 70 20 20 re f Q",
    b"0.4 0.4 0 rg",
    b"1 0 0 1 -2 1 cm",
    b"q",
    b"Q",
    b"BT 5 30 Td (as before) Tj ET",
]


@pytest.mark.parametrize("seed", range(60))
def test_random_streams_draw_as_if_the_mark_painted_nothing(seed: int) -> None:
    chance = random.Random(seed)
    marked, truth = [b"q q BT /F1 9 Tf ET"], [b"q q BT /F1 9 Tf ET"]
    for _ in range(chance.randint(1, 4)):
        body = chance.choices(BODY, k=chance.randint(0, 5))
        pieces = chance.choices(PIECES, k=chance.randint(1, 6))
        marked += [*body, b"/A <<>> BDC", *(piece for piece, _ in pieces), b"EMC"]
        truth += [*body, *(effect for _, effect in pieces)]
    tail = chance.choices(BODY, k=3)
    data = b"\n".join(marked + tail)
    result = cut_of(data)
    assert not result.kept_marks

    def drawn(content: bytes) -> list[np.ndarray]:
        build = Builder()
        state = Dictionary(Gs=Dictionary(Type=Name.ExtGState, ca=0.5))
        build.page(content, resources=build.resources(ExtGState=state))
        return pictures(build.save())

    np.testing.assert_array_equal(drawn(apply(data, result.edits)), drawn(b"\n".join(truth + tail)))
