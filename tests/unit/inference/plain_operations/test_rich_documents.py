"""PDFs that hold more than pages, through the operations on documents: all of it is as before, or what is lost is told."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image as PillowImage

from services.inference.media import Image
from services.inference.pdf.remove import RemovalRequest, remove_watermarks
from services.inference.pdf.texts import ENCRYPTION_WARNING, FLATTENED
from services.inference.redraw.encoding import write_page
from services.inference.redraw.isolated import rebuild, render_page, settle
from services.pictures.probe.child import probe
from services.platform.errors import DarkroomError, ErrorReason
from tests.reported_files.document_facts import facts_of, looks_of, texts_of
from tests.reported_files.pictures_in_documents import IMAGES, shown
from tests.reported_files.rich_documents import RICH, long
from tests.reported_files.two_pages import encryption, made
from tests.unit.inference.plain_operations.running import Running
from tests.unit.pdf.protections import protected, signed

pytestmark = pytest.mark.filterwarnings("ignore:Encryption R=5 is deprecated")
REVISIONS = (2, 3, 4, 5, 6)
FLATTENED_KINDS = ("annotations", "forms", "tags", "tags in object streams")
"""Those with something on their pages that a picture does not keep."""


def cleaned(folder: Path, document: bytes) -> tuple[bytes, Any]:
    source, target = folder / "source.pdf", folder / "target.pdf"
    source.write_bytes(document)
    report = remove_watermarks(source, target, lambda *_: None, RemovalRequest())
    return target.read_bytes(), report


@pytest.mark.cases(6)
@pytest.mark.parametrize("kind", RICH)
def test_removal_without_a_mark_changes_nothing(tmp_path: Path, kind: str) -> None:
    document = RICH[kind](False)
    result, report = cleaned(tmp_path, document)
    assert (result == document, report.is_changed, report.warnings) == (True, False, [])


@pytest.mark.cases(10)
@pytest.mark.parametrize("kind", RICH)
def test_removal_of_a_mark_keeps_all_else(tmp_path: Path, kind: str) -> None:
    clean = RICH[kind](False)
    marked = RICH[kind](True)
    result, report = cleaned(tmp_path, marked)
    assert identifier(marked) in (None, identifier(result))
    assert [(finding.page, finding.method.value) for finding in report.removed_findings] == [(1, "artifact")]
    assert report.warnings == ([ENCRYPTION_WARNING] if kind.startswith("owner") else [])
    assert facts_of(result) == facts_of(clean)
    for one, other in zip(looks_of(result), looks_of(clean), strict=True):
        assert np.array_equal(one, other)


def identifier(document: bytes) -> bytes | None:
    """The part that all versions of a document share."""
    with pikepdf.open(io.BytesIO(document)) as opened:
        return bytes(opened.trailer.ID[0]) if "/ID" in opened.trailer else None


def redrawn(folder: Path, document: bytes, clean: bytes, *, all_pages: bool = False) -> tuple[bytes, list[str]]:
    """The first page, or all, as the picture that it has without the mark."""
    source, mended, pages = folder / "source.pdf", folder / "mended.pdf", folder / "pages"
    source.write_bytes(document)
    (folder / "clean.pdf").write_bytes(clean)
    pages.mkdir()
    settled = settle(source, mended)
    readable = mended if settled["mended"] else source
    for number in range(settled["pages"] if all_pages else 1):
        described = render_page(folder / "clean.pdf", number, folder / "samples")
        pixels = np.fromfile(folder / "samples", np.uint8).reshape(described["shape"])
        described["shape"] = write_page(Image(pixels), pages, number)
        (pages / f"{number}.json").write_text(json.dumps(described))
    told = rebuild(readable, pages, folder / "target.pdf")
    return (folder / "target.pdf").read_bytes(), [*settled["warnings"], *told["warnings"]]


@pytest.mark.cases(10)
@pytest.mark.parametrize("kind", RICH)
def test_redrawing_a_page_keeps_the_others(tmp_path: Path, kind: str) -> None:
    clean = RICH[kind](False)
    marked = RICH[kind](True)
    result, warnings = redrawn(tmp_path, marked, clean)
    assert identifier(marked) in (None, identifier(result))
    assert warnings == ([ENCRYPTION_WARNING] * kind.startswith("owner") + [FLATTENED] * (kind in FLATTENED_KINDS))
    with pikepdf.open(io.BytesIO(clean)) as opened:
        assert opened.pdf_version >= "1.5" or b"/ObjStm" not in result
    assert as_redrawn(facts_of(result)) == as_redrawn(facts_of(clean))
    for one, other in zip(looks_of(result), looks_of(clean), strict=True):
        assert np.abs(one - other).mean() < 2


def as_redrawn(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what is no longer there once the first page is a picture: all notes but links, its tags, and breaks between its lines."""
    first, *others = facts["notes"]
    texts = {key: [" ".join(text.split()) for text in facts[key]] for key in ("texts", "texts by PDFium")}
    tags = [(*tag, [part for part in parts if part[0] != 0 or part[1] == "/Link"]) for *tag, parts in facts["tags"]]
    # Elements with nothing left are gone, and the numbers of the page lead nowhere.
    left = [tag for tag in tags if tag[-1] or tag[1] in ("None", "/Document")]
    back = facts["ways back"]
    return {
        **facts,
        **texts,
        "notes": [[note for note in first if note["/Subtype"] == "/Link"], *others],
        "tags": left,
        "ways back": back[1:],
    }


