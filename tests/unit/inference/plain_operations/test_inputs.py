"""Operations on pictures in every format that is read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from darkroom.files.v1.file_pb2 import ImageInfo
from services.inference.media import decode
from services.pictures.media_format import MediaFormat, Use
from tests.unit.imaging import rare_files
from tests.unit.imaging.test_decode import FILES, NAMES, RAW
from tests.unit.inference.plain_operations.running import LIMITS, Running

HALF = {"resize": {"width_percent": 50, "height_percent": 50}}
KEPT = {"convert": {"format": "PICTURE_FORMAT_KEPT"}}


@pytest.mark.cases(10)
@pytest.mark.parametrize("format_", FILES)
async def test_every_format_is_worked_on(running: Running, format_: MediaFormat) -> None:
    name = NAMES.get(format_, f"photo.{format_.extension}")
    made = await running.product(FILES[format_](), HALF, KEPT, name=name)
    kept = Use.WRITTEN in format_.use and format_ not in (MediaFormat.HEIC, MediaFormat.HEIF)
    assert made.media_type == (format_ if kept else MediaFormat.PNG).media_type
    assert made.info == ImageInfo(width=80, height=60, frames=1)
    assert isinstance(made.content, bytes)
    shown, seen = decode(made.content, LIMITS).srgb().astype(int), rare_files.bright_photo() if format_ in RAW else None
    if format_ is MediaFormat.SVG:
        seen = np.full((120, 160, 3), (0xC0, 0x40, 0x20), np.uint8)
    expected = decode(FILES[MediaFormat.PNG](), LIMITS).srgb() if seen is None else seen
    average = expected.astype(int).reshape(60, 2, 80, 2, 3).mean((1, 3))
    assert np.abs(shown - average).mean() < 12


@pytest.mark.parametrize("format_", [MediaFormat.PSD, MediaFormat.TGA, MediaFormat.NEF, MediaFormat.HDR])
async def test_what_libvips_does_not_read_is_described_as_what_it_becomes(running: Running, format_: MediaFormat) -> None:
    made = await running.product(FILES[format_](), {"inspect_picture": {}}, name=NAMES.get(format_, "photo"))
    assert isinstance(made.content, bytes)
    told = json.loads(made.content)
    assert (told["format"], told["width"], told["height"], told["channels"]) == ("png", 160, 120, 3)


@pytest.mark.parametrize(("dpi", "size"), [(0, (160, 120)), (72, (160, 120)), (144, (320, 240)), (300, (667, 500))])
async def test_a_drawing_is_rasterized_at_the_resolution_that_a_task_asks_for(running: Running, dpi: int, size: tuple[int, int]) -> None:
    convert = {"convert": {"format": "PICTURE_FORMAT_PNG", "svg_dpi": dpi}}
    made = await running.product(FILES[MediaFormat.SVG](), convert)
    assert made.info == ImageInfo(width=size[0], height=size[1], frames=1)
    made = await running.product(FILES[MediaFormat.SVG](), HALF, convert)
    assert made.info == ImageInfo(width=round(size[0] / 2), height=round(size[1] / 2), frames=1)
