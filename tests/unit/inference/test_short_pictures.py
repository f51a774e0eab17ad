"""Short picture work in warm children: what counts as short, how near reduced decoding comes, and that nothing of a child is trusted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from PIL import Image as PillowImage

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.adjust_pb2 import Adjust
from darkroom.operations.v1.convert_pb2 import (
    COLOR_SPACE_CMYK,
    PICTURE_FORMAT_AVIF,
    PICTURE_FORMAT_JPEG,
    PICTURE_FORMAT_PNG,
    PNG_COMPRESSION_BEST,
    Convert,
)
from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.decompress_pb2 import Decompress
from darkroom.operations.v1.placement_pb2 import FIT_FILL
from darkroom.operations.v1.polish_pb2 import Polish
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from darkroom.operations.v1.resize_pb2 import Resize
from services.common.errors import DarkroomError, ErrorReason
from services.common.media_format import MediaFormat
from services.common.sandbox import Limits as SandboxLimits
from services.common.sandbox import Sandbox, SandboxCrashed, WarmChildren
from services.common.short_pictures import is_short
from services.inference.media import Image, Limits, decode, encode
from services.inference.media.decode import decode_reduced
from services.inference.pipeline import isolated
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.short import ShortWork
from tests.unit.imaging.pictures import PORTRAIT, exif, written

AS_JPEG = Convert(format=PICTURE_FORMAT_JPEG)
LIMITS = SandboxLimits(memory_bytes=2 << 30)


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[WarmChildren]:
    async with (
        Sandbox(preload=[isolated.__name__]) as sandbox,
        WarmChildren(sandbox, working=1, kept=1, jobs=1000, seconds=600, limits=LIMITS) as made,
    ):
        yield made


@pytest.mark.parametrize(
    ("operations", "format_", "size", "short"),
    [
        ([Resize(width=800), AS_JPEG], MediaFormat.JPEG, (6000, 4000), True),
        ([Resize(width=800), AS_JPEG], MediaFormat.JPEG, (9000, 6000), False),
        ([Resize(width=800)], MediaFormat.JPEG, (6000, 4000), True),
        ([Crop(aspect_ratio="1:1")], MediaFormat.JPEG, (4000, 3000), False),
        ([Crop(aspect_ratio="1:1"), AS_JPEG], MediaFormat.JPEG, (4000, 3000), True),
        ([Resize(width=9000)], MediaFormat.PNG, (1000, 1000), False),
        ([Resize(width=800)], MediaFormat.SVG, (100, 100), False),
        ([Resize(width=800)], MediaFormat.GIF, (100, 100), False),
        ([Convert(format=PICTURE_FORMAT_AVIF)], MediaFormat.JPEG, (100, 100), False),
        ([Convert()], MediaFormat.GIF, (100, 100), False),
        ([Convert(color_space=COLOR_SPACE_CMYK)], MediaFormat.JPEG, (100, 100), False),
        ([Convert(format=PICTURE_FORMAT_PNG, compression=PNG_COMPRESSION_BEST)], MediaFormat.JPEG, (1600, 1200), False),
        ([Adjust(exposure=5), AS_JPEG], MediaFormat.JPEG, (2000, 1500), True),
        ([Adjust(exposure=5), AS_JPEG], MediaFormat.JPEG, (3000, 2000), False),
        ([Resize(width=1500), Polish(), AS_JPEG], MediaFormat.JPEG, (6000, 4000), True),
        ([Polish(), AS_JPEG], MediaFormat.JPEG, (2000, 1500), False),
        ([Decompress()], MediaFormat.JPEG, (100, 100), False),
        ([RemoveBackground(), AS_JPEG], MediaFormat.JPEG, (100, 100), False),
        ([AS_JPEG] * 9, MediaFormat.JPEG, (100, 100), False),
    ],
)
def test_short_is_what_one_table_says(operations: list[Message], format_: MediaFormat, size: tuple[int, int], *, short: bool) -> None:
    assert is_short(operations, format_, size) is short


@pytest.mark.parametrize(("side", "decoded"), [(300, 512), (129, 512), (128, 256), (100, 256), (64, 128), (30, 64)])
def test_a_jpeg_is_decoded_at_no_less_than_twice_the_size_it_gets(side: int, decoded: int) -> None:
    image, size = decode_reduced(PORTRAIT.read_bytes(), Limits(), lambda _size: (side, side))
    assert (size, image.width, image.height) == ((512, 512), decoded, decoded)


@pytest.mark.parametrize("orientation", [1, 6])
async def test_a_reduced_jpeg_looks_like_the_whole_one(children: WarmChildren, tmp_path: Path, orientation: int) -> None:
    with PillowImage.open(PORTRAIT) as portrait:
        content = written(portrait.crop((0, 0, 504, 440)), "JPEG", quality=95, exif=exif(orientation))
    upright = decode(content, Limits()).pixels
    width, height = (110, 96) if orientation == 1 else (96, 110)
    assert decode_reduced(content, Limits(), lambda _size: (width, height))[0].width * 2 == upright.shape[1]
    made = await _made(children, tmp_path, content, {"resize": {"width": width, "height": height, "fit": FIT_FILL}})
    with PillowImage.fromarray(upright) as whole:
        reference = np.asarray(whole.resize((width, height), PillowImage.Resampling.LANCZOS))
    result = decode(made, Limits()).pixels
    assert result.shape == (height, width, 3)
    assert 10 * np.log10(255**2 / np.mean((result.astype(float) - reference) ** 2)) > 45


def test_a_jpeg_whose_sides_do_not_divide_is_decoded_whole() -> None:
    with PillowImage.open(PORTRAIT) as portrait:
        content = written(portrait.crop((0, 0, 504, 441)), "JPEG")
    assert decode_reduced(content, Limits(), lambda _size: (50, 44))[0].height == 441


async def test_a_damaged_file_fails_alone(children: WarmChildren, tmp_path: Path) -> None:
    with pytest.raises(DarkroomError) as caught:
        await _made(children, tmp_path, PORTRAIT.read_bytes()[:9000], {"resize": {"width": 90}})
    assert caught.value.reason is ErrorReason.FILE_CORRUPT
    assert await _made(children, tmp_path, PORTRAIT.read_bytes(), {"resize": {"width": 90}})


@pytest.mark.parametrize(
    "lie",
    [
        {"format": "gif"},
        {"format": "jpeg"},
        {"width": 0},
        {"labels": ["../../etc"]},
        {"labels": [7]},
        {"notes": [{}]},
        {"notices": [["code", "subject"]]},
        {"notices": [["code", "subject", "x" * 501]]},
        {"seconds": None},
    ],
)
def test_a_child_that_lies_is_not_believed(children: WarmChildren, lie: dict[str, Any], tmp_path: Path) -> None:
    said: dict[str, Any] = {"width": 2, "height": 2, "format": "png", "labels": [], "notices": [], "notes": [], "seconds": {}}
    work = ShortWork(children, 1, Registry().bind([operation_pb2.Operation(crop={})]), Limits(), Limits())
    path = tmp_path / "result"
    path.write_bytes(encode(Image(np.zeros((2, 2, 3), np.uint8))))
    with path.open("rb") as target:
        assert work._checked(said, target.fileno()).content == path.read_bytes()
        with pytest.raises(SandboxCrashed):
            work._checked({**said, **lie}, target.fileno())


async def _made(children: WarmChildren, folder: Path, content: bytes, *steps: dict[str, Any]) -> bytes:
    path = folder / "input"
    path.write_bytes(content)
    bound = Registry().bind([operation_pb2.Operation(**step) for step in steps])
    return (await ShortWork(children, 1, bound, Limits(), Limits()).run(path, "photo.jpg", lambda _done, _doing: None)).content
