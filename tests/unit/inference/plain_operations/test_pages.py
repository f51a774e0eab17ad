"""Files of several pages: an operation works on each page as on a picture of its own, and the result has all of them."""

from __future__ import annotations

import dataclasses
import io
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage

from darkroom.files.v1 import file_pb2
from services.inference.pipeline.run import Product
from services.pictures.operations import specs
from services.pictures.probe.child import probe
from services.platform.errors import DarkroomError, ErrorReason
from tests.reported_files.animations import IN_PARTS
from tests.unit.imaging.pictures import gray_profile, photo, wide_gamut_profile
from tests.unit.inference.plain_operations.examples import BESIDE, EXAMPLES
from tests.unit.inference.plain_operations.running import Running, png

TIFF = {"convert": {"format": "PICTURE_FORMAT_TIFF"}}
BY_PAGE = [name for name, spec in specs().items() if spec.by_frame and name in EXAMPLES and name != "convert"]


def page(samples: np.ndarray[Any, Any], interpretation: str, icc: bytes | None = None, orientation: int = 1, **options: Any) -> bytes:
    """A TIFF of one page by libvips."""
    picture = pyvips.Image.new_from_array(samples).copy(interpretation=interpretation)
    if icc is not None:
        picture.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return bytes(picture.tiffsave_buffer(keep="all" if icc else "other", **options))


def pages() -> list[bytes]:
    """Of different sizes, samples, profiles, compressions and orientations."""
    photograph, tall = photo(72, 104), photo(96, 64)
    alpha = np.tile(np.linspace(0, 255, 104, dtype=np.uint8), (72, 1))
    return [
        page(photograph, "srgb", compression="lzw"),
        page(tall.astype(np.uint16) * 257, "rgb16", wide_gamut_profile(), compression="deflate", predictor="horizontal"),
        page(photograph[..., :1], "b-w", gray_profile(1.8), compression="none"),
        page(np.dstack((photograph, alpha)), "srgb", tile=True, tile_width=32, tile_height=32, compression="lzw"),
        page(tall, "srgb", orientation=6, compression="jpeg", Q=95),
    ]


