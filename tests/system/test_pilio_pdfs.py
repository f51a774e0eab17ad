"""POST /v1/pdfs/remove-watermark, through the public port."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from pypdf import PdfReader, PdfWriter
from reportlab.lib.colors import Color
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from services.inference.pdf.texts import FLATTENED
from tests.system.pilio import Pilio
from tests.unit.pdf import protections

REMOVE = "/v1/pdfs/remove-watermark"


def tiled_page(mode: int = 0, under: ImageReader | None = None) -> bytes:
    """A page with a light mark all over it that nothing declares; text render mode 3 is invisible."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(420, 420))
    if under is not None:
        canvas.drawImage(under, 0, 0, 420, 420)
    canvas.setFont("Helvetica", 11)
    for line in range(12):
        canvas.drawString(50, 360 - 25 * line, f"{line}. The quarterly report says that all is well.", mode=mode)
    canvas.setFillColor(Color(0.2, 0.2, 0.8, alpha=0.2))
    canvas.setFont("Helvetica", 18)
    for row in range(7):
        for column in range(5):
            canvas.saveState()
            canvas.translate(130 * column - 60 + 65 * (row % 2), 80 * row)
            canvas.rotate(30)
            canvas.drawString(0, 0, "do not copy", mode=mode)
            canvas.restoreState()
    canvas.save()
    return buffer.getvalue()


def scan(pages: int) -> bytes:
    """The same page several times as a picture under an invisible layer of its text, which the last one lacks."""
    with pypdfium2.PdfDocument(tiled_page()) as drawn:
        picture = drawn[0].render(scale=150 / 72).to_pil()
    writer = PdfWriter()
    for _ in range(pages - 1):
        writer.append(io.BytesIO(tiled_page(mode=3, under=ImageReader(picture))))
    last = io.BytesIO()
    canvas = Canvas(last, pagesize=(420, 420))
    canvas.drawImage(ImageReader(picture), 0, 0, 420, 420)
    canvas.save()
    writer.append(last)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


async def test_the_watermark_goes_and_the_text_stays(pilio: Pilio, report: bytes) -> None:
    before = PdfReader(io.BytesIO(report))
    content = await pilio.run(REMOVE, {"pdf_file_id": await pilio.upload("report.pdf", report), "mode": "editable"})
    after = PdfReader(io.BytesIO(content))
    assert len(after.pages) == len(before.pages) == 3
    for old, new in zip(before.pages, after.pages, strict=True):
        assert "CONFIDENTIAL" in old.extract_text()
        assert "CONFIDENTIAL" not in new.extract_text()
        kept = old.extract_text().replace("CONFIDENTIAL", "").split()
        assert new.extract_text().split() == kept


async def test_a_pdf_without_a_watermark_comes_back_as_it_was(pilio: Pilio, report: bytes) -> None:
    clean = await pilio.run(REMOVE, {"pdf_file_id": await pilio.upload("report.pdf", report)})
    task_id = await pilio.start(REMOVE, {"pdf_file_id": await pilio.upload("clean.pdf", clean)})
    assert (await pilio.finish(task_id))["unchanged"] is True
    result = await pilio.result(task_id)
    assert result["unchanged"] is True
    assert (await pilio.http.get(result["files"][0]["download_url"])).content == clean
    assert (await pilio.get(f"/v1/tasks/{task_id}")).json()["data"]["credits_charged"] == 0


async def delivered(pilio: Pilio, body: dict[str, object]) -> dict[str, bytes]:
    """The results of a task, by name."""
    task_id = await pilio.start(REMOVE, body)
    status = await pilio.finish(task_id)
    assert status["status"] == "Succeeded", status
    files = (await pilio.result(task_id))["files"]
    return {file["name"]: (await pilio.http.get(file["download_url"])).content for file in files}


async def test_a_mark_that_nothing_declares_goes_and_is_reported(pilio: Pilio) -> None:
    body = {"pdf_file_id": await pilio.upload("page.pdf", tiled_page()), "report": True}
    files = await delivered(pilio, body)
    assert list(files) == ["page-clean.pdf", "page-marks.json"]
    cleaned, report = files.values()
    text = PdfReader(io.BytesIO(cleaned)).pages[0].extract_text()
    assert "do not copy" not in text
    assert "The quarterly report" in text
    (found,) = json.loads(report)["removed"]
    assert (found["page"], found["method"], found["detail"]) == (1, "text", "do not copy")


async def test_a_dry_run_changes_nothing(pilio: Pilio) -> None:
    body = {"pdf_file_id": await pilio.upload("page.pdf", tiled_page()), "dry_run": True}
    files = await delivered(pilio, body)
    assert list(files) == ["page-marks.json", "page-preview.png"]
    assert json.loads(files["page-marks.json"])["dry_run"]
    assert files["page-preview.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "code", "option"),
    [
        (lambda: protections.protected(tiled_page(), protections.signed), "file_signed", {"allow_signed": True}),
        (lambda: protections.locked(tiled_page()), "file_locked", {"owner_password": protections.OWNER}),
    ],
    ids=["signed", "locked"],
)
async def test_protected_documents_are_done_only_when_the_call_says_so(
    pilio: Pilio, content: Callable[[], bytes], code: str, option: dict[str, object]
) -> None:
    body: dict[str, object] = {"pdf_file_id": await pilio.upload("page.pdf", content())}
    for mode in ("editable", "ai"):
        status = await pilio.finish(await pilio.start(REMOVE, {**body, "mode": mode}))
        assert (status["status"], status["error_type"]) == ("Failed", code)
        assert next(iter(option)) in status["error_message"]
    (cleaned,) = (await delivered(pilio, {**body, **option})).values()
    assert "do not copy" not in PdfReader(io.BytesIO(cleaned)).pages[0].extract_text()


