"""Finding out how a picture was compressed, and removing what that did to it."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from services.inference.media import Image, Limits, decode
from services.inference.plain.compression import compression_of
from services.inference.plain.deblocking import deblock_picture
from tests.unit.imaging.pictures import PORTRAIT, written

Pixels8 = npt.NDArray[np.uint8]


def clean(width: int = 256) -> Pixels8:
    """The sample photograph at half its size, which hides its own compression."""
    with PillowImage.open(PORTRAIT) as portrait:
        return np.asarray(portrait.convert("RGB").resize((width, width), PillowImage.Resampling.LANCZOS))


def compressed(pixels: Pixels8, quality: int) -> Pixels8:
    return np.asarray(PillowImage.open(io.BytesIO(written(pixels, "JPEG", quality=quality))))


def deblock(image: Image, quality: int, twice: bool = False) -> Image:
    return deblock_picture(image, quality, twice=twice, progress=lambda done: None, check=lambda: None)


def error(first: Pixels8, second: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> float:
    return float(((first.astype(float) - second) ** 2).mean())


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90])
def test_the_quality_is_found_in_the_samples(quality: int) -> None:
    found = compression_of(compressed(clean(), quality))
    assert found is not None
    assert (found.quality, found.exact) == (quality, True)


def test_it_is_found_in_gray_cut_and_deep_pictures() -> None:
    gray = compressed(clean(), 40)[..., 1:2]
    cut = compressed(clean(), 40)[3:, 5:]
    deep = compressed(clean(), 40).astype(np.uint16) * np.uint16(257)
    for pixels in (gray, cut, deep):
        found = compression_of(pixels)
        assert found is not None
        assert abs(found.quality - 40) <= 10


def test_nothing_is_found_where_nothing_is() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3), np.uint8)
    for pixels in (clean(), noise, np.full((64, 64, 3), 90, np.uint8), np.zeros((1, 1, 1), np.uint8), np.zeros((9, 900, 3), np.uint8)):
        assert compression_of(pixels) is None


@pytest.mark.parametrize("quality", [10, 30, 50])
@pytest.mark.parametrize("twice", [False, True])
def test_pictures_come_nearer_to_what_they_were(quality: int, twice: bool) -> None:
    original = clean()
    stored = compressed(original, quality)
    restored = deblock(Image(stored), quality, twice)
    # At least 0.2 dB.
    assert error(original, restored.pixels) < error(original, stored) * 0.955


def test_tiles_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Image(compressed(clean(), 20))
    whole = deblock(stored, 20).pixels
    monkeypatch.setattr("services.inference.plain.deblocking._TILE", 64)
    assert np.abs(deblock(stored, 20).pixels.astype(int) - whole).max() <= 1


def test_depth_gray_and_what_is_transparent_stay() -> None:
    stored = compressed(clean(64), 20)
    deep = deblock(Image(stored.astype(np.uint16) * np.uint16(257)), 20)
    assert np.array_equal(deep.pixels, deblock(Image(stored), 20).pixels.astype(np.uint16) * 257)
    assert deblock(Image(stored[..., :1].copy()), 20).is_gray
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:, 40:] = 0
    cut = deblock(Image(stored, alpha), 20)
    assert np.array_equal(cut.alpha, alpha)
    assert np.array_equal(cut.pixels[:, 32:], stored[:, 32:])
    assert not np.array_equal(cut.pixels[:, :32], stored[:, :32])


def test_the_sample_is_known_for_what_it_is() -> None:
    found = compression_of(decode(PORTRAIT.read_bytes(), Limits()).pixels)
    assert found is not None
    assert found.quality >= 85
