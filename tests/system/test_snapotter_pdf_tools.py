"""SnapOtter's tools that make PDFs of pictures and pictures of PDFs (9.3 and 9.5 of its contract), through the public port."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import httpx
import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from PIL import Image

from tests.system.pictures import bomb_png, disc, encoded, opened
from tests.system.snapotter import Part, SnapOtter

TOOLS = "/api/v1/tools"
PNG = encoded(disc(80, 40), "PNG")
JPEG = encoded(disc(80, 40), "JPEG", quality=95)
JOB = {"jobId", "downloadUrl", "originalSize", "processedSize"}


def refused(reply: httpx.Response, status: int = 400) -> str:
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert set(body) <= {"error", "details"}
    return str(body["error"])


def settings_part(settings: object) -> list[Part]:
    return [] if settings is None else [("settings", settings if isinstance(settings, str) else json.dumps(settings))]


# image-to-pdf


async def pdf_of(caller: SnapOtter, *files: Part, settings: object = None) -> httpx.Response:
    return await caller.form(f"{TOOLS}/image-to-pdf", *files, *settings_part(settings))


def file(content: bytes = PNG, name: str = "photo.png", part: str = "file") -> Part:
    return part, content, name


async def document_of(caller: SnapOtter, *files: Part, settings: object = None) -> bytes:
    reply = await pdf_of(caller, *files, settings=settings)
    assert reply.status_code == 200, reply.text
    content = await caller.download(reply.json()["downloadUrl"])
    with pikepdf.open(io.BytesIO(content)) as document:
        assert not document.check_pdf_syntax()
    return content


def page_picture(document: bytes, number: int = 0) -> Image.Image:
    with pdfium.PdfDocument(document) as found:
        return found[number].render(scale=1).to_pil().convert("RGB")


async def test_pictures_become_pages_in_order(admin: SnapOtter) -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    files = [file(encoded(Image.new("RGB", (50, 50), colour), "PNG"), f"{number}.png") for number, colour in enumerate(colours)]
    reply = await pdf_of(admin, *files)
    body = reply.json()
    assert (reply.status_code, set(body)) == (200, {*JOB, "pages"})
    assert body["pages"] == 3
    assert body["downloadUrl"] == f"/api/v1/download/{body['jobId']}/images.pdf"
    assert body["originalSize"] == sum(len(each[1]) for each in files)
    content = await admin.download(body["downloadUrl"])
    assert body["processedSize"] == len(content)
    with pdfium.PdfDocument(content) as found:
        assert len(found) == 3
    assert [page_picture(content, number).getpixel((297, 421)) for number in range(3)] == colours


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (None, (595.28, 841.89)),
        ({"pageSize": "Letter"}, (612, 792)),
        ({"pageSize": "A3"}, (841.89, 1190.55)),
        ({"pageSize": "A5", "orientation": "landscape"}, (595.28, 419.53)),
        ({"orientation": "landscape", "margin": 0}, (841.89, 595.28)),
    ],
)
async def test_pages_have_their_size(admin: SnapOtter, settings: object, size: tuple[float, float]) -> None:
    with pdfium.PdfDocument(await document_of(admin, file(), settings=settings)) as found:
        assert found[0].get_size() == pytest.approx(size, abs=0.01)


async def test_pictures_are_centred_and_never_enlarged(admin: SnapOtter) -> None:
    black = encoded(Image.new("RGB", (100, 50)), "PNG")
    dark = np.asarray(page_picture(await document_of(admin, file(black))).convert("L")) < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert abs(len(rows) - 50) <= 2
    assert abs(len(columns) - 100) <= 2
    assert abs(rows.mean() - 421) <= 1
    assert abs(columns.mean() - 297.5) <= 1


@pytest.mark.parametrize(("margin", "width"), [(None, 555), (0, 595), (100, 395)])
async def test_pictures_are_shrunk_to_the_margins(admin: SnapOtter, margin: int | None, width: int) -> None:
    black = encoded(Image.new("RGB", (2000, 1000)), "PNG")
    settings = None if margin is None else {"margin": margin}
    dark = np.asarray(page_picture(await document_of(admin, file(black), settings=settings)).convert("L")) < 128
    assert abs(int(dark.any(0).sum()) - width) <= 1
    assert abs(int(dark.any(1).sum()) - width // 2) <= 1


async def test_transparency_is_white(admin: SnapOtter) -> None:
    clear = encoded(Image.new("RGBA", (100, 100), (200, 0, 0, 0)), "PNG")
    assert page_picture(await document_of(admin, file(clear))).getpixel((297, 421)) == (255, 255, 255)


async def test_a_file_with_several_frames_gives_one_page(admin: SnapOtter) -> None:
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "lime", "blue")]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    reply = await pdf_of(admin, file(gif, "a.gif"), file())
    assert reply.json()["pages"] == 2
    with pdfium.PdfDocument(await admin.download(reply.json()["downloadUrl"])) as found:
        assert len(found) == 2


def noise(seed: int = 0) -> bytes:
    return encoded(Image.fromarray(np.random.default_rng(seed).integers(0, 255, (300, 400, 3), np.uint8)), "PNG")


@pytest.mark.parametrize(("target", "requested"), [({"value": 100, "unit": "KB"}, 102_400), ({"value": 0.0701, "unit": "MB"}, 73_505)])
async def test_a_size_that_can_be_met(admin: SnapOtter, target: object, requested: int) -> None:
    body = (await pdf_of(admin, file(noise()), settings={"targetSize": target})).json()
    assert set(body) == {*JOB, "pages", "compression"}
    quality = body["compression"].pop("jpegQuality")
    assert body["compression"] == {"targetRequested": requested, "targetMet": True}
    assert 10 < quality < 95
    assert 0.8 * requested < body["processedSize"] <= requested


async def test_a_size_that_cannot_be_met(admin: SnapOtter) -> None:
    files = [file(noise(seed), f"{seed}.png") for seed in range(8)]
    body = (await pdf_of(admin, *files, settings={"targetSize": {"value": 50, "unit": "KB"}})).json()
    assert body["compression"] == {"targetRequested": 51_200, "targetMet": False, "jpegQuality": 10}
    assert body["processedSize"] > 51_200


async def test_a_size_that_is_met_anyway(admin: SnapOtter) -> None:
    body = (await pdf_of(admin, file(), settings={"targetSize": {"value": 1, "unit": "MB"}})).json()
    assert body["compression"] == {"targetRequested": 1 << 20, "targetMet": True, "jpegQuality": 95}


@pytest.mark.parametrize("target", [{"value": 49, "unit": "KB"}, {"value": 0.04, "unit": "MB"}, {"value": 1e-9, "unit": "KB"}])
async def test_sizes_that_are_too_small(admin: SnapOtter, target: object) -> None:
    assert refused(await pdf_of(admin, file(), settings={"targetSize": target})) == "Target size must be at least 50KB"


@pytest.mark.parametrize(
    "settings",
    [
        {"pageSize": "A6"},
        {"pageSize": "a4"},
        {"orientation": "square"},
        {"margin": -1},
        {"margin": 501},
        {"margin": "20"},
        {"targetSize": 100},
        {"targetSize": {"value": 0, "unit": "KB"}},
        {"targetSize": {"value": 100}},
        {"targetSize": {"unit": "KB"}},
        {"targetSize": {"value": 100, "unit": "GB"}},
        {"targetSize": {"value": "100", "unit": "KB"}},
        [],
    ],
)
async def test_bad_settings_of_a_document(admin: SnapOtter, settings: object) -> None:
    assert refused(await pdf_of(admin, file(), settings=settings)) == "Invalid settings"


async def test_what_is_checked_first_of_pictures(admin: SnapOtter) -> None:
    assert refused(await pdf_of(admin, settings="{")) == "No image files provided"
    assert refused(await pdf_of(admin, file(b""), settings="{")) == "No image files provided"
    assert "JSON" in refused(await pdf_of(admin, file(b"text"), settings="{"))
    assert refused(await pdf_of(admin, file(b"text"), settings={"margin": -1})) == "Invalid settings"


@pytest.mark.parametrize(
    "content", [b"this is no picture", b"\0" * 300, b"%PDF-1.7\nno picture", PNG[:60], JPEG[: len(JPEG) // 2], bomb_png()]
)
async def test_unreadable_pictures(admin: SnapOtter, content: bytes) -> None:
    assert refused(await pdf_of(admin, file(), file(content)), 422) == "PDF creation failed"


async def test_margins_that_leave_nothing(admin: SnapOtter) -> None:
    assert refused(await pdf_of(admin, file(), settings={"margin": 400}), 422) == "PDF creation failed"


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "TIFF", "GIF"])
async def test_pictures_of_every_format(admin: SnapOtter, kind: str) -> None:
    document = await document_of(admin, file(encoded(Image.new("RGB", (60, 60), (0, 0, 200)), kind), f"a.{kind.lower()}"))
    assert np.abs(np.subtract(page_picture(document).getpixel((297, 421)), (0, 0, 200))).max() < 12


# pdf-to-image


def pdf(pages: int = 3, size: tuple[float, float] = (72, 36), **saving: Any) -> bytes:
    """A document with a red square at the lower left of each page, as many points wide as ten times its number."""
    document = pikepdf.Pdf.new()
    for number in range(1, pages + 1):
        document.add_blank_page(page_size=size)
        document.pages[-1].Contents = document.make_stream(f"1 0 0 rg 0 0 {10 * number} 20 re f".encode())
    buffer = io.BytesIO()
    document.save(buffer, **saving)
    return buffer.getvalue()


PDF = pdf()
LOCKED = pdf(encryption=pikepdf.Encryption(owner="owner", user="user"))
OPEN_BUT_ENCRYPTED = [pdf(encryption=pikepdf.Encryption(owner="owner", user="", R=revision)) for revision in (4, 6)]


async def pages_of(caller: SnapOtter, settings: object = None, content: bytes = PDF, step: str = "") -> httpx.Response:
    return await caller.form(f"{TOOLS}/pdf-to-image{step}", file(content, "report.pdf"), *settings_part(settings))


async def pictures_of(caller: SnapOtter, settings: object = None, content: bytes = PDF) -> list[Image.Image]:
    reply = await pages_of(caller, settings, content)
    assert reply.status_code == 200, reply.text
    return [opened(await caller.download(page["downloadUrl"])) for page in reply.json()["pages"]]


async def test_pages_become_pictures(admin: SnapOtter) -> None:
    body = (await pages_of(admin)).json()
    assert set(body) == {"jobId", "pageCount", "selectedPages", "format", "pages", "zipUrl", "zipSize"}
    assert (body["pageCount"], body["selectedPages"], body["format"]) == (3, [1, 2, 3], "png")
    assert body["zipUrl"] == f"/api/v1/download/{body['jobId']}/pdf-pages.zip"
    packed = await admin.download(body["zipUrl"])
    assert len(packed) == body["zipSize"]
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["page-1.png", "page-2.png", "page-3.png"]
        for number, page in enumerate(body["pages"], start=1):
            assert (set(page), page["page"]) == ({"page", "downloadUrl", "size"}, number)
            assert page["downloadUrl"] == f"/api/v1/download/{body['jobId']}/page-{number}.png"
            content = await admin.download(page["downloadUrl"])
            assert len(content) == page["size"]
            assert content == archive.read(f"page-{number}.png")
            picture = opened(content).convert("RGB")
            assert picture.size == (150, 75)
            assert int((np.asarray(picture)[70] == (255, 0, 0)).all(1).sum()) == pytest.approx(number * 10 * 150 / 72, abs=1)


@pytest.mark.parametrize(
    ("format_", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("avif", "AVIF"), ("tiff", "TIFF"), ("gif", "GIF")]
)
async def test_formats_of_pages(admin: SnapOtter, format_: str, kind: str) -> None:
    body = (await pages_of(admin, {"format": format_, "pages": "2"})).json()
    assert (body["format"], body["selectedPages"]) == (format_, [2])
    [page] = body["pages"]
    assert page["downloadUrl"].endswith(f"/page-2.{format_}")
    picture = opened(await admin.download(page["downloadUrl"]))
    assert (picture.format, picture.size) == (kind, (150, 75))
    red = picture.convert("RGB").getpixel((5, 70))
    assert np.abs(np.subtract(red, (255, 0, 0))).max() < 20


@pytest.mark.parametrize("format_", ["heic", "heif"])
async def test_heic_is_really_written(admin: SnapOtter, format_: str) -> None:
    [page] = (await pages_of(admin, {"format": format_, "pages": "1"})).json()["pages"]
    assert (await admin.download(page["downloadUrl"]))[4:12] in (b"ftypheic", b"ftypmif1")


@pytest.mark.thorough
@pytest.mark.parametrize(("dpi", "size"), [(36, (36, 18)), (72, (72, 36)), (300, (300, 150)), (2400, (2400, 1200))])
async def test_dots_per_inch(admin: SnapOtter, dpi: int, size: tuple[int, int]) -> None:
    assert (await pictures_of(admin, {"dpi": dpi, "pages": "1"}))[0].size == size


async def test_sizes_are_rounded(admin: SnapOtter) -> None:
    [picture] = await pictures_of(admin, {"dpi": 100}, pdf(1, (595.28, 841.89)))
    assert picture.size == (827, 1169)


@pytest.mark.thorough
async def test_quality(admin: SnapOtter) -> None:
    noisy = io.BytesIO(await document_of(admin, file(noise())))
    small, large = [
        (await pages_of(admin, {"format": "jpg", "quality": quality}, noisy.getvalue())).json()["pages"][0]["size"] for quality in (10, 95)
    ]
    assert small < large / 2


@pytest.mark.parametrize(("mode", "inside"), [("color", (255, 0, 0)), ("grayscale", (76, 76, 76)), ("bw", (0, 0, 0))])
async def test_colour_modes(admin: SnapOtter, mode: str, inside: tuple[int, ...]) -> None:
    picture = (await pictures_of(admin, {"colorMode": mode, "pages": "1"}))[0].convert("RGB")
    assert picture.getpixel((5, 70)) == inside
    assert picture.getpixel((140, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("text", "selected"), [("all", [1, 2, 3]), ("", [1, 2, 3]), ("2", [2]), ("3,1", [1, 3]), (" 1 , 2 - 3, 2", [1, 2, 3])]
)
async def test_page_texts(admin: SnapOtter, text: str, selected: list[int]) -> None:
    body = (await pages_of(admin, {"pages": text})).json()
    assert (body["selectedPages"], [each["page"] for each in body["pages"]]) == (selected, selected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "Invalid page range format"),
        ("1-", "Invalid page range format"),
        ("1;2", "Invalid page range format"),
        ("1\0", "Invalid page range format"),
        ("0", "Page numbers must be positive"),
        ("3-1", "Invalid page range: start exceeds end"),
        ("4", "Page(s) 4 out of range (document has 3 pages)"),
        ("2-5", "Page(s) 4, 5 out of range (document has 3 pages)"),
    ],
)
async def test_bad_page_texts(admin: SnapOtter, text: str, said: str) -> None:
    assert refused(await pages_of(admin, {"pages": text})) == said


@pytest.mark.parametrize(
    "settings",
    [
        {"format": "bmp"},
        {"dpi": 35},
        {"dpi": 2401},
        {"dpi": "150"},
        {"quality": 0},
        {"quality": 101},
        {"colorMode": "sepia"},
        {"pages": 3},
        {"pages": "1," * 9000},
    ],
)
async def test_bad_settings_of_pictures(admin: SnapOtter, settings: object) -> None:
    assert refused(await pages_of(admin, settings)) == "Invalid settings"


async def test_what_is_checked_first_of_a_document(admin: SnapOtter) -> None:
    path = f"{TOOLS}/pdf-to-image"
    for step in ("", "/info", "/preview"):
        assert refused(await admin.form(path + step, ("settings", "{"))) == "No PDF file provided"
        assert refused(await pages_of(admin, content=b"", step=step)) == "No PDF file provided"
    assert "JSON" in refused(await pages_of(admin, "{", b"text"))
    assert refused(await pages_of(admin, {"dpi": 1}, b"text")) == "Invalid settings"
    assert refused(await pages_of(admin, {"pages": "x"}, b"text")) == "Invalid page range format"


async def test_the_last_file_counts(admin: SnapOtter) -> None:
    files = [file(b"text", "a.pdf"), file(PDF, "b.pdf"), file(pdf(2), "c.bin")]
    assert (await admin.form(f"{TOOLS}/pdf-to-image", *files)).json()["pageCount"] == 2
    assert (await admin.form(f"{TOOLS}/pdf-to-image/info", *files)).json() == {"pageCount": 2}


@pytest.mark.parametrize("content", [b"no document", PNG, b"%PDF-1.7\nnothing else", b"%PDF-1.4\n" + b"\0" * 5000, pdf(0)])
async def test_what_is_no_document(admin: SnapOtter, content: bytes) -> None:
    assert refused(await pages_of(admin, content=content), 422) == "PDF conversion failed"
    for step in ("/info", "/preview"):
        assert refused(await pages_of(admin, content=content, step=step)) == "Failed to read PDF"


async def test_documents_with_a_password(admin: SnapOtter) -> None:
    for step in ("", "/info", "/preview"):
        assert refused(await pages_of(admin, content=LOCKED, step=step)) == "Password-protected PDFs are not supported"
        for content in OPEN_BUT_ENCRYPTED:
            reply = await pages_of(admin, content=content, step=step)
            assert reply.status_code == 200, reply.text
            assert reply.json()["pageCount"] == 3


async def test_pages_with_too_many_pixels(admin: SnapOtter) -> None:
    reply = await pages_of(admin, {"pages": "2", "dpi": 300}, pdf(2, (14_400, 14_400)))
    assert refused(reply, 422) == "PDF conversion failed"
    assert "Page 2" in reply.json()["details"]
    assert "60000 x 60000" in reply.json()["details"]


async def test_info_and_preview(admin: SnapOtter) -> None:
    assert (await pages_of(admin, step="/info")).json() == {"pageCount": 3}
    body = (await pages_of(admin, step="/preview")).json()
    assert (set(body), body["pageCount"]) == ({"pageCount", "thumbnails"}, 3)
    for number, thumbnail in enumerate(body["thumbnails"], start=1):
        assert set(thumbnail) == {"page", "dataUrl", "width", "height"}
        assert (thumbnail["page"], thumbnail["width"], thumbnail["height"]) == (number, 300, 150)
        kind, _, content = thumbnail["dataUrl"].partition(",")
        assert kind == "data:image/jpeg;base64"
        picture = opened(base64.b64decode(content))
        assert (picture.format, picture.size) == ("JPEG", (300, 150))
    assert len(body["thumbnails"]) == 3


@pytest.mark.thorough
async def test_many_pages(admin: SnapOtter) -> None:
    many = pdf(510, (10, 10))
    body = (await pages_of(admin, {"dpi": 36}, many)).json()
    assert (body["pageCount"], len(body["selectedPages"]), len(body["pages"])) == (510, 510, 499)
    with zipfile.ZipFile(io.BytesIO(await admin.download(body["zipUrl"]))) as archive:
        assert len(archive.namelist()) == 510
    assert len((await pages_of(admin, step="/preview", content=many)).json()["thumbnails"]) == 510


@pytest.mark.parametrize("tool", ["image-to-pdf", "pdf-to-image"])
async def test_documents_are_neither_batched_nor_in_pipelines(admin: SnapOtter, tool: str) -> None:
    assert (await admin.form(f"{TOOLS}/{tool}/batch", file(PDF, "a.pdf"))).status_code in (400, 404)
    pipeline = json.dumps({"steps": [{"toolId": tool, "settings": {}}]})
    reply = await admin.form("/api/v1/pipeline/execute", file(), ("pipeline", pipeline))
    assert "Step 1" in refused(reply)


@pytest.mark.parametrize("step", ["image-to-pdf", "pdf-to-image", "pdf-to-image/info", "pdf-to-image/preview"])
async def test_nobody_may_use_them(visitor: SnapOtter, step: str) -> None:
    assert (await visitor.form(f"{TOOLS}/{step}", file())).status_code == 401
