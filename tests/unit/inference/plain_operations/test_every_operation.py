"""Every operation on pictures that needs no model, on every format, and on files that are broken or odd."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage

from darkroom.operations.v1 import options_pb2
from services.inference.media import Image
from services.inference.pipeline.run import Product
from services.pictures.media_format import MediaFormat
from services.pictures.operations import PLAIN_LANE, Arity, specs
from services.platform.errors import DarkroomError, ErrorReason
from tests.unit.imaging.pictures import deep_photo, exif, photo, png_bomb, wide_gamut_profile, written
from tests.unit.imaging.test_decode import FILES, NAMES
from tests.unit.inference.plain_operations.examples import BESIDE, EACH, EXAMPLES, JOINING, check
from tests.unit.inference.plain_operations.running import Running, png

ALPHA = np.tile(np.clip(np.linspace(510, 0, 160), 0, 255).astype(np.uint8), (120, 1))
CLIENT_FAULTS = {ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED, ErrorReason.MEDIA_LIMIT_EXCEEDED, ErrorReason.FIELD_INVALID}


def _cmyk() -> bytes:
    picture = pyvips.Image.new_from_memory(photo().tobytes(), 160, 120, 3, "uchar").copy(interpretation="srgb")
    return bytes(picture.icc_export(output_profile="cmyk").jpegsave_buffer(Q=95))


def _animated() -> bytes:
    frames = [PillowImage.fromarray(np.roll(photo(), 20 * number, 1)).quantize(64) for number in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=[50, 70, 90], loop=0)
    return file.getvalue()


def _png_header(width: int, height: int) -> bytes:
    """A PNG of this size without samples."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


PICTURES: Mapping[str, Callable[[], bytes]] = {
    **{str(format_): make for format_, make in FILES.items()},
    "turned": lambda: written(np.rot90(photo()), "JPEG", quality=95, exif=exif(6)),
    "gray": lambda: written(photo()[..., 1], "JPEG", quality=95),
    "cmyk": _cmyk,
    "profiled": lambda: written(photo(), "JPEG", quality=95, icc_profile=wide_gamut_profile()),
    "with alpha": lambda: png(Image(photo(), ALPHA)),
    "16 bits": lambda: png(deep_photo()),
    "palette": lambda: written(PillowImage.fromarray(photo()).quantize(64), "PNG"),
    "animated": _animated,
    "one pixel": lambda: png(photo(1, 1)),
    "one row": lambda: png(photo(1, 300)),
    "one column": lambda: png(photo(300, 1)),
}
ODD: Mapping[str, Callable[[], bytes]] = {
    "widest": lambda: written(PillowImage.new("RGB", (65_535, 1), "red"), "PNG"),
    "tallest": lambda: written(PillowImage.new("RGB", (1, 65_500), "red"), "JPEG"),
    "half a JPEG": lambda: (data := written(photo(), "JPEG", quality=95))[: len(data) // 2],
    "half a PNG": lambda: (data := written(photo(), "PNG"))[: len(data) // 2],
    "half a GIF": lambda: (data := _animated())[: len(data) // 2],
    "only a header": lambda: _png_header(100, 100),
    "no width": lambda: _png_header(0, 100),
    "bomb": lambda: png_bomb(30_000),
    "bomb's header": lambda: _png_header(60_000, 60_000),
    "text": lambda: b"no picture at all\n" * 50,
    "JPEG's beginning": lambda: b"\xff\xd8\xff\xe0" + bytes(200),
}


@cache
def content(kind: str) -> bytes:
    """A file of a kind."""
    return {**PICTURES, **ODD}[kind]()


async def run(running: Running, name: str, data: bytes, kind: str) -> Product:
    running.auxiliaries[BESIDE] = png(Image(photo(20, 30), ALPHA[:20, :30]))
    file_name = NAMES.get(MediaFormat(kind), "photo.png") if kind in FILES else "photo.png"
    operation = {name: EXAMPLES[name]}
    if specs()[name].arity is Arity.ALL:
        return await running.joined({"first.png": png(photo()), file_name: data}, operation)
    # That step by step gives the same is tested for each operation elsewhere.
    return await running.product(data, operation, name=file_name, twice=False)


def test_there_is_an_example_of_every_operation() -> None:
    plain = [spec for spec in specs().values() if spec.lane == PLAIN_LANE]
    assert EXAMPLES.keys() == {spec.name for spec in plain if spec.accepts == options_pb2.MEDIA_KIND_IMAGE}


@pytest.mark.cases(64)
@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("name", [*EACH, *JOINING])
async def test_it_takes_every_picture(running: Running, name: str, kind: str) -> None:
    check(await run(running, name, content(kind), kind), name)


@pytest.mark.cases(27)
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", [*EACH, *JOINING])
async def test_what_it_cannot_work_on_is_told(running: Running, name: str, kind: str) -> None:
    data = content(kind)
    try:
        made = await run(running, name, data, kind)
    except DarkroomError as error:
        assert error.reason in CLIENT_FAULTS, error
        return
    # A file of which only a part was asked to change is as broken as before.
    if made.content != data:
        check(made, name)