def test_tags_with_nothing_left_go(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(RICH["tags"](False))) as opened:
        for page in opened.pages:
            del page.obj.Annots
        opened.save(buffer)
    result, warnings = redrawn(tmp_path, buffer.getvalue(), buffer.getvalue(), all_pages=True)
    with pikepdf.open(io.BytesIO(result)) as opened:
        assert (warnings, {"/StructTreeRoot", "/MarkInfo"} & opened.Root.keys()) == ([FLATTENED], set())


@pytest.mark.parametrize("operation", ["remove_pdf_watermark", "redraw_pdf"])
async def test_a_signed_document_is_refused(running: Running, operation: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        await running.product(protected(RICH["forms"](True), signed), {operation: {}}, name="a.pdf")
    assert refused.value.reason is ErrorReason.FILE_SIGNED


@pytest.mark.parametrize("marked", [True, False])
async def test_the_signature_of_a_document_that_may_be_changed(running: Running, *, marked: bool) -> None:
    """It stays valid where there is no mark: not a byte is changed."""
    document = protected(RICH["tags"](marked), signed)
    made_of = await running.product(document, {"remove_pdf_watermark": {"allow_signed": True}}, name="a.pdf")
    assert (made_of.content == document) == (not marked)
    assert (("document_warning", "") in running.notices) == marked


@pytest.mark.cases(3)
@pytest.mark.parametrize("name", IMAGES)
async def test_pictures_of_pages_with_pictures(running: Running, name: str) -> None:
    made_of = await running.product(RICH[f"picture in {name}"](False), {"pdf_pages": {"dpi": 72}}, name="a.pdf")
    assert isinstance(made_of.content, bytes)
    with zipfile.ZipFile(io.BytesIO(made_of.content)) as archive:
        for page in ("page-1.png", "page-2.png"):
            drawn = np.asarray(PillowImage.open(io.BytesIO(archive.read(page))).convert("RGB"))[30:70, 140:190].astype(int)
            expected = np.asarray(PillowImage.fromarray(shown(name)).resize((50, 40), PillowImage.Resampling.BOX)).astype(int)
            assert np.abs(drawn - expected).mean() < 6
    assert running.notices == [("pages", "pages")]


@pytest.mark.cases(2)
@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_password_is_needed_with_every_kind_of_encryption(running: Running, revision: int) -> None:
    document = made(lambda _: None, marked=False, encryption=encryption(revision, user="user"))
    refusals = []
    for operation in ("pdf_pages", "inspect_pdf", "remove_pdf_watermark", "redraw_pdf"):
        with pytest.raises(DarkroomError) as refused:
            await running.product(document, {operation: {}}, name="a.pdf")
        refusals.append(refused.value)
    with pytest.raises(DarkroomError) as refused:
        probe(lambda at, length: document[at : at + length], len(document), name="a.pdf")
    assert {each.reason for each in [*refusals, refused.value]} == {ErrorReason.FILE_ENCRYPTED}


@pytest.mark.thorough
async def test_a_thousand_pages(running: Running, tmp_path: Path) -> None:
    clean, marked = long(1000, marked=False), long(1000, marked=True)
    result, report = cleaned(tmp_path, marked)
    assert len(report.removed_findings) == 1000
    assert facts_of(result) == facts_of(clean)
    pages = await running.product(clean, {"pdf_pages": {"dpi": 36, "pages": "1,500,1000"}}, name="a.pdf")
    assert isinstance(pages.content, bytes)
    with zipfile.ZipFile(io.BytesIO(pages.content)) as archive:
        assert archive.namelist() == ["page-1.png", "page-500.png", "page-1000.png"]
    redrawn_one, warnings = redrawn(tmp_path, marked, clean)
    assert not warnings and texts_of(redrawn_one)[1:3] == texts_of(marked)[1:3]
    with pikepdf.open(io.BytesIO(redrawn_one)) as opened:
        assert len(opened.pages) == 1000
