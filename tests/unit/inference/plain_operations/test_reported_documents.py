"""PDFs that people have trouble with, through the operations on documents: text, sizes and boxes are as before, and damage is told."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image

from services.inference.pdf.remove import RemovalRequest, remove_watermarks
from services.inference.pdf.texts import DAMAGED as MISSING
from services.inference.redraw.isolated import settle
from services.inference.redraw.pages import render_page
from services.platform.errors import DarkroomError, ErrorReason
from tests.reported_files.documents import DAMAGED, DOCUMENTS, SHOWN, SIZE, locked
from tests.unit.inference.plain_operations.running import Running


def has_warning(running: Running) -> bool:
    return ("document_warning", "") in running.notices


@pytest.mark.cases(10)
@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_pictures_of_pages(running: Running, kind: str) -> None:
    made = await running.product(DOCUMENTS[kind](), {"pdf_pages": {"dpi": 72}}, name="a.pdf")
    assert isinstance(made.content, bytes)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert archive.namelist() == ["page-1.png", "page-2.png"]
        page = Image.open(io.BytesIO(archive.read("page-1.png"))).convert("L")
    assert page.size == SHOWN.get(kind, SIZE)
    dark = sum(value < 128 for value in page.tobytes())
    scale = page.width * page.height / (SIZE[0] * SIZE[1])
    assert dark > 300 * min(1, scale) ** 0.5
    corner = page.getpixel((10, SIZE[1] - 10)) if page.size == SIZE else None
    assert corner in ((255,) if kind == "optional content" else (204, None))
    if kind == "form":
        assert min(page.crop((100, 70, 190, 95)).tobytes()) < 128
    assert has_warning(running) == (kind in DAMAGED)


@pytest.mark.parametrize("kind", ["owner password", "cut off"])
async def test_inspection(running: Running, kind: str) -> None:
    made = await running.product(DOCUMENTS[kind](), {"inspect_pdf": {"thumbnails": True}}, name="a.pdf")
    assert isinstance(made.content, bytes) and json.loads(made.content)["pageCount"] == 2
    assert has_warning(running) == (kind in DAMAGED)


@pytest.mark.parametrize("operation", [{"pdf_pages": {"dpi": 72}}, {"inspect_pdf": {}}])
async def test_a_document_that_needs_its_password(running: Running, operation: dict[str, dict[str, int]]) -> None:
    with pytest.raises(DarkroomError) as refused:
        await running.product(locked(), operation, name="a.pdf")
    assert refused.value.reason is ErrorReason.FILE_ENCRYPTED


def text_of(document: bytes) -> list[str]:
    with pdfium.PdfDocument(document) as opened:
        return [page.get_textpage().get_text_bounded().strip() for page in opened]


def boxes_of(document: bytes) -> list[object]:
    with pikepdf.open(io.BytesIO(document)) as opened:
        keys = ("/MediaBox", "/CropBox", "/Rotate", "/UserUnit")
        return [[str(page.obj.get(key)) for key in keys] for page in opened.pages]


@pytest.mark.cases(10)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_removal_without_a_mark(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / "source.pdf", tmp_path / "target.pdf"
    source.write_bytes(DOCUMENTS[kind]())
    report = remove_watermarks(source, target, lambda *_: None, RemovalRequest())
    assert (report.is_changed, target.read_bytes()) == (False, source.read_bytes())
    assert report.warnings == ([MISSING] if kind in DAMAGED else [])


@pytest.mark.cases(8)
@pytest.mark.parametrize("kind", [kind for kind in DOCUMENTS if kind != "cut off"])
def test_removal_of_a_mark(tmp_path: Path, kind: str) -> None:
    """A mark on the first page goes, and all else is as before."""
    clean = DOCUMENTS[kind]()
    with pikepdf.open(io.BytesIO(clean)) as opened:
        mark = b"/Artifact <</Type /Pagination /Subtype /Watermark>> BDC BT /F1 30 Tf 30 60 Td (DRAFT) Tj ET EMC\n"
        opened.pages[0].contents_add(mark)
        buffer = io.BytesIO()
        opened.save(buffer, linearize=kind == "linearised")
    marked = buffer.getvalue()
    if kind == "broken table":
        marked = marked.replace(b"startxref\n", b"startxref\n9")
    source, target = tmp_path / "source.pdf", tmp_path / "target.pdf"
    source.write_bytes(marked)
    report = remove_watermarks(source, target, lambda *_: None, RemovalRequest())
    assert len(report.removed_findings) == 1
    assert (text_of(target.read_bytes()), boxes_of(target.read_bytes())) == (text_of(clean), boxes_of(clean))


@pytest.mark.cases(10)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_pages_for_redrawing(tmp_path: Path, kind: str) -> None:
    source, mended, samples = tmp_path / "source.pdf", tmp_path / "mended.pdf", tmp_path / "samples"
    source.write_bytes(DOCUMENTS[kind]())
    settled = settle(source, mended)
    assert (settled["pages"], bool(settled["warnings"])) == (2, settled["mended"])
    found = render_page(mended if settled["mended"] else source, 0, samples)
    left, bottom, right, top = found["box"]
    assert (right - left, top - bottom) == ((160, 80) if kind == "cropped" else SIZE)
    assert found["turned"] == (90 if kind == "turned" else 0)
    assert any("Page one" in run["text"] for run in found["runs"])
    if kind == "form":
        drawn = np.fromfile(samples, np.uint8).reshape(found["shape"])
        scale = drawn.shape[1] / SIZE[0]
        field = drawn[round(70 * scale) : round(95 * scale), round(100 * scale) : round(190 * scale)]
        assert field.min() < 128 and np.median(field) == 255
