"""Pages as pictures and back: place, text, links, size."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pypdf import PdfReader
from reportlab.pdfgen.canvas import Canvas

from darkroom.operations.v1.remove_watermark_pb2 import PercentBox
from services.inference.media import Image
from services.inference.operations import redraw_pdf
from services.inference.pdf.texts import ENCRYPTION_WARNING, SIGNATURE_WARNING
from services.inference.redraw.encoding import write_page
from services.inference.redraw.pages import count_pages, render_page
from services.inference.redraw.rebuild import rebuild
from services.platform.errors import DarkroomError, ErrorReason


@pytest.fixture(params=[0, 90, 180, 270])
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Two pages, turned, the first with a link, tilted text and a cropped margin."""
    canvas = Canvas(str(tmp_path / "source.pdf"), pagesize=(300, 400))
    canvas.setPageRotation(request.param)
    canvas.setCropBox((10, 20, 290, 390))
    canvas.drawString(40, 340, "Grüße aus Köln")
    canvas.linkURL("https://example.org/", (40, 335, 140, 355))
    canvas.bookmarkPage("first")
    canvas.addOutlineEntry("First", "first")
    canvas.setFillGray(0.8)
    canvas.translate(150, 150)
    canvas.rotate(45)
    canvas.drawString(0, 0, "COPY")
    canvas.showPage()
    canvas.drawString(40, 340, "Untouched")
    canvas.showPage()
    canvas.save()
    return tmp_path / "source.pdf"


def redrawn(source: Path, described: dict[str, Any], pixels: np.ndarray) -> Path:
    pages = source.parent / "pages"
    pages.mkdir()
    described["shape"] = write_page(Image(pixels), pages, 0)
    (pages / "0.json").write_text(json.dumps(described))
    rebuild(source, pages, source.parent / "target.pdf")
    return source.parent / "target.pdf"


def rendered(path: Path, number: int) -> np.ndarray:
    with pypdfium2.PdfDocument(path) as document:
        return np.asarray(document[number].render(scale=1).to_pil().convert("L")).astype(int)


@pytest.mark.cases(2)
def test_a_redrawn_page_looks_reads_and_links_as_before(source: Path) -> None:
    described = render_page(source, 0, source.parent / "samples")
    pixels = np.fromfile(source.parent / "samples", np.uint8).reshape(described["shape"])
    target = redrawn(source, described, pixels)

    assert count_pages(target) == 2
    for number in (0, 1):
        assert np.abs(rendered(source, number) - rendered(target, number)).mean() < 2
    before, after = PdfReader(source), PdfReader(target)
    assert sorted(after.pages[0].extract_text().split()) == ["COPY", "Grüße", "Köln", "aus"]
    assert after.pages[1].extract_text() == before.pages[1].extract_text()
    link = after.pages[0].get("/Annots")[0]
    assert link["/A"]["/URI"] == "https://example.org/"
    assert link["/Rect"] == before.pages[0].get("/Annots")[0]["/Rect"]
    assert [getattr(entry, "title", None) for entry in after.outline] == ["First"]
    assert after.metadata
    assert after.metadata == before.metadata
    with pypdfium2.PdfDocument(source) as old, pypdfium2.PdfDocument(target) as new:
        places = [document[0].get_textpage().get_charbox(0) for document in (old, new)]
    np.testing.assert_allclose(places[0][:2], places[1][:2], atol=4)


def test_a_size_that_the_page_tree_says(tmp_path: Path) -> None:
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(300, 400))
        document.Root.Pages.MediaBox = document.pages[0].MediaBox
        del document.pages[0].obj.MediaBox
        document.save(tmp_path / "source.pdf")
    described = render_page(tmp_path / "source.pdf", 0, tmp_path / "samples")
    assert described["box"] == [0, 0, 300, 400]


