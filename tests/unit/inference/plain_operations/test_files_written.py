"""The files that plain operations write, as other libraries read them."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage

from darkroom.operations.v1.convert_pb2 import (
    CMYK_PROFILE_ISO_COATED,
    COLOR_SPACE_CMYK,
    COLOR_SPACE_RGB,
    PICTURE_FORMAT_AVIF,
    PICTURE_FORMAT_JPEG,
    PICTURE_FORMAT_PNG,
    PICTURE_FORMAT_TIFF,
    PICTURE_FORMAT_WEBP,
    PNG_COMPRESSION_BEST,
    PNG_COMPRESSION_FAST,
    PictureFormat,
)
from services.inference.media import Image, Metadata, decode
from tests.unit.imaging.pictures import deep_photo, exif, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import LIMITS, Running, cut, png

LOSSLESS = [PICTURE_FORMAT_PNG, PICTURE_FORMAT_WEBP, PICTURE_FORMAT_AVIF, PICTURE_FORMAT_TIFF]


@pytest.mark.parametrize("format_", LOSSLESS)
async def test_lossless_files_keep_every_sample(format_: PictureFormat.ValueType, running: Running) -> None:
    lossless = {} if format_ == PICTURE_FORMAT_PNG else {"lossless": True}
    data = await running.file(png(cut()), {"convert": {"format": format_, **lossless}})
    back = decode(data, LIMITS)
    assert np.array_equal(back.pixels[:, :80], cut().pixels[:, :80])
    assert np.array_equal(back.alpha, cut().alpha)
    assert back.icc == wide_gamut_profile()


@pytest.mark.parametrize("format_", [PICTURE_FORMAT_PNG, PICTURE_FORMAT_TIFF])
async def test_sixteen_bits_are_kept_where_the_format_can(format_: PictureFormat.ValueType, running: Running) -> None:
    data = await running.file(png(deep_photo()), {"convert": {"format": format_}})
    assert np.array_equal(decode(data, LIMITS).pixels, deep_photo())


@pytest.mark.parametrize("format_", [PICTURE_FORMAT_JPEG, PICTURE_FORMAT_WEBP, PICTURE_FORMAT_AVIF, PICTURE_FORMAT_TIFF])
async def test_better_quality_is_nearer_and_larger(format_: PictureFormat.ValueType, running: Running) -> None:
    sizes, errors = [], []
    for quality in (10, 50, 90):
        data = await running.file(png(photo()), {"convert": {"format": format_, "quality": quality}})
        sizes.append(len(data))
        errors.append(np.abs(decode(data, LIMITS).pixels.astype(int) - photo()).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 5


async def test_defaults_of_each_format(running: Running) -> None:
    for format_, quality in ((PICTURE_FORMAT_JPEG, 85), (PICTURE_FORMAT_WEBP, 75), (PICTURE_FORMAT_AVIF, 50)):
        usual = await running.file(png(photo()), {"convert": {"format": format_}})
        assert usual == await running.file(png(photo()), {"convert": {"format": format_, "quality": quality}})
    with PillowImage.open(io.BytesIO(await running.file(png(photo()), {"convert": {"format": PICTURE_FORMAT_JPEG}}))) as jpeg:
        assert jpeg.info["progressive"]
    with PillowImage.open(io.BytesIO(await running.file(png(photo()), {"convert": {"format": PICTURE_FORMAT_TIFF}}))) as tiff:
        assert tiff.info["compression"] == "tiff_lzw"
        assert np.array_equal(np.asarray(tiff), photo())
    lossy = {"convert": {"format": PICTURE_FORMAT_TIFF, "lossless": False}}
    with PillowImage.open(io.BytesIO(await running.file(png(cut()), lossy))) as tiff:
        assert (tiff.info["compression"], tiff.mode) == ("jpeg", "RGB")


async def test_progressive_and_interlaced_files(running: Running) -> None:
    plain = await running.file(png(photo()), {"convert": {"format": PICTURE_FORMAT_JPEG, "progressive": False}})
    with PillowImage.open(io.BytesIO(plain)) as jpeg:
        assert "progressive" not in jpeg.info
    interlaced = await running.file(png(photo()), {"convert": {"format": PICTURE_FORMAT_PNG, "progressive": True}})
    assert interlaced[28] == 1
    assert np.array_equal(decode(interlaced, LIMITS).pixels, photo())


async def test_png_compression_changes_only_the_size(running: Running) -> None:
    fast, best = [
        await running.file(png(photo()), {"convert": {"format": PICTURE_FORMAT_PNG, "compression": compression}})
        for compression in (PNG_COMPRESSION_FAST, PNG_COMPRESSION_BEST)
    ]
    assert len(best) < len(fast)
    assert np.array_equal(decode(best, LIMITS).pixels, decode(fast, LIMITS).pixels)


@pytest.mark.cases(6)
@pytest.mark.parametrize(
    "format_", [PICTURE_FORMAT_JPEG, PICTURE_FORMAT_PNG, PICTURE_FORMAT_TIFF, PICTURE_FORMAT_WEBP, PICTURE_FORMAT_AVIF]
)
@pytest.mark.parametrize("with_exif", [False, True])
async def test_the_resolution_is_noted(format_: PictureFormat.ValueType, with_exif: bool, running: Running) -> None:
    image = Image(photo(), metadata=Metadata(exif=exif(1) if with_exif else None))
    data = await running.file(png(image), {"convert": {"format": format_, "dpi": 300}})
    with PillowImage.open(io.BytesIO(data)) as opened:
        noted = opened.info["dpi"] if "dpi" in opened.info else (opened.getexif()[282], opened.getexif()[283])
    assert [float(number) for number in noted] == pytest.approx([300, 300], abs=0.1)


async def test_metadata_is_kept_or_left_out(running: Running) -> None:
    data = written(photo(), "JPEG", exif=exif(6), quality=95)
    for format_ in (PICTURE_FORMAT_JPEG, PICTURE_FORMAT_PNG, PICTURE_FORMAT_WEBP, PICTURE_FORMAT_TIFF, PICTURE_FORMAT_AVIF):
        kept = await running.file(data, {"convert": {"format": format_}})
        with PillowImage.open(io.BytesIO(kept)) as opened:
            assert opened.getexif().get(0x010F) == ("Darkroom" if format_ != PICTURE_FORMAT_TIFF else None)
            assert opened.getexif().get(0x0112, 1) == 1
        bare = await running.file(data, {"convert": {"format": format_, "strip_metadata": True, "dpi": 96}})
        assert b"Darkroom" not in bare


async def test_the_format_of_the_input_is_kept_if_none_is_asked_for(running: Running) -> None:
    for format_, media_type in (("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("TIFF", "image/tiff"), ("GIF", "image/png")):
        made = await running.product(written(photo(), format_), {"convert": {"quality": 40}})
        assert made.media_type == media_type


async def test_colours_become_srgb(running: Running) -> None:
    for image in (Image(photo(), icc=wide_gamut_profile()), Image(deep_photo(), icc=wide_gamut_profile())):
        back = decode(await running.file(png(image), {"convert": {"format": PICTURE_FORMAT_PNG, "color_space": COLOR_SPACE_RGB}}), LIMITS)
        assert (back.icc, back.bit_depth) == (None, image.bit_depth)
        assert np.abs(back.srgb().astype(int) - image.srgb()).mean() < 0.5
        assert not np.array_equal(back.pixels, image.pixels)


@pytest.mark.parametrize("format_", [PICTURE_FORMAT_JPEG, PICTURE_FORMAT_TIFF])
async def test_print_files_are_cmyk_with_a_profile(format_: PictureFormat.ValueType, running: Running) -> None:
    cmyk = {"format": format_, "color_space": COLOR_SPACE_CMYK, "cmyk_profile": CMYK_PROFILE_ISO_COATED, "background": "#ffffff"}
    for image in (cut(), Image(deep_photo()), Image(photo()[..., :1].copy())):
        data = await running.file(png(image), {"convert": cmyk})
        with PillowImage.open(io.BytesIO(data)) as opened:
            assert opened.mode == "CMYK"
            assert opened.info["icc_profile"][16:20] == b"CMYK"
        back = pyvips.Image.new_from_buffer(data, "").icc_transform("srgb", embedded=True).numpy()
        half = image.srgb()[:, :80].astype(int)
        assert np.abs(back[:, :80] - half).mean() < 12
    assert running.notices == [("not_applied", "cmyk_profile")] * 3


async def test_the_operators_profile_is_used(running: Running, tmp_path: Path) -> None:
    profile = bytes(pyvips.Image.profile_load("cmyk"))
    (tmp_path / "iso_coated.icc").write_bytes(profile)
    running.tools = dataclasses.replace(running.tools, color_profiles=tmp_path)
    cmyk = {"format": PICTURE_FORMAT_JPEG, "color_space": COLOR_SPACE_CMYK, "cmyk_profile": CMYK_PROFILE_ISO_COATED}
    with PillowImage.open(io.BytesIO(await running.file(png(photo()), {"convert": cmyk}))) as opened:
        assert opened.info["icc_profile"] == profile
    assert running.notices == []
    (tmp_path / "iso_coated.icc").write_bytes(wide_gamut_profile())
    await running.file(png(photo()), {"convert": cmyk})
    assert running.notices == [("not_applied", "cmyk_profile")]
