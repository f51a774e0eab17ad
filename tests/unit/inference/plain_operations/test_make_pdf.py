"""Documents of pictures, in a child: they open in PDFium and qpdf without a warning."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
import pyvips
from PIL import Image as PillowImage
from PIL import ImageSequence

from darkroom.files.v1 import file_pb2
from services.inference.media import Image
from services.platform.errors import DarkroomError, ErrorReason
from tests.reported_files.animations import IN_PARTS
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import Running, png

A4 = (595.28, 841.89)


def jpeg(pixels: Any = None, **options: Any) -> bytes:
    return written(photo() if pixels is None else pixels, "JPEG", **{"quality": 95, **options})


def cmyk() -> bytes:
    picture = pyvips.Image.new_from_memory(photo().tobytes(), 160, 120, 3, "uchar").copy(interpretation="srgb")
    return bytes(picture.icc_export(output_profile="cmyk").jpegsave_buffer(Q=95))


def cut() -> bytes:
    return png(Image(photo(), np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))))


PICTURES = {
    "jpeg": (jpeg(), "DCTDecode"),
    "progressive": (jpeg(progressive=True), "DCTDecode"),
    "gray": (jpeg(photo()[..., 1]), "DCTDecode"),
    "profiled": (jpeg(icc_profile=wide_gamut_profile()), "DCTDecode"),
    "with a gray profile": (jpeg(photo()[..., 1], icc_profile=gray_profile(1.8)), "DCTDecode"),
    "with another kind's profile": (jpeg(photo()[..., 1], icc_profile=wide_gamut_profile()), "DCTDecode"),
    "cmyk": (cmyk(), "DCTDecode"),
    "RGB in a JPEG": (jpeg(keep_rgb=True), "DCTDecode"),
    "turned": (jpeg(np.rot90(photo()), exif=exif(6)), "FlateDecode"),
    "png": (png(photo()), "FlateDecode"),
    "gray png": (png(photo()[..., 1:2].copy()), "FlateDecode"),
    "16 bits": (png(deep_photo()), "FlateDecode"),
    "with alpha": (cut(), "FlateDecode"),
    "palette": (written(PillowImage.fromarray(photo()).quantize(64), "PNG"), "FlateDecode"),
    "two colours": (png(np.where(photo() > 127, np.uint8(255), np.uint8(0))), "FlateDecode"),
    "webp": (written(photo(), "WEBP", lossless=True), "FlateDecode"),
}


async def made(running: Running, *files: bytes, **parameters: Any) -> bytes:
    product = await running.joined({f"{number}.png": data for number, data in enumerate(files)}, {"make_pdf": parameters})
    assert product.media_type == "application/pdf"
    assert product.info == file_pb2.DocumentInfo(pages=len(files))
    assert isinstance(product.content, bytes)
    with pikepdf.open(io.BytesIO(product.content)) as document:
        assert not document.check_pdf_syntax()
        assert len(document.pages) == len(files)
    return product.content


async def test_each_page_of_a_tiff_is_a_page(running: Running) -> None:
    files = {"scan.tif": IN_PARTS["pages.tif"](), "photo.png": png(photo())}
    with PillowImage.open(io.BytesIO(files["scan.tif"])) as scan:
        seen = [np.asarray(page.convert("RGB")) for page in ImageSequence.Iterator(scan)]
    for parameters, expected in (
        ({}, [*seen, photo()]),
        ({"max_bytes": 100_000}, [*seen, photo()]),
        ({"first_page_only": True}, [seen[0], photo()]),
    ):
        running.notices.clear()
        product = await running.joined(files, {"make_pdf": parameters})
        assert product.info == file_pb2.DocumentInfo(pages=len(expected))
        assert isinstance(product.content, bytes)
        with pikepdf.open(io.BytesIO(product.content)) as document:
            pictures = [pikepdf.PdfImage(page.Resources.XObject.P).as_pil_image().convert("RGB") for page in document.pages]
        for picture, right in zip(pictures, expected, strict=True):
            assert np.abs(np.asarray(picture).astype(int) - right).mean() <= (4 if "max_bytes" in parameters else 0)
        assert (("picture_note", "") in running.notices) == ("first_page_only" in parameters)


def drawn(document: bytes, page: int = 0, scale: float = 1) -> np.ndarray[Any, Any]:
    with pdfium.PdfDocument(document) as opened:
        return opened[page].render(scale=scale, rev_byteorder=True, prefer_bgrx=False).to_numpy()[..., :3].astype(int)


def place(document: bytes, page: int = 0) -> tuple[float, ...]:
    """Width, height, left and bottom of a page's picture, and the page's size."""
    with pikepdf.open(io.BytesIO(document)) as opened:
        sheet = opened.pages[page]
        matched = re.fullmatch(rb"q ([\d.]+) 0 0 ([\d.]+) ([\d.]+) ([\d.]+) cm /P Do Q", sheet.Contents.read_bytes())
        assert matched is not None
        return (*(float(each) for each in matched.groups()), *(float(each) for each in list(sheet.MediaBox)[2:]))


@pytest.mark.cases(5)
@pytest.mark.parametrize("kind", PICTURES)
async def test_a_page_shows_the_picture(running: Running, kind: str) -> None:
    content, filter_ = PICTURES[kind]
    document = await made(running, content)
    with pikepdf.open(io.BytesIO(document)) as opened:
        picture = opened.pages[0].Resources.XObject.P
        assert picture.Filter == f"/{filter_}"
        assert (int(picture.Width), int(picture.Height)) == (160, 120)
    width, height, left, bottom, *page = place(document)
    assert (width, height) == (160, 120)
    assert left == pytest.approx((page[0] - 160) / 2, abs=1e-3)
    assert bottom == pytest.approx((page[1] - 120) / 2, abs=1e-3)
    shown = drawn(document, scale=2)
    top, start = round((page[1] - bottom - height) * 2), round(left * 2)
    inside = shown[top : top + 240, start : start + 320].reshape(120, 2, 160, 2, 3).mean((1, 3))
    source = photo().astype(float)
    if "gray" in kind or "another" in kind:
        source = np.repeat(source[..., 1:2], 3, axis=2)
    if kind == "two colours":
        source = np.where(source > 127, 255.0, 0.0)
    if kind == "with alpha":
        source = 255 + (source - 255) * np.linspace(0, 1, 160)[None, :, None]
    tolerance = 40 if "profile" in kind or kind in ("cmyk", "two colours", "palette") else 8
    assert np.abs(inside - source).mean() < tolerance
    assert (shown[: top - 4] == 255).all()


async def test_jpegs_stay_as_they_are_without_metadata(running: Running) -> None:
    secret = b"a secret place"
    source = jpeg(comment=secret, exif=exif(1), icc_profile=wide_gamut_profile()) + b"trailing " + secret
    document = await made(running, source)
    assert secret not in document
    assert b"Exif" not in document
    with pikepdf.open(io.BytesIO(document)) as opened:
        picture = opened.pages[0].Resources.XObject.P
        assert bytes(picture.ColorSpace[1].read_bytes()) == wide_gamut_profile()
        raw = picture.read_raw_bytes()
    same = [np.asarray(PillowImage.open(io.BytesIO(each))) for each in (source, raw)]
    assert np.array_equal(*same)
    assert len(document) < len(source) + 1500


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, A4),
        ({"paper_size": "PAPER_SIZE_LETTER"}, (612, 792)),
        ({"paper_size": "PAPER_SIZE_A3"}, (841.89, 1190.55)),
        ({"paper_size": "PAPER_SIZE_A5", "orientation": "PAPER_ORIENTATION_LANDSCAPE"}, (595.28, 419.53)),
    ],
)
async def test_paper(running: Running, parameters: dict[str, Any], size: tuple[float, float]) -> None:
    assert place(await made(running, png(photo()), **parameters))[4:] == pytest.approx(size)


@pytest.mark.parametrize(("margin", "width"), [(0, 595.28), (None, 555.28), (100, 395.28)])
async def test_large_pictures_are_shrunk_to_the_margins(running: Running, margin: float | None, width: float) -> None:
    document = await made(running, png(np.zeros((500, 1000, 3), np.uint8)), **({} if margin is None else {"margin": margin}))
    assert place(document)[:2] == pytest.approx((width, width / 2), abs=1e-3)


async def test_every_picture_has_its_page_in_order(running: Running) -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    files = [png(np.full((50, 50, 3), colour, np.uint8)) for colour in colours]
    document = await made(running, *files)
    for number, colour in enumerate(colours):
        assert tuple(drawn(document, number)[421, 297]) == colour


async def test_the_same_pictures_make_the_same_document(running: Running) -> None:
    assert await made(running, jpeg(), cut()) == await made(running, jpeg(), cut())


async def test_margins_that_leave_nothing(running: Running) -> None:
    with pytest.raises(DarkroomError) as raised:
        await made(running, png(photo()), margin=300)
    assert raised.value.reason is ErrorReason.FIELD_INVALID


def noisy(seed: int) -> bytes:
    return png(np.random.default_rng(seed).integers(0, 255, (400, 500, 3), np.uint8))


async def test_the_best_quality_that_is_small_enough(running: Running) -> None:
    files = {f"{seed}.png": noisy(seed) for seed in range(3)}
    product = await running.joined(files, {"make_pdf": {"max_bytes": 200_000}})
    assert len(product.content) <= 200_000
    assert len(product.content) > 180_000
    assert running.notices == [("compression", "max_bytes")]


async def test_what_cannot_be_small_enough_is_as_small_as_possible(running: Running) -> None:
    files = {f"{seed}.png": noisy(seed) for seed in range(3)}
    least = await running.joined(files, {"make_pdf": {"max_bytes": 51_200}})
    assert 51_200 < len(least.content) < 200_000


async def test_small_files_of_jpegs_stay(running: Running) -> None:
    product = await running.joined({"a.jpg": jpeg(quality=40)}, {"make_pdf": {"max_bytes": 100_000}})
    assert len(product.content) < len(jpeg(quality=40)) + 1500


async def test_damaged_pictures_make_no_document(running: Running) -> None:
    whole = jpeg()
    with pytest.raises(DarkroomError) as raised:
        await made(running, whole, whole[: len(whole) // 2])
    assert raised.value.reason is ErrorReason.FILE_CORRUPT
