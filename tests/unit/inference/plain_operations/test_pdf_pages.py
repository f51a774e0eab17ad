"""Pages of documents as pictures, in a child."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image as PillowImage

from services.inference.media import Hints, decode
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.inference.plain_operations.running import LIMITS, Running

FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "AVIF": "avif", "TIFF": "tiff", "GIF": "gif", "HEIC": "heic", "HEIF": "heif"}
RED_CORNER = b"1 0 0 rg 0 0 20 20 re f"
"""At the lower left."""


def document(*contents: bytes, box: tuple[float, ...] = (0, 0, 72, 36), save: dict[str, Any] | None = None, **entries: Any) -> bytes:
    pdf = Pdf.new()
    for content in contents:
        page = Dictionary(Type=Name.Page, MediaBox=Array(box), Contents=pdf.make_stream(content), Resources=Dictionary(), **entries)
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    buffer = io.BytesIO()
    pdf.save(buffer, **(save or {}))
    return buffer.getvalue()


def with_annotation(*, field: bool) -> bytes:
    """A page with nothing but a blue square: a comment, or the field of a form."""
    pdf = Pdf.new()
    pdf.add_blank_page(page_size=(72, 72))
    look = pdf.make_stream(b"0 0 1 rg 0 0 40 40 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 40, 40]))
    kind = {"Subtype": Name.Widget, "FT": Name.Btn, "Ff": 1 << 16, "T": String("b"), "F": 4} if field else {"Subtype": Name.Square, "F": 4}
    placed = pdf.make_indirect(Dictionary(Type=Name.Annot, Rect=Array([0, 0, 40, 40]), AP=Dictionary(N=look), **kind))
    pdf.pages[0].Annots = Array([placed])
    if field:
        pdf.Root.AcroForm = Dictionary(Fields=Array([placed]))
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


async def pages(running: Running, source: bytes, **parameters: Any) -> dict[str, bytes]:
    made = await running.product(source, {"pdf_pages": parameters}, name="report.pdf")
    assert (made.name, made.media_type) == ("report-pages.zip", "application/zip")
    assert isinstance(made.content, bytes)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    separate = {each.name: each.content for each in made.attachments}
    assert separate == (found if parameters.get("separate") else {})
    return found


async def drawn(running: Running, source: bytes, **parameters: Any) -> np.ndarray[Any, Any]:
    [content] = (await pages(running, source, **parameters)).values()
    return np.asarray(PillowImage.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("format_", FORMATS)
async def test_every_format(running: Running, format_: str) -> None:
    [(name, content)] = (await pages(running, document(RED_CORNER), format=f"PICTURE_FORMAT_{format_}", dpi=144, separate=True)).items()
    assert name == f"page-1.{FORMATS[format_]}"
    picture = decode(content, LIMITS, Hints(name))
    assert (picture.width, picture.height) == (144, 72)
    # What is in a HEIF is told by its brands.
    assert picture.source_format == (MediaFormat.HEIC if format_ == "HEIF" else MediaFormat(format_.lower()))
    assert np.abs(picture.srgb()[60, 10].astype(int) - (255, 0, 0)).max() < 30
    assert np.abs(picture.srgb()[10, 100].astype(int) - 255).max() < 10


@pytest.mark.parametrize(
    ("box", "dpi", "size"),
    [
        ((0, 0, 72, 36), 0, (150, 75)),
        ((0, 0, 595.28, 841.89), 72, (595, 842)),
        ((0, 0, 595.28, 841.89), 36, (298, 421)),
        ((100, 100, 172, 136), 72, (72, 36)),
        ((0, 0, 3, 3), 36, (2, 2)),
        ((0, 0, 14400, 3), 36, (7200, 2)),
        ((0, 0, 10, 10), 2400, (333, 333)),
    ],
)
async def test_size(running: Running, box: tuple[float, ...], dpi: int, size: tuple[int, int]) -> None:
    picture = await drawn(running, document(b"", box=box), dpi=dpi)
    assert picture.shape[1::-1] == size
    assert (picture == 255).all()


async def test_the_resolution_is_noted(running: Running) -> None:
    [content] = (await pages(running, document(RED_CORNER), dpi=300)).values()
    assert PillowImage.open(io.BytesIO(content)).info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize(("turn", "size", "corner"), [(90, (36, 72), (5, 5)), (180, (72, 36), (66, 5)), (270, (36, 72), (30, 66))])
async def test_pages_are_turned(running: Running, turn: int, size: tuple[int, int], corner: tuple[int, int]) -> None:
    picture = await drawn(running, document(RED_CORNER, Rotate=turn), dpi=72)
    assert picture.shape[1::-1] == size
    assert tuple(picture[corner[1], corner[0]]) == (255, 0, 0)


async def test_pages_are_cut_to_their_crop_boxes(running: Running) -> None:
    picture = await drawn(running, document(RED_CORNER, CropBox=Array([10, 10, 50, 30])), dpi=72)
    assert picture.shape == (20, 40, 3)
    assert tuple(picture[18, 2]) == (255, 0, 0)
    assert tuple(picture[2, 30]) == (255, 255, 255)


@pytest.mark.parametrize("field", [False, True])
async def test_annotations_and_fields_are_drawn(running: Running, field: bool) -> None:
    picture = await drawn(running, with_annotation(field=field), dpi=72)
    blue = picture[60, 10].astype(int)
    assert blue[2] > 200
    assert blue[0] < 200


@pytest.mark.parametrize(("color", "inside"), [("COLOR", (255, 128, 0)), ("GRAY", (151,) * 3), ("BLACK_WHITE", (255,) * 3)])
async def test_colours(running: Running, color: str, inside: tuple[int, ...]) -> None:
    picture = await drawn(running, document(b"1 0.5 0 rg 0 0 40 40 re f"), color=f"PAGE_COLOR_{color}", dpi=72)
    assert np.abs(picture[20, 10].astype(int) - inside).max() <= 1
    assert tuple(picture[20, 60]) == (255, 255, 255)


@pytest.mark.parametrize(("level", "shown"), [(127, 0), (128, 255)])
async def test_the_threshold_of_black_and_white(running: Running, level: int, shown: int) -> None:
    picture = await drawn(running, document(f"{level / 255:.5f} g 0 0 99 99 re f".encode()), color="PAGE_COLOR_BLACK_WHITE", dpi=72)
    assert (picture == shown).all()


async def test_pages_that_are_asked_for(running: Running) -> None:
    source = document(*[f"0 0 {number} {number} re f".encode() for number in range(1, 13)])
    assert list(await pages(running, source, pages="11, 2-3,2", dpi=36, separate=True)) == ["page-2.png", "page-3.png", "page-11.png"]
    assert len(await pages(running, source, dpi=36)) == 12


async def test_beyond_the_most_files_only_the_archive_has_all(running: Running) -> None:
    made = await running.product(document(*[b""] * 510, box=(0, 0, 10, 10)), {"pdf_pages": {"dpi": 36, "separate": True}}, name="a.pdf")
    assert [each.name for each in made.attachments] == [f"page-{number}.png" for number in range(1, 500)]
    assert isinstance(made.content, bytes)
    with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
        assert len(archive.namelist()) == 510


HUGE = document(b"", b"", box=(0, 0, 14400, 14400))
LOCKED = document(RED_CORNER, save={"encryption": pikepdf.Encryption(owner="a", user="b")})


@pytest.mark.parametrize(
    ("source", "parameters", "reason", "said"),
    [
        (document(b""), {"pages": "2"}, ErrorReason.FIELD_INVALID, "Page(s) 2 out of range (document has 1 pages)"),
        (document(b""), {"pages": "x"}, ErrorReason.FIELD_INVALID, "Invalid page range format"),
        (HUGE, {"pages": "2"}, ErrorReason.MEDIA_LIMIT_EXCEEDED, "Page 2, at 150 dpi, has 30000 x 30000 pixels"),
        (LOCKED, {}, ErrorReason.FILE_ENCRYPTED, "password"),
        (b"%PDF-1.7\nnothing of a document", {}, ErrorReason.FILE_CORRUPT, "damaged"),
        (document(), {}, ErrorReason.FILE_CORRUPT, "damaged"),
    ],
)
async def test_refused(running: Running, source: bytes, parameters: dict[str, Any], reason: ErrorReason, said: str) -> None:
    with pytest.raises(DarkroomError) as raised:
        await pages(running, source, **parameters)
    assert raised.value.reason is reason
    assert said in raised.value.message


async def test_a_document_that_opens_without_its_password(running: Running) -> None:
    source = document(RED_CORNER, save={"encryption": pikepdf.Encryption(owner="a", user="")})
    assert tuple((await drawn(running, source, dpi=72))[30, 10]) == (255, 0, 0)
    assert await told(running, source) == {"pageCount": 1}


async def test_a_document_without_a_table_of_its_objects(running: Running) -> None:
    source = document(RED_CORNER)
    assert tuple((await drawn(running, source[: source.rindex(b"startxref")], dpi=72))[30, 10]) == (255, 0, 0)


async def told(running: Running, source: bytes, **parameters: Any) -> dict[str, Any]:
    made = await running.product(source, {"inspect_pdf": parameters}, name="report.pdf")
    assert (made.name, made.media_type) == ("report-pages.json", "application/json")
    assert isinstance(made.content, bytes)
    found: dict[str, Any] = json.loads(made.content)
    return found


async def test_count(running: Running) -> None:
    assert await told(running, document(*[b""] * 7)) == {"pageCount": 7}


@pytest.mark.parametrize(
    ("box", "size"), [((0, 0, 72, 36), (300, 150)), ((0, 0, 595.28, 841.89), (300, 424)), ((0, 0, 3, 3000), (1, 1200))]
)
async def test_thumbnails(running: Running, box: tuple[float, ...], size: tuple[int, int]) -> None:
    found = await told(running, document(RED_CORNER, b"", b"", box=box), thumbnails=True, max_thumbnails=2)
    assert found["pageCount"] == 3
    assert [each["page"] for each in found["thumbnails"]] == [1, 2]
    for each in found["thumbnails"]:
        kind, _, content = each["dataUrl"].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert PillowImage.open(io.BytesIO(base64.b64decode(content))).size == size == (each["width"], each["height"])


async def test_thumbnails_of_all_pages(running: Running) -> None:
    assert len((await told(running, document(*[b""] * 12), thumbnails=True))["thumbnails"]) == 12
