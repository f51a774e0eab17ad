"""Short picture work in warm children: what counts as short, how near scaling in passing comes, and that nothing of a child is trusted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from google.protobuf.message import Message
from PIL import Image as PillowImage

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.adjust_pb2 import Adjust
from darkroom.operations.v1.border_pb2 import Border
from darkroom.operations.v1.convert_pb2 import (
    COLOR_SPACE_CMYK,
    PICTURE_FORMAT_AVIF,
    PICTURE_FORMAT_GIF,
    PICTURE_FORMAT_HEIC,
    PICTURE_FORMAT_JPEG,
    PICTURE_FORMAT_KEPT,
    PICTURE_FORMAT_PNG,
    PNG_COMPRESSION_BEST,
    Convert,
)
from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.decompress_pb2 import Decompress
from darkroom.operations.v1.inspect_picture_pb2 import InspectPicture
from darkroom.operations.v1.placement_pb2 import FIT_CANVAS, FIT_CROP, FIT_FILL, Fit
from darkroom.operations.v1.polish_pb2 import Polish
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.step import Tools
from services.inference.media import NO_HINTS, Image, Limits, decode, encode, in_memory
from services.inference.media.decode import _shrink, open_scaled
from services.inference.pipeline import isolated
from services.inference.pipeline.reading import Reading, foretold_headers
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Run, Source
from services.inference.pipeline.short import ShortWork
from services.inference.pipeline.stages import Stages
from services.inference.plain.graph import Work
from services.inference.plain.layout import resize_picture
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat
from services.pictures.short_pictures import is_short
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, SandboxCrashed, WarmChildren, memory_file
from tests.unit.imaging.pictures import PORTRAIT, exif, written

AS_JPEG = Convert(format=PICTURE_FORMAT_JPEG)
AS_PNG = {"convert": Convert(format=PICTURE_FORMAT_PNG)}
LIMITS = SandboxLimits(memory_bytes=2 << 30)
_BLACK = np.zeros((2, 3, 3), np.uint8)


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
        ([Crop(aspect_ratio="1:1")], MediaFormat.JPEG, (4000, 3000), True),
        ([Crop(aspect_ratio="1:1")], MediaFormat.WEBP, (4000, 3000), False),
        ([Crop(aspect_ratio="1:1")], MediaFormat.PNG, (4000, 3000), False),
        ([Crop(aspect_ratio="1:1"), AS_JPEG], MediaFormat.JPEG, (4000, 3000), True),
        ([Resize(width=9000)], MediaFormat.PNG, (1000, 1000), False),
        ([Resize(width=800)], MediaFormat.SVG, (100, 100), False),
        ([Resize(width=800)], MediaFormat.GIF, (100, 100), False),
        ([Convert(format=PICTURE_FORMAT_AVIF)], MediaFormat.JPEG, (100, 100), False),
        ([Convert()], MediaFormat.GIF, (100, 100), False),
        ([Convert(color_space=COLOR_SPACE_CMYK)], MediaFormat.JPEG, (100, 100), False),
        ([Convert(format=PICTURE_FORMAT_PNG, compression=PNG_COMPRESSION_BEST)], MediaFormat.JPEG, (1600, 1200), False),
        ([Convert(format=PICTURE_FORMAT_KEPT, keep_alpha=True, max_colors=9)], MediaFormat.JPEG, (4000, 3000), True),
        ([Convert(format=PICTURE_FORMAT_KEPT, keep_alpha=True, max_colors=9)], MediaFormat.PNG, (1600, 1200), True),
        ([Convert(format=PICTURE_FORMAT_KEPT, keep_alpha=True, max_colors=9)], MediaFormat.PNG, (1600, 1300), False),
        ([Border(width=5), Convert(keep_alpha=True)], MediaFormat.JPEG, (1900, 1900), True),
        ([Border(width=5), Convert(keep_alpha=True)], MediaFormat.JPEG, (2400, 2400), False),
        ([Rotate(angle=45), AS_JPEG], MediaFormat.JPEG, (2000, 2000), True),
        ([Rotate(angle=45), AS_JPEG], MediaFormat.JPEG, (3000, 3000), False),
        ([Convert(format=PICTURE_FORMAT_GIF)], MediaFormat.JPEG, (1500, 1300), True),
        ([Convert(format=PICTURE_FORMAT_HEIC)], MediaFormat.JPEG, (100, 100), False),
        ([Convert(max_bytes=5)], MediaFormat.JPEG, (1600, 1200), True),
        ([Convert(max_bytes=5)], MediaFormat.JPEG, (1600, 1300), False),
        ([Adjust(exposure=5), AS_JPEG], MediaFormat.JPEG, (2000, 1500), True),
        ([Adjust(exposure=5), AS_JPEG], MediaFormat.JPEG, (3000, 2000), False),
        ([Resize(width=1500), Polish(), AS_JPEG], MediaFormat.JPEG, (6000, 4000), True),
        ([Polish(), AS_JPEG], MediaFormat.JPEG, (2000, 1500), False),
        ([Decompress()], MediaFormat.JPEG, (100, 100), False),
        ([RemoveBackground(), AS_JPEG], MediaFormat.JPEG, (100, 100), False),
        ([Resize(width=80)] * 9, MediaFormat.JPEG, (100, 100), False),
        ([AS_JPEG, Resize(width=80)] * 8, MediaFormat.JPEG, (100, 100), True),
        ([Convert(format=PICTURE_FORMAT_GIF), Convert(format=PICTURE_FORMAT_KEPT)], MediaFormat.JPEG, (1500, 1300), True),
        ([Convert(format=PICTURE_FORMAT_GIF), Convert(format=PICTURE_FORMAT_KEPT)], MediaFormat.JPEG, (1600, 1300), False),
        ([Convert(format=PICTURE_FORMAT_KEPT, max_colors=9), Convert(format=PICTURE_FORMAT_KEPT)], MediaFormat.PNG, (1600, 1200), True),
        ([Convert(format=PICTURE_FORMAT_KEPT, max_colors=9), Convert(format=PICTURE_FORMAT_KEPT)], MediaFormat.PNG, (1600, 1300), False),
        ([Convert(format=PICTURE_FORMAT_AVIF), Convert(format=PICTURE_FORMAT_KEPT)], MediaFormat.JPEG, (100, 100), False),
        ([Border(width=5), Convert(keep_alpha=True), Convert()], MediaFormat.JPEG, (2400, 2400), False),
        ([InspectPicture()], MediaFormat.JPEG, (6000, 4000), True),
        ([InspectPicture()], MediaFormat.PNG, (5000, 4000), False),
        ([InspectPicture()], MediaFormat.GIF, (100, 100), False),
    ],
)
def test_short_is_what_the_options_say(operations: list[Message], format_: MediaFormat, size: tuple[int, int], *, short: bool) -> None:
    assert is_short(operations, format_, size) is short


@pytest.mark.parametrize(
    ("size", "target", "factor"),
    [
        ((512, 512), (300, 300), 1),
        ((512, 512), (129, 129), 1),
        ((512, 512), (128, 128), 2),
        ((512, 512), (100, 200), 1),
        ((512, 512), (64, 64), 4),
        ((512, 512), (30, 30), 8),
        ((504, 441), (50, 44), 1),
    ],
)
def test_a_jpeg_is_decoded_at_no_less_than_twice_the_size_it_gets(size: tuple[int, int], target: tuple[int, int], factor: int) -> None:
    assert _shrink(size, target) == factor


@pytest.mark.parametrize("factor", [2, 4.5])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
async def test_a_picture_that_is_scaled_as_it_is_read_looks_like_the_whole_one(
    children: WarmChildren, tmp_path: Path, factor: float, orientation: int, format_: str
) -> None:
    with PillowImage.open(PORTRAIT) as portrait:
        content = written(
            portrait.crop((0, 0, 504, 440)), format_, **({"quality": 95} if format_ == "JPEG" else {}), exif=exif(orientation)
        )
    upright = decode(content, Limits()).pixels
    width, height = (round(side / factor) for side in (upright.shape[1], upright.shape[0]))
    opened, size = open_scaled(content, Limits(), lambda _size: (width, height))
    image = in_memory(opened)
    assert (size, image.width, image.height) == (upright.shape[1::-1], width, height)
    turned: dict[str, Any] = {"rotate": {"angle": 90, "mirror_vertically": True}}
    for before, quarters in (([], 0), ([turned], 3)):
        wide, high = (height, width) if before else (width, height)
        made = await _made(children, tmp_path, content, *before, {"resize": {"width": wide, "height": high, "fit": FIT_FILL}}, AS_PNG)
        seen = np.rot90(upright, quarters)[::-1] if before else upright
        with PillowImage.fromarray(np.ascontiguousarray(seen)) as whole:
            reference = np.asarray(whole.resize((wide, high), PillowImage.Resampling.LANCZOS))
        result = decode(made, Limits()).pixels
        assert result.shape == (high, wide, 3)
        assert 10 * np.log10(255**2 / np.mean((result.astype(float) - reference) ** 2)) > 45


@pytest.mark.parametrize(("mode", "wanted"), [("RGBA", (100, 100)), ("LA", (100, 100)), ("RGB", (1000, 100)), ("I;16", (100, 100))])
def test_a_picture_is_read_as_it_is_if_scaling_needs_more_than_its_samples(mode: str, wanted: tuple[int, int]) -> None:
    with PillowImage.open(PORTRAIT) as portrait:
        picture = portrait.convert("L").convert(mode) if mode == "I;16" else portrait.convert(mode)
        if "A" in mode:
            picture.putalpha(portrait.convert("L"))
        opened, size = open_scaled(written(picture, "PNG"), Limits(), lambda _size: wanted)
        image = in_memory(opened)
    assert (image.width, image.height) == size == (512, 512)


@pytest.mark.parametrize("fit", [FIT_CROP, FIT_CANVAS])
async def test_a_picture_that_is_scaled_as_it_is_read_is_cropped_and_framed_as_usual(
    children: WarmChildren, tmp_path: Path, fit: Fit.ValueType
) -> None:
    asked = Resize(width=200, height=150, fit=fit, background="#ff0000")
    whole = decode(PORTRAIT.read_bytes(), Limits())
    made = decode(await _made(children, tmp_path, PORTRAIT.read_bytes(), {"resize": asked}, AS_PNG), Limits())
    assert (made.pixels == resize_picture(whole, asked, Work(tmp_path, lambda: None)).pixels).all()


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


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": NaN', b'{"a": "' + bytes(4 << 20) + b'"}'])
def test_data_that_are_no_document_are_not_believed(children: WarmChildren, content: bytes, tmp_path: Path) -> None:
    said: dict[str, Any] = {"labels": ["info"], "notices": [], "seconds": {}}
    work = ShortWork(children, 1, Registry().bind([operation_pb2.Operation(inspect_picture={})]), Limits(), Limits())
    path = tmp_path / "result"
    path.write_bytes(b"{}")
    with path.open("r+b") as target:
        assert work._checked(said, target.fileno()).format is None
        target.truncate(0)
        target.write(content)
        target.flush()
        with pytest.raises(SandboxCrashed):
            work._checked(said, target.fileno())


@pytest.mark.parametrize(
    ("content", "size", "step", "expected"),
    [
        (written(_BLACK, "JPEG"), (300, 200), {"resize": {"width": 40}}, [(300, 200, False), (200, 300, False)]),
        (written(_BLACK, "PNG"), (200, 200), {"resize": {"width": 40}}, [(200, 200, True)]),
        # Upright, it would become 640 megapixels.
        (written(_BLACK, "JPEG"), (8000, 100), {"resize": {"width": 8000}}, []),
        (written(_BLACK, "JPEG"), (300, 200), {"decompress": {}}, []),
        (written(_BLACK, "GIF"), (300, 200), {"resize": {"width": 40}}, []),
        (b"%PDF-1.4", (300, 200), {"resize": {"width": 40}}, []),
        (b"", (300, 200), {"resize": {"width": 40}}, []),
    ],
)
def test_the_header_of_a_picture_whose_size_is_recorded_is_foretold_where_the_work_is_short_either_way_up(
    children: WarmChildren, content: bytes, size: Size, step: dict[str, Any], expected: list[tuple[int, int, bool]], tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(content)
    tools = cast("Tools", SimpleNamespace(warm=children))
    reading = Reading(tools, 1, len(content), Registry().bind([operation_pb2.Operation(**step)]))
    headers = foretold_headers(Source("", tmp_path / "input", 0, size), reading.is_short_work)
    assert [(each.width, each.height, each.wide) for each in headers] == expected


@pytest.mark.parametrize(
    ("format_", "size", "memory", "expected"),
    [
        ("JPEG", (300, 200), 4 << 30, [(300, 200), (200, 300)]),
        ("PNG", (300, 200), 4 << 30, [(3, 2)]),  # it might have samples of two bytes
        ("JPEG", None, 4 << 30, [(3, 2)]),
        ("JPEG", (300, 200), 1 << 30, [(3, 2)]),
    ],
)
async def test_the_header_of_a_picture_is_foretold_where_its_work_needs_little_memory(
    children: WarmChildren, format_: str, size: Size | None, memory: int, expected: list[Size], tmp_path: Path
) -> None:
    (tmp_path / "input").write_bytes(written(_BLACK, format_))
    tools = cast("Tools", SimpleNamespace(warm=children, memory=MemoryBudget(memory), result_limits=Limits()))
    reading = Reading(tools, 1, 1 << 20, Registry().bind([operation_pb2.Operation(upscale={"factor": 2})]))
    headers = await reading.input_headers(Source("", tmp_path / "input", 0, size), Limits(), NO_HINTS)
    assert [(each.width, each.height) for each in headers] == expected


async def _made(children: WarmChildren, folder: Path, content: bytes, *steps: dict[str, Any]) -> bytes:
    path = folder / "input"
    path.write_bytes(content)
    bound = Registry().bind([operation_pb2.Operation(**step) for step in steps])
    sources = [Source("photo.jpg", path, 0)]
    run = Run(folder, lambda _done, _doing: None, lambda: None, lambda *_notice: None, Stages(), None, sources=sources)
    return (await ShortWork(children, 1, bound, Limits(), Limits()).run(run)).content


def test_a_rehearsal_does_all_steps() -> None:
    with memory_file.in_memory() as source, memory_file.in_memory() as target:
        isolated.rehearse(source, target)
        assert decode(os.pread(target, 9999, 0), Limits()).pixels.shape == (8, 8, 3)
