"""A result has the format of its input, unless an operation says otherwise."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image as PillowImage

from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_PNG
from services.inference.media import Image, Saving, encode
from services.inference.media.compression import source_quality
from services.pictures.media_format import MediaFormat
from tests.unit.imaging.pictures import exif, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import Running, png

LOSSY = encode(Image(photo()), Saving(MediaFormat.WEBP, quality=80, lossless=False))
LOSSLESS = encode(Image(photo()), Saving(MediaFormat.WEBP))
INPUTS = {
    "photo.jpg": (written(photo(), "JPEG", quality=88), "JPEG"),
    "photo.png": (png(photo()), "PNG"),
    "photo.webp": (LOSSY, "WEBP"),
    "photo.avif": (encode(Image(photo()), Saving(MediaFormat.AVIF, quality=60, lossless=False)), "AVIF"),
    "photo.heic": (encode(Image(photo()), Saving(MediaFormat.HEIC, quality=60, lossless=False)), "HEIC"),
    "photo.tiff": (written(photo(), "TIFF"), "TIFF"),
    "photo.bmp": (written(photo(), "BMP"), "PNG"),
    "photo.gif": (written(photo(), "GIF"), "PNG"),
}
STEPS: dict[str, list[dict[str, Any]]] = {
    "one": [{"resize": {"width": 90}}],
    "several": [{"rotate": {"angle": 90}}, {"edit_metadata": {"title": "Harbour"}}],
    "between": [{"edit_metadata": {"title": "Harbour"}}, {"adjust": {"exposure": 5}}],
}


@pytest.mark.parametrize(
    ("name", "steps"),
    [*((name, "one") for name in INPUTS), *((name, steps) for name in list(INPUTS)[:3] for steps in ("several", "between"))],
)
async def test_the_format_stays(running: Running, name: str, steps: str) -> None:
    content, format_ = INPUTS[name]
    made = await running.product(content, *STEPS[steps], name=name)
    if format_ == "HEIC":
        assert (made.media_type, made.name.rpartition(".")[2]) == ("image/heic", "heic")
        return
    with PillowImage.open(io.BytesIO(made.content if isinstance(made.content, bytes) else made.content.read_bytes())) as result:
        assert result.format == format_
    assert made.name.rpartition(".")[2] == ("png" if format_ == "PNG" else name.rpartition(".")[2])


@pytest.mark.parametrize("quality", [60, 75, 85, 92, 98])
async def test_a_jpeg_keeps_about_its_quality_its_profile_and_stands_upright(running: Running, quality: int) -> None:
    profile = wide_gamut_profile()
    content = written(photo(), "JPEG", quality=quality, icc_profile=profile, exif=exif(6))
    assert source_quality(content, MediaFormat.JPEG) == pytest.approx(quality, abs=1)
    made = await running.product(content, {"crop": {"aspect_ratio": "1:1"}}, name="photo.jpg")
    assert isinstance(made.content, bytes)
    assert source_quality(made.content, MediaFormat.JPEG) == pytest.approx(min(max(quality, 75), 95), abs=2)
    with PillowImage.open(io.BytesIO(made.content)) as result:
        assert (result.info["icc_profile"], result.getexif().get(0x0112, 1)) == (profile, 1)


@pytest.mark.parametrize("progressive", [False, True])
async def test_a_jpeg_stays_progressive_or_not(running: Running, *, progressive: bool) -> None:
    content = written(photo(), "JPEG", progressive=progressive)
    for operation in ({"resize": {"width": 50}}, {"rotate": {"angle": 90}}):
        made = await running.product(content, operation, name="photo.jpg")
        assert isinstance(made.content, bytes)
        with PillowImage.open(io.BytesIO(made.content)) as result:
            assert ("progressive" in result.info) == progressive


async def test_a_lossless_webp_loses_nothing(running: Running) -> None:
    assert [source_quality(each, MediaFormat.WEBP) for each in (LOSSLESS, LOSSY)] == [100, None]
    made = await running.product(LOSSLESS, {"rotate": {"angle": 180}}, name="photo.webp")
    assert isinstance(made.content, bytes)
    with PillowImage.open(io.BytesIO(made.content)) as result:
        assert (photo()[::-1, ::-1] == result.convert("RGB")).all()


async def test_transparency_makes_a_png_of_a_jpeg(running: Running) -> None:
    content = INPUTS["photo.jpg"][0]
    made = await running.product(content, {"border": {"width": 4, "corner_radius": 20}}, name="photo.jpg")
    assert made.media_type == "image/png" and ("picture_note", "") in running.notices
    filled = [{"border": {"width": 4, "corner_radius": 20}}, {"fill_background": {"color": "#ffffff"}}]
    assert (await running.product(content, *filled, name="photo.jpg")).media_type == "image/jpeg"


@pytest.mark.parametrize("name", ["photo.jpg", "photo.webp", "photo.png"])
async def test_an_unchanged_picture_is_given_back_as_it_was_sent(running: Running, name: str) -> None:
    """Short work in a child, and in the worker: a lossy file is not compressed once more."""
    content = INPUTS[name][0]
    for operation in ("resize", "fill_background", "adjust"):
        made = await running.product(content, {operation: {}}, name=name)
        assert (made.content if isinstance(made.content, bytes) else made.content.read_bytes()) == content


async def test_what_an_operation_says_counts(running: Running) -> None:
    steps: list[dict[str, Any]] = [{"convert": {"format": PICTURE_FORMAT_PNG}}, {"resize": {"width": 90}}]
    assert (await running.product(INPUTS["photo.jpg"][0], *steps, name="photo.jpg")).media_type == "image/png"


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xdb\x00\x43\x00", b"\xff\xd8\xff\xdb\x00\x00" + bytes(99), b"\xff\xd8\xff\xda\x00\x04ab"],
)
def test_tables_that_cannot_be_read_say_nothing(damaged: bytes) -> None:
    quality = source_quality(damaged, MediaFormat.JPEG)
    assert quality is None or 1 <= quality <= 100
