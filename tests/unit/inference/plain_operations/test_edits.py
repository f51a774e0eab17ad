"""What plain operations do with a picture, and that they keep what they do not change."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from darkroom.files.v1.file_pb2 import ImageInfo
from darkroom.operations.v1.color_adjust_pb2 import COLOR_EFFECT_SEPIA
from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_JPEG, PICTURE_FORMAT_WEBP
from darkroom.operations.v1.decompress_pb2 import DECOMPRESS_STRENGTH_MODERATE, DECOMPRESS_STRENGTH_STRONG
from darkroom.operations.v1.placement_pb2 import FIT_CROP
from darkroom.operations.v1.sharpen_pb2 import SHARPEN_DENOISE_LIGHT, SHARPEN_METHOD_ADAPTIVE
from services.inference.media import Image, Saving, decode, encode
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import LIMITS, Running, cut, png

FILES = {
    "turned": lambda: written(photo(), "JPEG", quality=95, exif=exif(6)),
    "cmyk": lambda: written(PillowImage.fromarray(photo()).convert("CMYK"), "JPEG", quality=95),
    "palette": lambda: written(PillowImage.fromarray(photo()).quantize(32), "PNG", transparency=3),
    "gray": lambda: written(photo()[..., 0], "PNG", icc_profile=gray_profile(2.2)),
    "wide": lambda: written(photo(), "JPEG", quality=95, icc_profile=wide_gamut_profile()),
    "deep": lambda: encode(Image(deep_photo(), np.full((120, 160), 30_000, np.uint16))),
    "tiff": lambda: written(photo(), "TIFF"),
    "webp": lambda: written(np.dstack([photo(), photo()[..., 0]]), "WEBP", lossless=True),
    "bmp": lambda: written(photo(), "BMP"),
}
STEPS: list[list[dict[str, Any]]] = [
    [{"resize": {"width": 90}}],
    [{"crop": {"aspect_ratio": "1:1"}}, {"pad": {"horizontal_percent": 10}}, {"convert": {"format": PICTURE_FORMAT_JPEG}}],
    [{"adjust": {"exposure": 20, "hdr": 30}}, {"fill_background": {}}],
    [{"color_adjust": {"brightness": 10, "temperature": 30, "hue": 20, "effect": COLOR_EFFECT_SEPIA}}],
    [{"sharpen": {"method": SHARPEN_METHOD_ADAPTIVE, "denoise": SHARPEN_DENOISE_LIGHT}}],
    [{"draw_text": {"text": "Ünï 你 مرحبا", "color": "#ff0000", "background": "#102030", "shadow": True, "rotation": 10}}],
    [{"replace_color": {"color": "#806040", "replacement": "transparent", "tolerance": 60}}],
]


@pytest.mark.cases(2)
@pytest.mark.parametrize("name", FILES)
async def test_short_work_makes_the_same_file_in_a_child(running: Running, name: str) -> None:
    for steps in STEPS:
        # `Running` compares.
        await running.product(FILES[name](), *steps)


async def test_a_whole_edit_is_one_pipeline(running: Running) -> None:
    made = await running.product(
        png(photo()),
        {"decompress": {}},
        {"polish": {}},
        {"adjust": {"exposure": 20, "saturation": -30, "hdr": 40}},
        {"crop": {"aspect_ratio": "1:1"}},
        {"resize": {"width": 60, "height": 40, "fit": FIT_CROP}},
        {"pad": {"horizontal_percent": 10, "color": "#102030"}},
        {"fill_background": {}},
        {"convert": {"format": PICTURE_FORMAT_WEBP, "quality": 80}},
        name="cup.png",
    )
    assert made.name == "cup-decompressed-polished-adjusted-cropped-60x40-padded-filled.webp"
    assert (made.media_type, made.info) == ("image/webp", ImageInfo(width=72, height=40, frames=1))
    assert isinstance(made.content, bytes)
    with PillowImage.open(io.BytesIO(made.content)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (72, 40))
        assert np.abs(np.asarray(opened)[5, 1].astype(int) - (0x10, 0x20, 0x30)).max() <= 6
    assert running.notices == [("not_compressed", "")]


async def test_operations_that_change_nothing_keep_every_sample(running: Running) -> None:
    deep_alpha = np.asarray(cut().alpha, np.uint16) * np.uint16(257)
    image = dataclasses.replace(cut(), pixels=deep_photo(), alpha=deep_alpha)
    nothing: tuple[dict[str, Any], ...] = (
        {"resize": {}},
        {"pad": {}},
        {"adjust": {}},
        {"color_adjust": {}},
        {"sharpen": {}},
        {"draw_text": {"text": "  ", "shadow": True}},
        {"draw_text": {"text": "unseen", "opacity": 0}},
        {"replace_color": {"color": "#000000", "replacement": "#ffffff"}},
        {"fill_background": {"color": "transparent"}},
        {"decompress": {}},
    )
    back = decode(await running.file(png(image), *nothing), LIMITS)
    assert np.array_equal(back.pixels, image.pixels)
    assert np.array_equal(back.alpha, image.alpha)
    assert back.icc == image.icc


async def test_transparency_is_filled_in_the_pictures_colours(running: Running) -> None:
    back = decode(await running.file(png(cut()), {"fill_background": {"color": "#ff0000"}}), LIMITS)
    assert back.alpha is None
    assert np.abs(back.srgb()[0, -1].astype(int) - (255, 0, 0)).max() <= 1
    assert np.array_equal(back.pixels[:, :80], cut().pixels[:, :80])


async def test_what_was_transparent_when_it_came_can_stay_so(running: Running) -> None:
    fill = {"fill_background": {"color": "#ff0000", "unless_input_transparent": True}}
    assert np.array_equal(decode(await running.file(png(cut()), fill), LIMITS).alpha, cut().alpha)
    opened = decode(await running.file(png(photo()), {"pad": {"horizontal": 5, "color": "transparent"}}, fill), LIMITS)
    assert opened.alpha is None
    assert tuple(opened.pixels[0, 0]) == (255, 0, 0)


async def test_percentages_may_be_of_the_input(running: Running) -> None:
    crop = {"crop": {"area": {"left": 10, "top": 20, "width": 40, "height": 40}}}
    back = {"resize": {"width_percent": 100, "height_percent": 50, "fit": FIT_CROP, "percent_of_input": True}}
    made = await running.product(png(photo()), crop, back)
    assert made.info == ImageInfo(width=160, height=60, frames=1)
    made = await running.product(png(photo()), crop, {"resize": {"width_percent": 100, "height_percent": 50, "fit": FIT_CROP}})
    assert made.info == ImageInfo(width=40, height=20, frames=1)


async def test_cmyk_pictures_are_worked_on(running: Running) -> None:
    data = encode(Image(photo()), Saving(format=decode(written(photo(), "JPEG"), LIMITS).source_format, cmyk="cmyk"))
    back = decode(await running.file(data, {"resize": {"width": 80}}), LIMITS)
    assert (back.width, back.height, back.is_gray) == (80, 60, False)


@pytest.mark.parametrize("strength", [DECOMPRESS_STRENGTH_MODERATE, DECOMPRESS_STRENGTH_STRONG])
async def test_artefacts_are_removed_from_a_file_that_has_them(strength: int, running: Running) -> None:
    source = np.asarray(PillowImage.fromarray(photo(120, 160)).resize((80, 60)))
    data = written(source, "JPEG", quality=15)
    stored = np.asarray(PillowImage.open(io.BytesIO(data)))
    for parameters in ({}, {"strength": strength}):
        back = decode(await running.file(data, {"decompress": parameters}), LIMITS).pixels
        assert ((back.astype(float) - source) ** 2).mean() < ((stored.astype(float) - source) ** 2).mean()
    assert running.notices == []
