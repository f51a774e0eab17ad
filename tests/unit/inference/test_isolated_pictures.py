"""Pictures are decoded in a child process, whose word is not taken for anything but samples."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.inference.media import Image, Limits, Metadata, decode, encode, isolated
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, SandboxCrashed, SandboxOutOfMemory

RESOURCES = SandboxLimits(memory_bytes=4 << 30)
SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__]) as made:
        yield made


def _written(folder: Path, image: Image) -> Path:
    path = folder / "input"
    path.write_bytes(encode(image))
    return path


@pytest.mark.parametrize("type_", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
async def test_the_picture_is_the_one_that_decode_gives(
    sandbox: Sandbox, tmp_path: Path, type_: type[np.generic], bands: int, with_alpha: bool
) -> None:
    random = np.random.default_rng(3)
    pixels = random.integers(0, np.iinfo(type_).max, (17, 23, bands), type_)
    alpha = random.integers(0, np.iinfo(type_).max, (17, 23), type_) if with_alpha else None
    source = _written(tmp_path, Image(pixels, alpha=alpha, metadata=Metadata(pixels_per_mm=(11.8, 11.8))))
    expected = decode(source.read_bytes(), Limits())
    image = await isolated.read_picture(sandbox, source, tmp_path, Limits(), RESOURCES)
    np.testing.assert_array_equal(image.pixels, expected.pixels)
    assert (image.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        np.testing.assert_array_equal(image.alpha, expected.alpha)
    assert (image.icc, image.metadata, image.source_format, image.notes) == (
        expected.icc,
        expected.metadata,
        expected.source_format,
        expected.notes,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input"]


async def test_refusals_come_through(sandbox: Sandbox, tmp_path: Path) -> None:
    half = tmp_path / "half.jpg"
    content = (SAMPLES / "portrait.jpg").read_bytes()
    half.write_bytes(content[: len(content) // 2])
    for path, limits, reason in (
        (half, Limits(), ErrorReason.FILE_CORRUPT),
        (SAMPLES / "README.md", Limits(), ErrorReason.MEDIA_UNSUPPORTED),
        (SAMPLES / "portrait.jpg", Limits(megapixels=0.1), ErrorReason.MEDIA_LIMIT_EXCEEDED),
    ):
        with pytest.raises(DarkroomError) as raised:
            await isolated.read_picture(sandbox, path, tmp_path, limits, RESOURCES)
        assert raised.value.reason is reason


async def test_memory_is_bounded(sandbox: Sandbox, tmp_path: Path) -> None:
    source = _written(tmp_path, Image(np.zeros((6000, 6000, 3), np.uint8)))
    with pytest.raises((SandboxOutOfMemory, DarkroomError)):
        await isolated.read_picture(sandbox, source, tmp_path, Limits(), SandboxLimits(memory_bytes=250 << 20))


@pytest.mark.parametrize(
    "lie",
    [
        {"shape": [5, 5, 3]},
        {"shape": [4, 4, 4]},
        {"shape": [-4, -4, 3]},
        {"shape": [4, 4]},
        {"type": "float64"},
        {"alpha": True},
        {"icc": "no base64!"},
        {"icc": "aG9zdGlsZQ=="},
        {"format": "exe"},
        {"pixels_per_mm": ["x", 1]},
    ],
)
async def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, lie: dict[str, Any]) -> None:
    described = isolated.decode_into(_written(tmp_path, Image(np.zeros((4, 4, 3), np.uint8))), tmp_path / "samples", Limits(1.0))
    with pytest.raises(SandboxCrashed):
        isolated.picture_of({**described, **lie}, tmp_path / "samples", Limits())
