"""Marks that nothing declares: what is found, what is left alone, and what becomes of the rest of the document."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream
from PIL import Image, ImageDraw, ImageFont

from services.inference.pdf.preview import draw_preview
from services.inference.pdf.remove import RemovalRequest, remove_watermarks
from services.inference.pdf.report import Method, Report
from services.inference.pdf.texts import NOT_SURE, TEXT_DEPENDS
from tests.unit.pdf.builder import Builder
from tests.unit.pdf.comparison import everything, pictures, texts

PAGES = 3
TURNED = b"0.7071 0.7071 -0.7071 0.7071 45 25 cm "
TEXT = b"BT /F2 26 Tf (Only for Ann Lee) Tj ET "


def body(number: int) -> bytes:
    lines = b"".join(b"0 -9 Td (Line %d of page %d says nothing much, as lines do.) Tj " % (line, number) for line in range(15))
    return b"BT /F1 7 Tf 12 175 Td " + lines + b"ET\n0.2 0.4 0.8 rg 150 10 30 12 re f\n0 g\n"


def picture() -> Image.Image:
    image = Image.new("RGBA", (300, 300))
    ImageDraw.Draw(image).text((20, 120), "PRIVATE", font=ImageFont.load_default(60), fill=(90, 90, 90, 80))
    return image.rotate(45)


def image_of(pdf: pikepdf.Pdf, image: Image.Image) -> Stream:
    def stream(channel: Image.Image, space: Name, **more: object) -> Stream:
        entries = {"Width": image.width, "Height": image.height, "BitsPerComponent": 8, "ColorSpace": space}
        return pdf.make_stream(channel.tobytes(), Type=Name.XObject, Subtype=Name.Image, **entries, **more)

    return stream(image.convert("RGB"), Name.DeviceRGB, SMask=stream(image.getchannel("A"), Name.DeviceGray))


def document(mark: bytes, *, below: bool = False, prepare: Callable[[Builder], dict[str, object]] | None = None) -> tuple[bytes, bytes]:
    """Three pages with a mark, and the same without."""
    made = []
    for content in (mark, b""):
        build = Builder()
        more = prepare(build) if prepare else {}
        for number in range(PAGES):
            states = Dictionary(Pale=Dictionary(Type=Name.ExtGState, ca=0.3, CA=0.3))
            resources = build.resources(ExtGState=states, **more)
            parts = [content, body(number)] if below else [body(number), content]
            build.page(*(part for part in parts if part), resources=resources)
        made.append(build.save())
    return made[0], made[1]


def shapes() -> bytes:
    """Letters as outlines, turned as they stand: no matrix tells it."""
    drawn = b""
    for at in range(8):
        x, y, size = 30 + 15 * at, 30 + 15 * at, 9 + at % 3
        drawn += b"%d %d m %d %d %d %d %d %d c %d %d l h " % (x, y, x + size, y, x + size, y + 14, x, y + 14, x - 1, y + 4)
    return drawn


def tiles() -> bytes:
    return b"".join(
        b"q 0.87 0.5 -0.5 0.87 %d %d cm BT /F1 8 Tf (ann@lee.example) Tj ET Q " % (5 + 65 * (at % 3), 10 + 45 * (at // 3))
        for at in range(12)
    )


def letters() -> bytes:
    return b"".join(b"BT /F2 26 Tf %d 0 Td (%c) Tj ET " % (18 * at, letter) for at, letter in enumerate(b"INTERNAL"))


def dots() -> bytes:
    return b"".join(b"%d %d m %d %d %d %d %d %d c f " % (x, x, x + 6, x, x + 6, x + 6, x, x + 6) for x in range(20, 160, 9))


def turn(degrees: float) -> tuple[float, float, float, float]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return cosine, sine, -sine, cosine


def a_form(build: Builder) -> dict[str, object]:
    return {"XObject": Dictionary(Fx=build.form(b"q 0.85 g " + TURNED + TEXT + b"Q", build.resources()))}


def a_picture(build: Builder) -> dict[str, object]:
    return {"XObject": Dictionary(Im=image_of(build.pdf, picture()))}


def a_pattern(build: Builder) -> dict[str, object]:
    tile = build.pdf.make_stream(
        b"0.8 g q 0.87 0.5 -0.5 0.87 5 5 cm BT /F1 9 Tf (Ann Lee) Tj ET Q",
        Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1, BBox=Array([0, 0, 50, 40]), XStep=50, YStep=40,
        Resources=build.resources(),
    )  # fmt: skip
    return {"Pattern": Dictionary(P1=tile)}


MARKS = {
    "turned, transparent": (document(b"q /Pale gs 1 0 0 rg " + TURNED + TEXT + b"Q"), Method.TEXT),
    "turned, pale, below": (document(b"q 0.8 g " + TURNED + TEXT + b"Q", below=True), Method.TEXT),
    "a word, opaque": (document(b"q 0.8 0.1 0.1 rg " + TURNED + b"BT /F2 30 Tf (DO NOT COPY) Tj ET Q"), Method.TEXT),
    "upright": (document(b"q /Pale gs BT /F2 40 Tf 15 90 Td (SAMPLE) Tj ET Q"), Method.TEXT),
    "without a block": (document(b"/Pale gs BT /F2 30 Tf 0.7 0.7 -0.7 0.7 40 30 Tm (SECRET) Tj ET"), Method.TEXT),
    "letter by letter": (document(b"q 0.8 g " + TURNED + letters() + b"Q"), Method.TEXT),
    "tiles": (document(b"q /Pale gs " + tiles() + b"Q"), Method.TEXT),
    "tiles of a pattern": (document(b"q /Pattern cs /P1 scn 0 0 200 200 re f Q", below=True, prepare=a_pattern), Method.TEXT),
    "outlines": (document(b"q /Pale gs 0.4 g " + shapes() + b"f Q"), Method.OUTLINE),
    "outlines one by one": (document(b"q /Pale gs 0.4 g " + shapes().replace(b"h ", b"h f ") + b"Q"), Method.OUTLINE),
    "a form": (document(b"q /Fx Do Q", prepare=a_form), Method.TEXT),
    "a transparent form": (document(b"q /Pale gs /Fx Do Q", prepare=a_form), Method.TEXT),
    "a picture": (document(b"q 180 0 0 180 10 10 cm /Im Do Q", prepare=a_picture), Method.IMAGE),
    "the notice of a trial": (document(b"BT /F1 6 Tf 1 0 0 rg 10 192 Td (Made with the trial version of Some Writer) Tj ET"), Method.TEXT),
}  # fmt: skip


def removed(source: bytes, folder: Path, wanted: RemovalRequest = RemovalRequest()) -> tuple[bytes, Report]:  # noqa: B008 - it is frozen
    (folder / "source.pdf").write_bytes(source)
    report = remove_watermarks(folder / "source.pdf", folder / "target.pdf", lambda *_: None, wanted)
    return (folder / "target.pdf").read_bytes(), report


@pytest.mark.parametrize("name", MARKS)
def test_the_result_is_the_document_without_the_mark(name: str, tmp_path: Path) -> None:
    (marked, truth), method = MARKS[name]
    result, report = removed(marked, tmp_path)
    assert [(finding.page, finding.method) for finding in report.removed_findings] == [(page, method) for page in range(1, PAGES + 1)]
    assert all(finding.evidence and finding.confidence >= 0.7 and finding.box for finding in report.removed_findings)
    assert not report.kept_findings
    for drawn, expected in zip(pictures(result), pictures(truth), strict=True):
        np.testing.assert_array_equal(drawn, expected)
    assert texts(result) == texts(truth)


def test_nothing_of_the_mark_is_left_in_the_file(tmp_path: Path) -> None:
    for name in ("turned, transparent", "a form", "a picture"):
        (marked, _), _ = MARKS[name]
        result, _ = removed(marked, tmp_path)
        with pikepdf.open(io.BytesIO(result)) as opened:
            for page in opened.pages:
                assert not page.Resources.get("/XObject")
        assert b"Ann Lee" not in everything(result)


CONTENT = {
    "heading": b"BT /F2 28 Tf 12 120 Td (DRAFT) Tj ET",
    "pale heading": b"q 0.6 g BT /F2 28 Tf 12 182 Td (Sample) Tj ET Q",
    "axis label": b"q 0.5 g 0 1 -1 0 30 60 cm BT /F1 12 Tf (Thousands) Tj ET Q",
    "labels of a chart": b"".join(
        b"q 0.3 g 0.7 0.7 -0.7 0.7 %d 20 cm BT /F1 6 Tf (May %d) Tj ET Q " % (20 * at, at) for at in range(8)
    ),
    "striped table": b"".join(b"0.95 g 10 %d 180 8 re f " % (20 * at) for at in range(9)),
    "dots": b"q /Pale gs " + dots() + b"Q",
    "letterhead": b"q 0.5 g BT /F1 5 Tf 12 192 Td (Acme Ltd, confidential) Tj ET Q",
    "invisible text": b"q 3 Tr " + TURNED + TEXT + b"Q",
    "bullets of a list": b"0.7 g " + b"".join(b"BT /F1 8 Tf 20 %d Td (new: ) Tj ET " % (20 + 18 * row) for row in range(9)),
    "empty entries of a table": b"0.7 g "
    + b"".join(b"BT /F1 7 Tf %d %d Td (n/a) Tj ET " % (20 + 60 * (at % 3), 20 + 20 * (at // 3)) for at in range(24)),
    "a block of colour": b"q /Pale gs 0 0 1 rg 10 10 180 60 re f Q",
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENT)
def test_content_is_left_alone(name: str, tmp_path: Path) -> None:
    source, _ = document(CONTENT[name])
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert result == source
    assert not report.removed_findings
    assert not report.kept_findings


def test_names_on_a_map_are_not_surely_marks(tmp_path: Path) -> None:
    """Text in several directions is what maps and drawings have, pale and large as it may be."""
    names = b"".join(
        b"q %.2f %.2f %.2f %.2f %d %d cm BT /F2 22 Tf (Long River) Tj ET Q " % (*turn(25 + 12 * at), 20 + 9 * at, 10) for at in range(4)
    )
    source, _ = document(b"0.75 g " + names)
    result, report = removed(source, tmp_path)
    assert result == source
    assert {finding.reason for finding in report.kept_findings} == {NOT_SURE}


def test_a_logo_and_a_stamp_are_left_alone(tmp_path: Path) -> None:
    def logo(build: Builder) -> dict[str, object]:
        soft = Image.new("RGBA", (120, 60))
        ImageDraw.Draw(soft).ellipse((5, 5, 115, 55), fill=(200, 30, 30, 255))
        return {"XObject": Dictionary(Im=image_of(build.pdf, soft))}

    source, _ = document(b"q 40 0 0 20 150 178 cm /Im Do Q", prepare=logo)
    with pikepdf.open(io.BytesIO(source)) as opened:
        for page in opened.pages:
            look = opened.make_stream(
                b"q /Pale gs 1 0 0 rg " + TURNED + TEXT + b"Q", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 200, 200]),
                Resources=page.Resources,
            )  # fmt: skip
            stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([20, 20, 180, 180]), AP=Dictionary(N=look))
            page.obj.Annots = Array([opened.make_indirect(stamp)])
        buffer = io.BytesIO()
        opened.save(buffer)
    result, report = removed(buffer.getvalue(), tmp_path)
    assert result == buffer.getvalue()
    assert not report.kept_findings


def test_likely_marks_are_reported_and_removed_on_request(tmp_path: Path) -> None:
    build = Builder()
    mark = b"q 0.8 0.1 0.1 rg " + TURNED + b"BT /F2 40 Tf (SALE) Tj ET Q"
    build.page(body(0), mark, resources=build.resources())
    source = build.save()
    result, report = removed(source, tmp_path)
    assert result == source
    assert [(finding.detail, finding.reason) for finding in report.kept_findings] == [("SALE", NOT_SURE)]
    assert 0.3 <= report.kept_findings[0].confidence < 0.7
    result, report = removed(source, tmp_path, RemovalRequest(likely=True))
    assert [finding.detail for finding in report.removed_findings] == ["SALE"]
    assert "SALE" not in texts(result)[0]
    result, report = removed(source, tmp_path, RemovalRequest(sure=False))
    assert (result, report.kept_findings) == (source, [])


def test_a_form_with_content_is_copied_and_its_mark_cut(tmp_path: Path) -> None:
    """What else draws the form, here an annotation, draws it as before."""
    build = Builder()
    pale = Dictionary(Pale=Dictionary(Type=Name.ExtGState, ca=0.3))
    form = build.form(body(0) + b"q /Pale gs " + TURNED + TEXT + b"Q", build.resources(ExtGState=pale))
    for _ in range(PAGES):
        page = build.page(b"/Fm Do", resources=build.resources(XObject=Dictionary(Fm=form)))
    stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([0, 0, 200, 200]), F=2, AP=Dictionary(N=form))
    page.Annots = Array([build.pdf.make_indirect(stamp)])
    result, report = removed(build.save(), tmp_path)
    assert [finding.page for finding in report.removed_findings] == [1, 2, 3]
    assert all("Ann Lee" not in text and "Line 3 of page 0" in text for text in texts(result))
    with pikepdf.open(io.BytesIO(result)) as opened:
        drawn = {page.Resources.XObject.Fm.objgen for page in opened.pages}
        stamp = opened.pages[2].Annots[0].AP.N
        assert len(drawn) == 1
        assert stamp.objgen not in drawn
        assert b"Ann Lee" in stamp.read_bytes()


def test_text_that_would_move_keeps_the_mark(tmp_path: Path) -> None:
    source, _ = document(b"q 0.8 g BT 0.7 0.7 -0.7 0.7 40 30 Tm /F2 30 Tf (DRAFT) Tj 0 g /F1 7 Tf (and what follows) Tj ET Q")
    result, report = removed(source, tmp_path)
    assert result == source
    assert {finding.reason for finding in report.kept_findings} == {TEXT_DEPENDS}


def test_a_mark_that_takes_more_with_it_is_put_back(tmp_path: Path) -> None:
    """A glyph that paints far from where its font says it is: rendering tells."""

    def far(build: Builder) -> dict[str, object]:
        glyph = build.pdf.make_stream(b"600 0 d0 0 0 500 700 re f -3000 -600 400 400 re f")
        font = Dictionary(
            Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 600, 700]),
            FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]), FirstChar=65, LastChar=65, Widths=Array([600]), CharProcs=Dictionary(A=glyph),
            Encoding=Dictionary(Type=Name.Encoding, Differences=Array([65, Name.A])), Resources=Dictionary(),
        )  # fmt: skip
        return {"Font": Dictionary(F1=build.f1, F2=build.f2, F3=build.pdf.make_indirect(font))}

    build = Builder()
    fonts = far(build)
    pale = Dictionary(Pale=Dictionary(Type=Name.ExtGState, ca=0.3))
    other = b"q /Pale gs " + TURNED + TEXT + b"Q "
    for number in range(PAGES):
        resources = Dictionary(ExtGState=pale, **fonts)
        build.page(body(number), other, b"q 0.8 g 0.7 0.7 -0.7 0.7 150 60 cm BT /F3 30 Tf (AA) Tj ET Q", resources=resources)
    source = build.save()
    result, report = removed(source, tmp_path)
    assert {finding.detail for finding in report.removed_findings} == {"Only for Ann Lee"}
    assert len(report.removed_findings) == PAGES
    assert len(report.kept_findings) == PAGES
    assert all("pixels away from the mark would change" in finding.reason for finding in report.kept_findings)
    assert all("Ann Lee" not in text for text in texts(result))


def test_the_preview_shows_before_and_after(tmp_path: Path) -> None:
    (marked, _), _ = MARKS["turned, transparent"]
    _, report = removed(marked, tmp_path)
    number = draw_preview(tmp_path / "source.pdf", tmp_path / "target.pdf", report, tmp_path / "preview.png")
    assert number == 1
    with Image.open(tmp_path / "preview.png") as opened:
        pixels = np.asarray(opened).astype(int)
    before, after = pixels[:, :278], pixels[:, -278:]
    framed = (before == (220, 30, 30)).all(axis=2)
    x1, y1, x2, y2 = (value * 100 / 72 for value in report.removed_findings[0].box or ())
    rows, columns = np.nonzero(framed)
    assert np.abs(np.array([columns.min(), columns.max()]) - (x1, x2)).max() < 8
    assert np.abs(np.array([rows.min(), rows.max()]) - (278 - y2, 278 - y1)).max() < 8
    assert (before != after).any(axis=2).sum() > framed.sum()
    assert not (after == (220, 30, 30)).all(axis=2).any()