def joined(*parts: bytes, kinds: Mapping[int, int] | None = None) -> bytes:
    """A TIFF of several by its own rules, not by the code under test: every value lies where its page has it, behind all that comes before.

    `kinds` are NewSubfileTypes by the places of pages, for which the pages must have that tag.
    """
    whole, link = bytearray(b"II*\0" + bytes(4)), 4
    for place, part in enumerate(parts):
        start = len(whole)
        whole += part + bytes(len(part) % 2)
        (at,) = struct.unpack_from("<I", part, 4)
        (count,) = struct.unpack_from("<H", part, at)
        struct.pack_into("<I", whole, link, start + at)
        for entry in range(start + at + 2, start + at + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from("<HHI", whole, entry)
            size = values * {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind]
            first = entry + 8
            if size > 4:
                (at_part,) = struct.unpack_from("<I", whole, first)
                struct.pack_into("<I", whole, first, start + at_part)
                first = start + at_part
            if tag in (273, 324):
                for number in range(values):
                    (value,) = struct.unpack_from("<I", whole, first + 4 * number)
                    struct.pack_into("<I", whole, first + 4 * number, start + value)
            if tag == 254 and kinds and place in kinds:
                struct.pack_into("<I", whole, first, kinds[place])
        link = start + at + 2 + 12 * count
    return bytes(whole)


def apart(data: bytes) -> list[pyvips.Image]:
    """The pages as libvips reads them."""
    count = pyvips.Image.tiffload_buffer(data).get("n-pages")
    return [pyvips.Image.tiffload_buffer(data, page=number) for number in range(count)]


def content(made: Product) -> bytes:
    assert isinstance(made.content, bytes)
    return made.content


@pytest.mark.cases(5)
@pytest.mark.parametrize("name", BY_PAGE)
async def test_each_page_is_as_the_same_picture_alone(running: Running, name: str) -> None:
    running.auxiliaries[BESIDE] = png(photo(20, 30))
    parts, operation = pages(), {name: EXAMPLES[name]}
    made = await running.product(joined(*parts), operation, TIFF, name="scan.tif", twice=False)
    alone = [await running.product(part, operation, TIFF, name="scan.tif") for part in parts]
    assert made.info == file_pb2.ImageInfo(width=alone[0].info.width, height=alone[0].info.height, frames=5)  # type: ignore[union-attr]
    for found, single in zip(apart(content(made)), alone, strict=True):
        [expected] = apart(content(single))
        assert (found.width, found.height, found.bands, found.format) == (expected.width, expected.height, expected.bands, expected.format)
        assert np.array_equal(found.numpy(), expected.numpy())
        profiles = [each.get("icc-profile-data") if each.get_typeof("icc-profile-data") else None for each in (found, expected)]
        assert profiles[0] == profiles[1]
        assert found.get("orientation") == 1 if found.get_typeof("orientation") else True


async def test_pillow_reads_all_pages(running: Running) -> None:
    made = content(await running.product(IN_PARTS["pages.tif"](), {"rotate": {"angle": 90}}, name="a.tif"))
    colours = []
    with PillowImage.open(io.BytesIO(made)) as picture:
        for number in range(picture.n_frames):  # type: ignore[attr-defined]
            picture.seek(number)
            colours.append((picture.size, picture.getpixel((20, 10)), picture.getpixel((20, 30)), picture.getpixel((20, 50))))
    black, size = (0, 0, 0), (40, 60)
    assert colours == [(size, (255, 0, 0), black, black), (size, black, (0, 255, 0), black), (size, black, black, (0, 0, 255))]
    assert running.notices == []


async def test_pages_that_are_not_changed_are_given_back(running: Running) -> None:
    data = joined(*pages())
    within = {"resize": {"width": 104, "height": 104, "without_enlargement": True, "fit": "FIT_BOUNDS"}}
    assert content(await running.product(data, within, name="a.tif")) == data


async def test_a_chosen_page_and_one_that_there_is_not(running: Running) -> None:
    data = joined(*pages())
    made = await running.product(data, {"convert": {"format": "PICTURE_FORMAT_PNG", "frame": 2}}, name="scan.tif")
    assert made.info == file_pb2.ImageInfo(width=64, height=96, frames=1)
    with PillowImage.open(io.BytesIO(content(made))) as picture:
        assert np.array_equal(np.asarray(picture.convert("RGB")), photo(96, 64))
    assert set(running.notices) == {("picture_note", "")}
    for name, file, count in (("scan.tif", data, 5), ("a.png", png(photo()), 1), ("frames.gif", IN_PARTS["frames.gif"](), 3)):
        with pytest.raises(DarkroomError) as refused:
            await running.product(file, {"convert": {"frame": count + 1}}, name=name)
        assert (refused.value.reason, refused.value.field, refused.value.allowed) == (
            ErrorReason.FIELD_INVALID,
            "frame",
            (f"1 to {count}",),
        )


@pytest.mark.cases(2)
@pytest.mark.parametrize("name", ["frames.gif", "frames.webp", "frames.avif", "frames.png"])
async def test_frames_become_pages_and_one_of_them_a_picture(running: Running, name: str) -> None:
    data = IN_PARTS[name]()
    made = content(await running.product(data, TIFF, name=name))
    chosen = content(await running.product(data, {"convert": {"format": "PICTURE_FORMAT_PNG", "frame": 3}}, name=name))
    expected = []
    with PillowImage.open(io.BytesIO(data)) as picture:
        for number in range(3):
            picture.seek(number)
            expected.append(np.asarray(picture.convert("RGBA")).astype(int))
    for found, shown in zip(apart(made), expected, strict=True):
        samples = found.numpy() if found.bands == 4 else found.bandjoin(255).numpy()
        visible = shown[..., 3] > 0
        assert np.array_equal(samples[..., 3] > 0, visible) and np.abs(samples[visible] - shown[visible]).mean() < 3
    with PillowImage.open(io.BytesIO(chosen)) as picture:
        assert np.abs(np.asarray(picture.convert("RGBA"))[..., 2].astype(int) - expected[2][..., 2]).mean() < 3


async def test_pages_are_taken_out_as_they_are(running: Running) -> None:
    data = joined(*pages())
    with zipfile.ZipFile(io.BytesIO(content(await running.product(data, {"extract_frames": {"first": 1}}, name="scan.tif")))) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert list(found) == [f"frame_{number:04d}.png" for number in (1, 2, 3, 4)]
    for number, part in enumerate(pages()[1:], 1):
        alone = content(await running.product(part, {"convert": {"format": "PICTURE_FORMAT_PNG", "strip_metadata": True}}, name="a.tif"))
        taken = content(await running.product(data, {"extract_frame": {"frame": number}}, TIFF, name="scan.tif"))
        expected = pyvips.Image.pngload_buffer(alone)
        for each in (pyvips.Image.pngload_buffer(found[f"frame_{number:04d}.png"]), *apart(taken)):
            assert (each.width, each.height, each.format) == (expected.width, expected.height, expected.format)
            assert np.array_equal(each.numpy(), expected.numpy())
            assert bool(each.get_typeof("icc-profile-data")) == bool(expected.get_typeof("icc-profile-data"))
    assert running.notices == []
    with pytest.raises(DarkroomError, match="The file has 5 frames or pages, numbered from 0"):
        await running.product(data, {"extract_frame": {"frame": 5}}, name="scan.tif")


async def test_smaller_copies_of_a_page_are_no_pages(running: Running) -> None:
    pyramid = bytes(
        pyvips.Image.new_from_array(photo(300, 300))
        .copy(interpretation="srgb")
        .tiffsave_buffer(pyramid=True, tile=True, tile_width=64, tile_height=64, compression="lzw")
    )
    assert len(apart(pyramid)) > 1
    assert probe(lambda at, length: pyramid[at : at + length], len(pyramid)).frames == 1
    made = await running.product(pyramid, {"rotate": {"angle": 90}}, name="a.tif")
    assert (len(apart(content(made))), running.notices) == (1, [])
    two = joined(*pages()[:2])
    assert probe(lambda at, length: two[at : at + length], len(two)).frames == 2


async def test_a_damaged_page_is_named(running: Running) -> None:
    parts = [page(photo(72, 104), "srgb", compression="deflate") for _ in range(3)]
    damaged = bytearray(joined(*parts))
    at = len(joined(*parts[:1])) + 40
    damaged[at : at + 400] = bytes(400)
    with pytest.raises(DarkroomError, match="Page 2 of 3") as refused:
        await running.product(bytes(damaged), {"rotate": {"angle": 90}}, name="a.tif")
    assert refused.value.reason is ErrorReason.FILE_CORRUPT


async def test_pages_together_have_a_limit(running: Running) -> None:
    limits = running.tools.moving_limits
    for changed in (dataclasses.replace(limits, megapixels=0.01), dataclasses.replace(limits, pages=2)):
        running.tools = dataclasses.replace(running.tools, moving_limits=changed)
        with pytest.raises(DarkroomError, match="has 3 pages") as refused:
            await running.product(joined(*pages()[:3]), {"rotate": {"angle": 90}}, name="a.tif")
        assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED


@pytest.mark.parametrize("operation", [{"rotate": {"angle": 90}}, {"convert": {"format": "PICTURE_FORMAT_PNG"}}, {"make_pdf": {}}])
async def test_a_file_that_lacks_pages_is_refused(running: Running, operation: dict[str, dict[str, Any]]) -> None:
    data = joined(*pages())
    for kept in (1, 2, 4):
        cut = data[: len(joined(*pages()[:kept])) + 50]
        with pytest.raises(DarkroomError) as refused:
            await running.joined({"a.tif": cut}, operation) if "make_pdf" in operation else await running.product(
                cut, operation, name="a.tif"
            )
        assert refused.value.reason is ErrorReason.FILE_CORRUPT
