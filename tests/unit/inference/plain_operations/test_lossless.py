"""Tasks on JPEG files that code nothing again, and compressing, from file to file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.convert_pb2 import PICTURE_FORMAT_KEPT, PICTURE_FORMAT_PNG
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from services.inference.lossless import libjpeg
from services.inference.lossless.turn import Turn
from services.inference.media import Image, Saving, encode
from services.inference.pipeline import isolated
from services.inference.pipeline.run import Product
from services.inference.pipeline.short import ShortWork
from services.pictures.media_format import MediaFormat
from services.platform.sandbox import Sandbox, SandboxCrashed
from tests.unit.imaging.pictures import exif, heic, photo, written
from tests.unit.inference.lossless.jpegs import decoded, jpeg, opened, tables
from tests.unit.inference.plain_operations.running import LIMITS, Running, cut, png

KEPT = PICTURE_FORMAT_KEPT
STRIP = {"convert": {"format": KEPT, "strip_metadata": True}}
COMPRESS = {"convert": {"format": KEPT, "quality": 70}}
CONTENT = jpeg((160, 96))


def content_of(product: Product) -> bytes:
    assert isinstance(product.content, bytes)
    return product.content


def snapotter(tool: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    plan = TOOLS[tool].plan(TOOLS[tool].settings(**settings), "photo.jpg")
    return [{name.name: value for name, value in operation.ListFields()} for operation in plan.operations]


@pytest.mark.parametrize(
    ("steps", "moved"),
    [
        ([{"rotate": {"angle": 90}}], lambda pixels: np.rot90(pixels, -1)),
        ([{"rotate": {"mirror_horizontally": True}}, STRIP], lambda pixels: pixels[:, ::-1]),
        (snapotter("rotate", {"angle": 180}), lambda pixels: pixels[::-1, ::-1]),
        (snapotter("strip-metadata", {"strip_all": True}), lambda pixels: pixels),
        ([STRIP], lambda pixels: pixels),
    ],
)
async def test_turns_and_stripping_code_nothing_again(running: Running, steps: list[dict[str, Any]], moved: Any) -> None:
    made = content_of(await running.product(CONTENT, *steps, name="photo.jpg"))
    assert np.abs(decoded(made) - moved(decoded(CONTENT))).max() <= 8
    # Quantization tables are those of the input, whatever was asked for: so no coefficient was made anew.
    assert tables(made) == tables(CONTENT)
    assert (opened(made).size == opened(CONTENT).size[::-1]) == ("angle" in str(steps[0]) and "90" in str(steps[0]))


async def test_a_webp_is_stripped_without_loss(running: Running) -> None:
    for lossless in (True, False):
        content = written(photo(), "WEBP", lossless=lossless, quality=60, exif=exif(1))
        for steps in ([STRIP], snapotter("strip-metadata", {"strip_all": True}), [{"convert": {"strip_exif": True}}]):
            made = content_of(await running.product(content, *steps, name="photo.webp"))
            assert b"Darkroom" in content and b"Darkroom" not in made
            assert (np.asarray(opened(made)) == np.asarray(opened(content))).all()


async def test_turned_four_times_nothing_is_lost(running: Running) -> None:
    turned = CONTENT
    for _ in range(4):
        turned = content_of(await running.product(turned, {"rotate": {"angle": 90}}, name="photo.jpg"))
    assert (decoded(turned) == decoded(CONTENT)).all()


async def test_what_does_not_fit_is_coded_again(running: Running) -> None:
    odd = jpeg((159, 95))
    made = await running.product(odd, {"rotate": {"angle": 180}}, name="photo.jpg")
    assert made.name == "photo-rotated.jpg" and np.abs(decoded(content_of(made)) - decoded(odd)[::-1, ::-1]).mean() < 3


async def test_a_file_that_ends_the_library_is_decoded(sandbox: Sandbox, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxCrashed, match=str(libjpeg._FAILED)):
        await sandbox.run(libjpeg.turned, b"\xff\xd8\xff\xd9", Turn(left_right=True))
    calls = []
    work = ShortWork._work

    async def crash(self: ShortWork, run: Any, asked: isolated.PictureJob) -> Any:
        calls.append(asked.keeps_coding)
        if asked.keeps_coding:
            raise SandboxCrashed("ended with status 70")
        return await work(self, run, asked)

    monkeypatch.setattr(ShortWork, "_work", crash)
    made = await running.product(CONTENT, {"rotate": {"angle": 90}}, name="photo.jpg", twice=False)
    assert calls == [True, False] and opened(content_of(made)).size == (96, 160)


async def test_damaged_files_are_refused_or_read_as_ever(sandbox: Sandbox, tmp_path: Any) -> None:
    """Each answer is a sound file or none; a child that ends says so."""
    rng = np.random.default_rng(11)
    operation = operation_pb2.Operation(rotate={"angle": 90}).SerializeToString()
    for number in range(6):
        damaged = bytearray(jpeg((96, 64), progressive=bool(number % 2)))
        for place in rng.integers(2, len(damaged), 4):
            damaged[place] = rng.integers(0, 256)
        source, target = tmp_path / f"source-{number}", tmp_path / f"{number}"
        source.write_bytes(damaged)
        target.mkdir()
        job = isolated.PictureJob((operation,), "photo.jpg", LIMITS, LIMITS)
        try:
            said = await sandbox.run(isolated.rewrite_into, source, target / "result", job, reads=[source], folder=target)
        except SandboxCrashed:
            continue
        if said is not None:
            assert opened((target / "result").read_bytes()).size == (said["width"], said["height"])


async def test_a_file_that_cannot_be_smaller_is_given_back(running: Running) -> None:
    small = written(photo(), "JPEG", quality=30, exif=exif(1))
    assert content_of(await running.product(small, COMPRESS, name="photo.jpg")) == small
    assert content_of(await running.product(small, {"convert": {"format": KEPT, "max_bytes": 1 << 20}}, name="photo.jpg")) == small
    assert running.notices == [("not_smaller", "")] * 2
    large = written(photo(), "JPEG", quality=97)
    assert len(content_of(await running.product(large, COMPRESS, name="photo.jpg"))) < len(large)
    assert len(running.notices) == 2


async def test_a_larger_file_that_is_needed_says_so(running: Running) -> None:
    small = encode(Image(photo()), Saving(MediaFormat.AVIF, quality=5, lossless=False))
    made = content_of(await running.product(small, *snapotter("compress", {}), name="photo.avif"))
    assert len(made) > len(small) and running.notices == [("not_smaller", "")]
    # Other formats are another matter, and so are other operations, and a format that is asked for by name.
    packed = written(photo(), "PNG", optimize=True, compress_level=9)
    made = content_of(await running.product(packed, {"convert": {"format": PICTURE_FORMAT_PNG}}))
    assert len(made) > len(packed) and len(running.notices) == 1
    for steps in (
        [{"convert": {"format": PICTURE_FORMAT_PNG}}],
        [{"resize": {"width": 300}}, {"convert": {"format": KEPT, "quality": 95}}],
    ):
        await running.product(small, *steps, name="photo.avif")
    assert len(running.notices) == 1


@pytest.mark.parametrize("orientation", [1, 3])
async def test_what_stripping_alone_makes_smaller_is_not_coded_again(running: Running, orientation: int) -> None:
    small = written(photo(128, 160), "JPEG", quality=30, exif=exif(orientation))
    made = content_of(await running.product(small, *snapotter("compress", {}), name="photo.jpg"))
    assert len(made) < len(small) and b"Darkroom" not in made and running.notices == [] and tables(made) == tables(small)
    assert np.abs(decoded(made) - decoded(small)[:: 2 - orientation, :: 2 - orientation]).max() <= 8


async def test_a_size_that_cannot_be_reached_is_told(running: Running) -> None:
    made = content_of(await running.product(CONTENT, {"convert": {"format": KEPT, "max_bytes": 200}}, name="photo.jpg"))
    assert len(made) > 200 and running.notices == [("not_applied", "max_bytes")]


@pytest.mark.parametrize(
    ("content", "name", "format_"),
    [
        (heic(photo()), "photo.heic", MediaFormat.JPEG),
        (written(photo(), "BMP"), "photo.bmp", MediaFormat.JPEG),
        (written(PillowImage.open(io.BytesIO(png(cut()))), "TGA"), "cut.tga", MediaFormat.WEBP),
    ],
)
async def test_what_is_not_kept_is_compressed_in_a_format_that_many_read(
    running: Running, content: bytes, name: str, format_: MediaFormat
) -> None:
    for asked in ({"quality": 70}, {"max_bytes": len(content) // 2}):
        made = await running.product(content, {"convert": {"format": KEPT, **asked}}, name=name)
        assert made.media_type == format_.media_type and len(content_of(made)) < len(content) // 2
    assert set(running.notices) == {("picture_note", "")}
    # SnapOtter's contract has PNG.
    assert (await running.product(content, *snapotter("compress", {}), name=name)).media_type == "image/png"
