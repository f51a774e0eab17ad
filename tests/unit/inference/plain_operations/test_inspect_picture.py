"""What is told of a picture file, whatever its format, in a child and never outside of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from services.inference.media import Image, encode
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, heic, photo, written
from tests.unit.inference.plain_operations.running import Running, png

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="9" height="9" fill="#f00"/></svg>'
PLAIN: dict[str, Any] = {
    "width": 160,
    "height": 120,
    "channels": 3,
    "hasAlpha": False,
    "colorSpace": "srgb",
    "bitDepth": "uchar",
    "density": None,
    "orientation": None,
    "pages": 1,
    "isProgressive": False,
    "hasProfile": False,
    "hasIcc": False,
    "hasExif": False,
    "hasXmp": False,
}
LIKE_PNG = {**PLAIN, "density": 72}


async def told(running: Running, content: bytes) -> dict[str, Any]:
    made = await running.product(content, {"inspect_picture": {}}, name="photo.jpg")
    assert (made.name, made.media_type, made.info) == ("photo-info.json", "application/json", None)
    found: dict[str, Any] = json.loads(made.content if isinstance(made.content, bytes) else made.content.read_bytes())
    return found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            lambda: written(photo(), "JPEG", exif=exif(6), dpi=(300, 300), progressive=True),
            {**PLAIN, "format": "jpeg", "density": 300, "orientation": 6, "isProgressive": True, "hasExif": True},
        ),
        (
            lambda: written(photo()[..., 0], "PNG", icc_profile=gray_profile(2.2)),
            {**LIKE_PNG, "format": "png", "channels": 1, "colorSpace": "b-w", "hasProfile": True, "hasIcc": True},
        ),
        (
            lambda: written(PillowImage.fromarray(photo()).quantize(32), "PNG", transparency=3),
            {**LIKE_PNG, "format": "png", "channels": 4, "hasAlpha": True},
        ),
        (lambda: encode(Image(deep_photo())), {**LIKE_PNG, "format": "png", "colorSpace": "rgb16", "bitDepth": "ushort"}),
        (
            lambda: written(PillowImage.fromarray(photo()).convert("CMYK"), "JPEG"),
            {**LIKE_PNG, "format": "jpeg", "channels": 4, "colorSpace": "cmyk"},
        ),
        (lambda: written(np.dstack([photo(), photo()[..., 0]]), "WEBP"), {**PLAIN, "format": "webp", "channels": 4, "hasAlpha": True}),
        (
            lambda: written(PillowImage.fromarray(photo()), "GIF", save_all=True, append_images=[PillowImage.fromarray(photo()[::-1])]),
            {**PLAIN, "format": "gif", "pages": 2},
        ),
        (lambda: written(photo(), "AVIF"), {**PLAIN, "format": "heif"}),
        (lambda: heic(photo()), {**PLAIN, "format": "png"}),
        (lambda: written(photo(), "BMP"), {**PLAIN, "format": "png"}),
        (lambda: SVG, {**LIKE_PNG, "width": 20, "height": 10, "format": "svg", "channels": 4, "hasAlpha": True}),
    ],
)
async def test_a_file_is_described_as_it_is(running: Running, content: Callable[[], bytes], expected: dict[str, Any]) -> None:
    found = await told(running, content())
    channels = [each["channel"] for each in found.pop("histogram")]
    assert found == expected
    if expected["colorSpace"] == "cmyk":
        assert channels == ["red", "green", "blue"]
    else:
        colours = ["red", "green", "blue"][: expected["channels"] - expected["hasAlpha"]]
        assert channels == [*colours, *(["alpha"] if expected["hasAlpha"] else [])]


async def test_samples_are_counted_to_two_decimals(running: Running) -> None:
    pixels = photo()
    for channel, found in zip(np.moveaxis(pixels, 2, 0), (await told(running, written(pixels, "PNG")))["histogram"], strict=True):
        assert (found["min"], found["max"]) == (channel.min(), channel.max())
        assert (found["mean"], found["stdev"]) == (round(float(channel.mean()), 2), round(float(channel.std(ddof=1)), 2))
    (one, *_) = (await told(running, written(pixels[:1, :1], "PNG")))["histogram"]
    assert (one["min"], one["max"], one["mean"], one["stdev"]) == (pixels[0, 0, 0], pixels[0, 0, 0], pixels[0, 0, 0], 0)


@pytest.mark.parametrize("content", [written(photo(), "PNG")[:3000], written(photo(), "GIF")[:3000], written(photo(), "JPEG")[:100]])
async def test_a_damaged_file_is_refused(running: Running, content: bytes) -> None:
    with pytest.raises(DarkroomError) as refused:
        await told(running, content)
    assert refused.value.reason is ErrorReason.FILE_CORRUPT


async def test_between_pictures_and_files_a_file_is_written(running: Running) -> None:
    cropped = {"crop": {"area": {"width": 50, "height": 40}}}
    made = await running.product(png(photo()), cropped, {"convert": {"format": "PICTURE_FORMAT_JPEG"}}, {"inspect_picture": {}})
    found = json.loads(made.content)
    assert (found["format"], found["width"], found["height"]) == ("jpeg", 50, 40)