def test_many_pages_keep_their_pictures(tmp_path: Path) -> None:
    """Each gets its own, whatever the order of the objects in the file."""
    canvas = Canvas(str(tmp_path / "source.pdf"), pagesize=(60, 60))
    for _ in range(12):
        canvas.rect(10, 10, 20, 20)
        canvas.showPage()
    canvas.save()
    (tmp_path / "pages").mkdir()
    shades = {number: 20 * number for number in (0, 3, 4, 9, 11)}
    for number, shade in shades.items():
        described = render_page(tmp_path / "source.pdf", number, tmp_path / "samples")
        described["shape"] = write_page(Image(np.full((50, 50, 3), shade, np.uint8)), tmp_path / "pages", number)
        (tmp_path / "pages" / f"{number}.json").write_text(json.dumps(described))
    rebuild(tmp_path / "source.pdf", tmp_path / "pages", tmp_path / "target.pdf")
    for number in range(12):
        middle = rendered(tmp_path / "target.pdf", number)[40, 40]
        assert abs(middle - shades.get(number, 255)) <= 2


def test_a_page_is_stored_as_what_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    page = np.full((300, 300, 3), 255, np.uint8)
    page[50:60, 20:280] = 0
    assert write_page(Image(page), tmp_path, 0) == [300, 300, 1]
    assert (tmp_path / "0.png").exists()
    assert write_page(Image(rng.integers(0, 255, (300, 300, 3)).astype(np.uint8)), tmp_path, 1) == [300, 300, 3]
    assert (tmp_path / "1.jpg").exists()


def test_what_is_no_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    with pytest.raises(DarkroomError) as refused:
        count_pages(tmp_path / "a.pdf")
    assert refused.value.reason is ErrorReason.FILE_CORRUPT


def test_a_document_that_needs_a_password_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt="secret")
    canvas.drawString(50, 50, "hidden")
    canvas.save()
    (tmp_path / "a.pdf").write_bytes(buffer.getvalue())
    with pytest.raises(DarkroomError) as refused:
        count_pages(tmp_path / "a.pdf")
    assert refused.value.reason is ErrorReason.FILE_ENCRYPTED


def test_what_is_lost_with_any_change_is_said(tmp_path: Path) -> None:
    """A document encrypted with an owner password, and signed, comes out readable."""
    canvas = Canvas(str(tmp_path / "plain.pdf"), pagesize=(60, 60))
    canvas.rect(10, 10, 20, 20)
    canvas.showPage()
    canvas.save()
    with pikepdf.open(tmp_path / "plain.pdf") as document:
        signature = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Sig))
        field = pikepdf.Dictionary(FT=pikepdf.Name.Sig, T=pikepdf.String("signature"), V=signature)
        parent = pikepdf.Dictionary(T=pikepdf.String("parent"), Kids=pikepdf.Array([document.make_indirect(field)]))
        document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([document.make_indirect(parent)]))
        document.save(tmp_path / "source.pdf", encryption=pikepdf.Encryption(owner="secret", user=""))
    (tmp_path / "pages").mkdir()
    described = render_page(tmp_path / "source.pdf", 0, tmp_path / "samples")
    described["shape"] = write_page(Image(np.full((50, 50, 3), 90, np.uint8)), tmp_path / "pages", 0)
    (tmp_path / "pages" / "0.json").write_text(json.dumps(described))
    told = rebuild(tmp_path / "source.pdf", tmp_path / "pages", tmp_path / "target.pdf")
    assert told == {"pages": 1, "warnings": [ENCRYPTION_WARNING, SIGNATURE_WARNING]}
    assert abs(rendered(tmp_path / "target.pdf", 0)[30, 30] - 90) <= 2


@pytest.mark.parametrize(
    ("turned", "expected"), [(0, (10, 20, 30, 60)), (90, (20, 70, 60, 90)), (180, (70, 40, 90, 80)), (270, (40, 10, 80, 30))]
)
def test_boxes_are_those_of_the_page_as_it_is_shown(turned: int, expected: tuple[int, int, int, int]) -> None:
    image = Image(np.zeros((100, 100, 3), np.uint8))
    box = redraw_pdf._box(PercentBox(x1=10, y1=20, x2=30, y2=60), turned, image)
    assert (box.left, box.top, box.right, box.bottom) == expected
