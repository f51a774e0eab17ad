"""What SnapOtter's tools of colour and text make of files of all kinds, in the worker and in the sandbox: same format, same size."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools import registry
from services.inference.media import Image, encode
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, photo, wide_gamut_profile, written
from tests.unit.inference.plain_operations.running import Running

TOOLS: dict[str, dict[str, Any]] = {
    "adjust-colors": {"brightness": 10, "contrast": 10, "temperature": 20, "hue": 15, "sharpness": 20, "effect": "sepia"},
    "color-effects": {"effect": "grayscale"},
    "sharpening": {"denoise": "light"},
    "replace-color": {"sourceColor": "#806040", "tolerance": 60},
    "watermark-text": {"text": "Ádá مرحبا 你", "position": "tiled", "rotation": -30, "fontSize": 24},
    "text-overlay": {"text": "A caption that is too long for one line", "backgroundBox": True},
}
FILES: dict[str, Callable[[], bytes]] = {
    "turned": lambda: written(photo(), "JPEG", quality=95, exif=exif(6)),
    "cmyk": lambda: written(PillowImage.fromarray(photo()).convert("CMYK"), "JPEG", quality=95),
    "palette": lambda: written(PillowImage.fromarray(photo()).quantize(32), "PNG", transparency=3),
    "gray": lambda: written(photo()[..., 0], "PNG", icc_profile=gray_profile(2.2)),
    "wide": lambda: written(photo(), "JPEG", quality=95, icc_profile=wide_gamut_profile()),
    "deep": lambda: encode(Image(deep_photo(), np.full((120, 160), 30_000, np.uint16))),
    "tiff": lambda: written(photo(), "TIFF"),
    "webp": lambda: written(np.dstack([photo(), photo()[..., 0]]), "WEBP", lossless=True),
    "avif": lambda: written(photo(), "AVIF"),
    "gif": lambda: written(PillowImage.fromarray(photo()), "GIF"),
    "bmp": lambda: written(photo(), "BMP"),
    "pixel": lambda: written(photo()[:1, :1], "PNG"),
}
KEPT = {"turned": "JPEG", "cmyk": "JPEG", "wide": "JPEG", "tiff": "TIFF", "webp": "WEBP", "avif": "AVIF", "gif": "GIF"}
SIZES = {"turned": (120, 160), "pixel": (1, 1)}


async def made(running: Running, tool: str, settings: dict[str, Any], content: bytes) -> PillowImage.Image:
    found = registry.TOOLS[tool]
    plan = found.plan(read_settings(json.dumps(settings), found.settings), "photo.png")
    steps = [{str(name := each.WhichOneof("operation")): getattr(each, str(name))} for each in plan.operations]
    return PillowImage.open(io.BytesIO(await running.file(content, *steps)))


@pytest.mark.cases(6)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("tool", TOOLS)
async def test_format_and_size_stay(running: Running, tool: str, file: str) -> None:
    with await made(running, tool, TOOLS[tool], FILES[file]()) as picture:
        assert (picture.format, picture.size) == (KEPT.get(file, "PNG"), SIZES.get(file, (160, 120)))
        assert not {"icc_profile", "exif", "xmp"} & picture.info.keys()
        picture.load()


async def test_what_becomes_transparent_needs_a_format_with_alpha(running: Running) -> None:
    settings = {"sourceColor": "#ffffff", "makeTransparent": True, "tolerance": 40}
    pixels = photo()
    pixels[:40] = 255
    with await made(running, "replace-color", settings, written(pixels, "JPEG", quality=100)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGBA")
        assert picture.getpixel((5, 5))[3] == 0
        assert picture.getpixel((5, 80))[3] == 255
    with await made(running, "replace-color", settings, written(pixels, "WEBP", lossless=True)) as picture:
        assert (picture.format, picture.mode) == ("WEBP", "RGBA")


async def test_neutral_settings_change_no_pixel(running: Running) -> None:
    for tool, settings in (("adjust-colors", {}), ("sharpening", {"m1": 0, "m2": 0}), ("watermark-text", {"text": "x", "opacity": 0})):
        with await made(running, tool, settings, written(photo(), "PNG")) as picture:
            assert (np.asarray(picture.convert("RGB")) == photo()).all()


async def test_lacking_characters_are_told_of(running: Running) -> None:
    await running.product(written(photo(), "PNG"), {"draw_text": {"text": "你 ไทย हिन्दी 🚀"}})
    assert not running.notices
    await running.product(written(photo(), "PNG"), {"draw_text": {"text": "𓀀 and me"}})
    assert running.notices == [("not_drawn", "text")]