async def test_ai_mode_redraws_pages_that_show_a_mark(pilio: Pilio) -> None:
    source = scan(pages=2)
    content = await pilio.run(REMOVE, {"pdf_file_id": await pilio.upload("page.pdf", source), "mode": "ai"})
    before, after = PdfReader(io.BytesIO(source)).pages, PdfReader(io.BytesIO(content)).pages
    assert len(before) == len(after) == 2
    assert before[1].extract_text() == ""
    assert after[1].extract_text().strip()  # what the model of the tests reads is no language
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if number < 1:
            assert "do not copy" in old.extract_text()
            assert "do not copy" not in new.extract_text()
            assert "The quarterly report" in new.extract_text()
        (picture,) = new.images
        assert picture.image is not None


async def test_the_structured_removal_says_where_marks_in_a_scan_are_looked_for(pilio: Pilio) -> None:
    status = await pilio.finish(await pilio.start(REMOVE, {"pdf_file_id": await pilio.upload("page.pdf", scan(pages=3))}))
    (notice,) = [each for each in status["notices"] if each["code"] == "pictures_not_searched"]
    assert "3 pages from page 1 on" in notice["message"]
    assert "ai" in notice["message"]


def stamped_scan() -> bytes:
    """Two pages as pictures, the second with a stamp at its foot."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(420, 594))
    for stamped in (False, True):
        page = io.BytesIO()
        drawn = Canvas(page, pagesize=(420, 594))
        for line in range(18):
            drawn.drawString(40, 540 - 20 * line, f"{line}. The harbour was closed for most of the winter, and the survey")
        if stamped:
            drawn.setFillColor(Color(0.8, 0.1, 0.1, alpha=0.5))
            drawn.setFont("Helvetica-Bold", 34)
            drawn.translate(220, 60)
            drawn.rotate(12)
            drawn.drawString(0, 0, "RECEIVED")
        drawn.save()
        with pypdfium2.PdfDocument(page.getvalue()) as document:
            canvas.drawImage(ImageReader(document[0].render(scale=150 / 72).to_pil()), 0, 0, 420, 594)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def shown(document: bytes, number: int) -> np.ndarray:
    with pypdfium2.PdfDocument(document) as opened:
        return np.asarray(opened[number].render(scale=1).to_pil().convert("RGB")).astype(int)


async def test_a_box_removes_a_stamp_from_the_pages_that_have_it(pilio: Pilio) -> None:
    source = stamped_scan()
    box = {"x1": 50, "y1": 70, "x2": 100, "y2": 98}
    content = await pilio.run(REMOVE, {"pdf_file_id": await pilio.upload("page.pdf", source), "mode": "ai", "boxes": [box]})
    (old,), (new,) = PdfReader(io.BytesIO(source)).pages[0].images, PdfReader(io.BytesIO(content)).pages[0].images
    assert old.data == new.data
    stamped, cleaned = shown(source, 1), shown(content, 1)
    red, left = (page[..., 0] - page[..., 1] > 40 for page in (stamped, cleaned))
    assert red.sum() > 500
    assert left.sum() < 0.05 * red.sum()
    assert np.abs(cleaned - stamped)[: int(0.65 * len(cleaned))].max() < 80


def with_fields(document: bytes) -> bytes:
    """With a form field and tags on each page."""

    def change(pdf: Pdf) -> None:
        for number, page in enumerate(pdf.pages):
            field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String(f"name{number}"), V=String("Ada"), F=4)
            field.Rect = Array([40, 560, 140, 580])
            page.obj.Annots = Array([pdf.make_indirect(field)])
        pdf.Root.AcroForm = Dictionary(Fields=Array([page.obj.Annots[0] for page in pdf.pages]))
        root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        pictures = [pdf.make_indirect(Dictionary(S=Name.Figure, P=root, Pg=page.obj, K=0, Alt=String("a scan"))) for page in pdf.pages]
        root.K, pdf.Root.StructTreeRoot, pdf.Root.MarkInfo = Array(pictures), root, Dictionary(Marked=True)

    return protections.protected(document, change)


async def test_redrawing_a_page_keeps_the_fields_and_tags_of_the_others_and_says_what_it_loses(pilio: Pilio) -> None:
    box = {"x1": 50, "y1": 70, "x2": 100, "y2": 98}
    body = {"pdf_file_id": await pilio.upload("page.pdf", with_fields(stamped_scan())), "mode": "ai", "boxes": [box]}
    task_id = await pilio.start(REMOVE, body)
    assert FLATTENED in [notice["message"] for notice in (await pilio.finish(task_id))["notices"]]
    [file] = (await pilio.result(task_id))["files"]
    content = (await pilio.http.get(file["download_url"])).content
    with pikepdf.open(io.BytesIO(content)) as document:
        assert [len(page.obj.get("/Annots", [])) for page in document.pages] == [1, 0]
        assert [(str(tag.Alt), tag.Pg.objgen) for tag in document.Root.StructTreeRoot.K] == [("a scan", document.pages[0].obj.objgen)]
        assert [str(field.V) for field in document.Root.AcroForm.Fields] == ["Ada", "Ada"]
