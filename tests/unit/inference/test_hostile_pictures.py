"""Pictures that attack what reads them: all end in a picture or in an error that names the file's fault."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from services.inference.matting.backdrop import over_colour, over_picture
from services.inference.media import Image, Limits, Saving, encode, isolated
from services.inference.media.colour import from_srgb
from services.inference.pipeline.reading import unforeseen_damage
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, SandboxFailed, SandboxTimedOut
from tests.hostile_files.bombs import SVG_BOMBS
from tests.unit.imaging.hostile_metadata import CONVERTED, EXIF, IGNORED, USABLE
from tests.unit.imaging.pictures import photo, written

PHOTO = photo(24, 32)

RESOURCES = SandboxLimits(memory_bytes=4 << 30, cpu_seconds=20)
DROPPED = "The embedded colour profile is damaged or does not fit the picture; sRGB was assumed."


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__], concurrency=1) as made:
        yield made


async def read(sandbox: Sandbox, folder: Path, content: bytes) -> Image:
    source = folder / "input"
    source.write_bytes(content)
    return await isolated.read_picture(sandbox, source, folder, Limits(), RESOURCES)


def worked_on(image: Image) -> None:
    """All that reads a picture's profile or EXIF outside of the child."""
    assert image.srgb().shape == (*image.pixels.shape[:2], 3)
    if image.icc is not None and not image.is_gray:
        from_srgb(image.srgb(), image.icc)
    if not image.is_gray:
        alpha = np.full(image.pixels.shape[:2], image.maximum // 2, image.pixels.dtype)
        over_colour(image.replace(alpha=alpha), 1, 2, 3)
        over_picture(Image(PHOTO, np.full(PHOTO.shape[:2], 9, np.uint8)), image)
    for format_ in (MediaFormat.PNG, MediaFormat.JPEG, MediaFormat.WEBP):
        PillowImage.open(io.BytesIO(encode(image, Saving(format_)))).load()


@pytest.mark.cases(1)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF"])
async def test_profiles(sandbox: Sandbox, tmp_path: Path, format_: str) -> None:
    for fates, kept, said in ((USABLE, True, 0), (CONVERTED, False, 1), (IGNORED, False, 1)):
        for name, profile in fates.items():
            image = await read(sandbox, tmp_path, written(PHOTO, format_, icc_profile=profile, quality=100))
            # libpng and libjpeg leave some out by themselves.
            assert (image.icc is not None) is kept or (image.icc is None and fates is USABLE and format_ != "TIFF"), name
            assert len(image.notes) <= said, (name, image.notes)
            if format_ == "TIFF":
                assert (image.notes == (DROPPED,)) is (fates is IGNORED), (name, image.notes)
            if image.icc is not None:
                worked_on(image)


@pytest.mark.cases(1)
@pytest.mark.parametrize("mode", ["L", "CMYK"])
async def test_profiles_of_other_kinds_of_pictures(sandbox: Sandbox, tmp_path: Path, mode: str) -> None:
    picture = PillowImage.fromarray(PHOTO).convert(mode)
    for name, profile in {**USABLE, **CONVERTED, **IGNORED}.items():
        image = await read(sandbox, tmp_path, written(picture, "JPEG", icc_profile=profile))
        assert image.notes or (mode == "L" and (image.icc is not None or name == "of gray")), name
        if image.icc is not None:
            worked_on(image)


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
async def test_exif(sandbox: Sandbox, tmp_path: Path, format_: str) -> None:
    for block in EXIF.values():
        worked_on(await read(sandbox, tmp_path, written(PHOTO, format_, exif=block)))


@pytest.mark.cases(1)
@pytest.mark.parametrize("name", SVG_BOMBS)
async def test_a_drawing_that_takes_hours_is_given_up(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    source = tmp_path / "input"
    source.write_bytes(SVG_BOMBS[name])
    assert len(SVG_BOMBS[name]) < 2000
    with pytest.raises(SandboxTimedOut):
        await isolated.read_picture(sandbox, source, tmp_path, Limits(svg_seconds=1), RESOURCES)


def test_what_no_reader_has_foreseen_is_the_fault_of_the_file() -> None:
    with pytest.raises(DarkroomError, match=r"^FILE_CORRUPT: The file cannot be read: it is damaged\.$") as raised, unforeseen_damage():
        raise SandboxFailed("KeyError", "Traceback")
    assert raised.value.reason is ErrorReason.FILE_CORRUPT
