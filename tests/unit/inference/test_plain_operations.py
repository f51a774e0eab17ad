"""The plain picture operations as a worker runs them: from a file through a pipeline to a file that other libraries read.

What is short work runs twice, step by step and in one child, and both must give the same file, byte for byte.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage

from darkroom.files.v1.file_pb2 import ImageInfo
from darkroom.operations.v1 import operation_pb2
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
from darkroom.operations.v1.decompress_pb2 import DECOMPRESS_STRENGTH_MODERATE, DECOMPRESS_STRENGTH_STRONG
from darkroom.operations.v1.placement_pb2 import FIT_CROP
from services.common.errors import DarkroomError, ErrorReason
from services.common.rpc.validation import RequestValidator
from services.common.sandbox import Limits as SandboxLimits
from services.common.sandbox import Sandbox, WarmChildren
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.step import DocumentLimits, Models, Tools
from services.inference.media import Image, Limits, Metadata, Saving, decode, encode, isolated
from services.inference.pipeline import isolated as isolated_pipeline
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.product import Product, RunContext, Source
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.stages import Stages
from tests.unit.imaging.pictures import deep_photo, exif, gray_profile, photo, wide_gamut_profile, written

LIMITS = Limits(1.0)
LOSSLESS = [PICTURE_FORMAT_PNG, PICTURE_FORMAT_WEBP, PICTURE_FORMAT_AVIF, PICTURE_FORMAT_TIFF]


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__, isolated_pipeline.__name__]) as made:
        yield made


@pytest.fixture(scope="module")
async def warm(sandbox: Sandbox) -> AsyncIterator[WarmChildren]:
    limits = SandboxLimits(memory_bytes=4 << 30)
    async with WarmChildren(sandbox, working=1, kept=1, jobs=1000, seconds=600, limits=limits) as made:
        yield made


class Running:
    """Runs operations on a file, and keeps what they say."""

    def __init__(self, sandbox: Sandbox, warm: WarmChildren, folder: Path) -> None:
        self.notices: list[tuple[str, str]] = []
        self._warm = warm
        self._folder = folder
        self.tools = Tools(
            triton=None,  # none of these operations calls it
            sandbox=sandbox,
            models=Models("", "", {}, 256),
            picture_limits=LIMITS,
            picture_resources=SandboxLimits(memory_bytes=4 << 30),
            result_limits=LIMITS,
            memory=MemoryBudget(1 << 30),
            documents=DocumentLimits(1 << 30, 600, 30),
        )

    async def product(self, data: bytes, *operations: Mapping[str, Any], name: str = "photo.png") -> Product:
        """The file made, for operations such as `{"crop": {…}}`."""
        messages = [operation_pb2.Operation(**operation) for operation in operations]
        for message in messages:
            RequestValidator().check(message)
        path = self._folder / "input"
        path.write_bytes(data)
        source = Source(name, path, 0)
        before = len(self.notices)
        made = await self._made(self.tools, source, messages)
        told = self.notices[before:]
        again = await self._made(dataclasses.replace(self.tools, warm=self._warm), source, messages)
        assert (dataclasses.replace(again, content=made.content), self.notices[before + len(told) :]) == (made, told)
        assert again.content == made.content or _alike(again, made)
        del self.notices[before + len(told) :]
        return made

    async def _made(self, tools: Tools, source: Source, messages: Sequence[operation_pb2.Operation]) -> Product:
        context = RunContext(
            folder=self._folder,
            report=lambda done, message: None,
            check=lambda: None,
            notice=lambda code, subject, message, details=None, /: self.notices.append((code, subject)),
            stages=Stages(),
            keeping=None,  # nothing is kept
        )
        pipeline = Pipeline(tools, Registry().bind(messages), 1 << 24)
        async with pipeline.room(source, context) as header:
            made = await pipeline.run(source, context, header)
        assert made is not None
        return made

    async def file(self, data: bytes, *operations: Mapping[str, Any]) -> bytes:
        """What the file made contains."""
        content = (await self.product(data, *operations)).content
        return content if isinstance(content, bytes) else content.read_bytes()


def _alike(one: Product, other: Product) -> bool:
    """Whether they differ by rounding alone: of a turned picture, rows are scaled before columns or after them."""
    first, second = (decode(made.content, LIMITS).pixels.astype(float) for made in (one, other) if isinstance(made.content, bytes))
    return bool(np.mean((first - second) ** 2) < 0.5)


@pytest.fixture
def running(sandbox: Sandbox, warm: WarmChildren, tmp_path: Path) -> Running:
    return Running(sandbox, warm, tmp_path)


def png(image: Image | np.ndarray) -> bytes:
    return encode(image if isinstance(image, Image) else Image(image))


def cut() -> Image:
    """A photograph whose right half is transparent, with its own profile."""
    alpha = np.full((120, 160), 255, np.uint8)
    alpha[:, 80:] = 0
    pixels = photo()
    pixels[:, 80:] = 0
    return Image(pixels, alpha, icc=wide_gamut_profile())


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
]


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


async def test_cmyk_pictures_are_worked_on(running: Running) -> None:
    data = encode(Image(photo()), Saving(format=decode(written(photo(), "JPEG"), LIMITS).source_format, cmyk="cmyk"))
    back = decode(await running.file(data, {"resize": {"width": 80}}), LIMITS)
    assert (back.width, back.height, back.is_gray) == (80, 60, False)


@pytest.mark.parametrize(
    "convert",
    [
        {"format": PICTURE_FORMAT_PNG, "color_space": COLOR_SPACE_CMYK},
        {"color_space": COLOR_SPACE_CMYK},
        {"cmyk_profile": CMYK_PROFILE_ISO_COATED},
        {"format": PICTURE_FORMAT_JPEG, "lossless": True},
        {"format": PICTURE_FORMAT_PNG, "lossless": False},
        {"format": PICTURE_FORMAT_WEBP, "lossless": True, "quality": 5},
        {"format": PICTURE_FORMAT_PNG, "quality": 5},
        {"quality": 101},
        {"format": PICTURE_FORMAT_JPEG, "compression": PNG_COMPRESSION_BEST},
        {"format": PICTURE_FORMAT_WEBP, "progressive": True},
        {"background": "transparent"},
    ],
)
def test_what_a_format_does_not_have_is_refused(convert: Mapping[str, Any]) -> None:
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(operation_pb2.Operation(convert=convert))
    assert refused.value.reason is ErrorReason.FIELD_INVALID


@pytest.mark.parametrize(
    "operation",
    [
        {"resize": {"width": 5, "width_percent": 5}},
        {"resize": {"height": 70_000}},
        {"resize": {"background": "red"}},
        {"crop": {}},
        {"crop": {"aspect_ratio": "0:1"}},
        {"crop": {"aspect_ratio": "1:1", "area": {"width": 1, "height": 1}}},
        {"crop": {"area": {"width": 1}}},
        {"pad": {"vertical": 1, "vertical_percent": 1}},
        {"pad": {"horizontal_percent": 51}},
        {"adjust": {"exposure": 101}},
        {"adjust": {"contrast": -101}},
        {"adjust": {"sharpness": 101}},
        {"upscale": {"factor": 2, "resize": {"width": 5}}},
    ],
)
def test_parameters_that_make_no_sense_are_refused(operation: Mapping[str, Any]) -> None:
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(operation_pb2.Operation(**operation))
    assert refused.value.reason is ErrorReason.FIELD_INVALID


async def test_a_result_over_the_limit_is_refused(running: Running) -> None:
    for operation in ({"resize": {"width": 2000, "height": 2000, "fit": FIT_CROP}}, {"pad": {"vertical": 4000}}):
        with pytest.raises(DarkroomError) as refused:
            await running.file(png(photo()), operation)
        assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED


@pytest.mark.parametrize("strength", [DECOMPRESS_STRENGTH_MODERATE, DECOMPRESS_STRENGTH_STRONG])
async def test_artefacts_are_removed_from_a_file_that_has_them(strength: int, running: Running) -> None:
    source = np.asarray(PillowImage.fromarray(photo(120, 160)).resize((80, 60)))
    data = written(source, "JPEG", quality=15)
    stored = np.asarray(PillowImage.open(io.BytesIO(data)))
    for parameters in ({}, {"strength": strength}):
        back = decode(await running.file(data, {"decompress": parameters}), LIMITS).pixels
        assert ((back.astype(float) - source) ** 2).mean() < ((stored.astype(float) - source) ** 2).mean()
    assert running.notices == []
