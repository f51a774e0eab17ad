"""A result that is not the source without its marks is not delivered."""

from __future__ import annotations

from pathlib import Path

import pytest
from pikepdf import Dictionary, Name

from services.inference.pdf import footprint
from services.inference.pdf.verify import ExpectedChanges, VerificationFailed, verify
from tests.unit.pdf.builder import BODY, Builder

MORE = b"BT /F1 9 Tf 20 20 Td (more) Tj ET\n"


def document(path: Path, *contents: bytes) -> Path:
    build = Builder()
    for content in contents:
        build.page(content, resources=build.resources())
    path.write_bytes(build.save())
    return path


NOTHING = ExpectedChanges()


def test_verification(tmp_path: Path) -> None:
    source = document(tmp_path / "source.pdf", BODY + MORE, BODY)
    assert not verify(source, document(tmp_path / "same.pdf", BODY + MORE, BODY), {1: NOTHING, 2: NOTHING})
    assert not verify(source, document(tmp_path / "less.pdf", BODY, BODY), {2: NOTHING})
    assert verify(source, document(tmp_path / "text.pdf", BODY, BODY + MORE), {2: NOTHING}) == {2: "the page gained 4 characters"}
    with pytest.raises(VerificationFailed, match="2 pages became 1"):
        verify(source, document(tmp_path / "pages.pdf", BODY + MORE), {})
    nothing = tmp_path / "nothing.pdf"
    nothing.write_bytes(b"")
    with pytest.raises(VerificationFailed, match="does not open"):
        verify(source, nothing, {})


def test_what_may_differ(tmp_path: Path) -> None:
    """Pixels outside the places, and characters beyond those of the mark, are missed."""
    source, less = document(tmp_path / "source.pdf", BODY + MORE), document(tmp_path / "less.pdf", BODY)
    word = ((18.0, 15.0), (60.0, 15.0), (60.0, 32.0), (18.0, 32.0))
    beside = ((18.0, 50.0), (60.0, 50.0), (60.0, 70.0), (18.0, 70.0))
    assert not verify(source, less, {1: ExpectedChanges([word], 4)})
    assert verify(source, less, {1: ExpectedChanges([word], 3)}) == {1: "1 characters of other text would be lost"}
    assert "pixels away from the mark would change" in verify(source, less, {1: ExpectedChanges([beside], 4)})[1]


ARTIFACT = b"/Artifact <</Subtype /Watermark>> BDC " + MORE + b"EMC\n"
DECLARED = ExpectedChanges(allows_declared=True)


def test_a_mark_that_declares_itself_may_be_gone_and_nothing_else(tmp_path: Path) -> None:
    """PDFium says what stood in marked content."""
    source = document(tmp_path / "source.pdf", BODY + ARTIFACT)
    assert not verify(source, document(tmp_path / "without.pdf", BODY), {1: DECLARED})
    assert verify(source, document(tmp_path / "without.pdf", BODY), {1: NOTHING}) == {1: "4 characters of other text would be lost"}
    plain = document(tmp_path / "plain.pdf", BODY + MORE)
    assert verify(plain, document(tmp_path / "less.pdf", BODY), {1: DECLARED}) == {1: "4 characters of other text would be lost"}
    box = b"10 10 30 30 re f\n"
    boxed = document(tmp_path / "boxed.pdf", BODY + box + ARTIFACT)
    assert "pixels away from the mark would change" in verify(boxed, document(tmp_path / "without.pdf", BODY), {1: DECLARED})[1]


def test_state_that_a_mark_leaves_behind_is_missed(tmp_path: Path) -> None:
    source = document(tmp_path / "source.pdf", b"/Artifact <</Subtype /Watermark>> BDC 1 0 0 rg EMC 0 0 50 50 re f\n" + ARTIFACT)
    broken = document(tmp_path / "broken.pdf", b"0 0 50 50 re f\n")
    assert "pixels away from the mark would change" in verify(source, broken, {1: DECLARED})[1]


def test_a_mark_in_a_form_is_where_the_form_is_drawn(tmp_path: Path) -> None:
    def drawn(path: Path, content: bytes, more: bytes = b"") -> Path:
        build = Builder()
        form = build.form(content, build.resources())
        build.page(b"q 0.5 0 0 0.5 100 100 cm /Fm0 Do Q " + BODY + more, resources=build.resources(Fm0=form))
        path.write_bytes(build.save())
        return path

    source = drawn(tmp_path / "source.pdf", ARTIFACT, MORE)
    assert not verify(source, drawn(tmp_path / "without.pdf", b"", MORE), {1: DECLARED})
    assert "4 characters" in verify(source, drawn(tmp_path / "less.pdf", b""), {1: DECLARED})[1]


def test_what_stands_in_the_box_around_a_blended_mark_must_still_be_there(tmp_path: Path) -> None:
    """PDFium draws it twice there, so that it looks different without the mark."""
    blended = Dictionary(Multiply=Dictionary(Type=Name.ExtGState, BM=Name.Multiply))
    mark = b"q /Multiply gs 0.8 g 0.7071 0.7071 -0.7071 0.7071 45 25 cm BT /F2 26 Tf (Ann Lee) Tj ET Q"
    place = ((40.0, 20.0), (135.0, 115.0), (115.0, 135.0), (20.0, 40.0))

    def drawn(name: str, *contents: bytes) -> Path:
        build = Builder()
        group = Dictionary(S=Name.Transparency)
        inner = build.form(mark, build.resources(ExtGState=blended), Group=group)
        outer = build.form(b"q /Multiply gs /Fm Do Q", Dictionary(XObject=Dictionary(Fm=inner), ExtGState=blended), Group=group)
        build.page(b"".join(contents), resources=build.resources(XObject=Dictionary(Fx=outer)))
        (tmp_path / name).write_bytes(build.save())
        return tmp_path / name

    gray, darker, dot = b"0.6 g 20 40 60 70 re f 0 g\n", b"0.5 g 20 40 60 70 re f 0 g\n", b"100 40 9 9 re f\n"
    source = drawn("source.pdf", gray, dot, b"/Fx Do")
    expected = {1: ExpectedChanges([place], 6)}
    assert verify(source, drawn("without.pdf", gray, dot), {1: ExpectedChanges([place], 5)}) == {
        1: "1 characters of other text would be lost"
    }
    assert not verify(source, drawn("without.pdf", gray, dot), expected)
    for spoilt in (drawn("colour.pdf", darker, dot), drawn("less.pdf", gray), drawn("moved.pdf", gray, dot.replace(b"100", b"104"))):
        assert "pixels away from the mark would change" in verify(source, spoilt, expected)[1]


def test_a_page_with_too_much_on_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = document(tmp_path / "source.pdf", BODY, BODY)
    same = document(tmp_path / "same.pdf", BODY, BODY)
    monkeypatch.setattr(footprint, "_MOST_OBJECTS", 0)
    unchecked: list[int] = []
    assert verify(source, same, {1: NOTHING, 2: DECLARED}, unchecked.append) == {}
    assert unchecked == [2]
