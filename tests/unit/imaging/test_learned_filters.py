"""What a picture itself teaches about a network's enlargement of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.media.spool import Spool
from services.inference.plain.compression import compression_of
from services.inference.upscaling.enhancement import noise_level
from services.inference.upscaling.fitting import TileModel
from services.inference.upscaling.learned_filters import Filters, learn, lessons
from services.inference.upscaling.upscaling import upscale
from tests.unit.imaging.pictures import Pixels8, border_effect_model, photo


def nothing() -> None:
    """A check that never cancels."""


def interpolated(pixels: Pixels8, factor: int) -> Pixels8:
    size = pixels.shape[1] * factor, pixels.shape[0] * factor
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LANCZOS4), np.uint8)


def textured(pixels: Pixels8, amplitude: int) -> Pixels8:
    """With texture of two pixels that the picture does not have."""
    rows, columns = np.indices(pixels.shape[:2]) // 2
    sign = np.where((rows + columns) % 2, 1, -1)[..., None]
    return np.clip(pixels.astype(int) + amplitude * sign, 0, 255).astype(np.uint8)


def error(result: Pixels8, truth: Pixels8) -> float:
    return float(((result.astype(float) - truth)[8:-8, 8:-8] ** 2).mean())


@pytest.mark.parametrize("factor", [2, 4])
def test_detail_that_a_network_invents_is_left_out(factor: int) -> None:
    source = photo(144, 144)
    learned = lessons(source, factor)
    filters = learn(learned, [textured(interpolated(small, factor), 20) for small in learned.small])
    plain = interpolated(source, factor)
    result = textured(plain, 20)
    filters.apply(result, source, nothing)
    # Of the 20 levels nearly nothing is left, and what the filters sharpen is little.
    assert error(result, plain) < 0.05 * error(textured(plain, 20), plain)


def test_detail_that_a_network_finds_is_kept() -> None:
    truth = photo(288, 288)
    source = np.asarray(cv2.resize(truth, (144, 144), interpolation=cv2.INTER_AREA), np.uint8)
    learned = lessons(source, 2)
    filters = learn(learned, learned.pictures)
    result = truth.copy()
    filters.apply(result, source, nothing)
    assert error(result, truth) < 0.1 * error(interpolated(source, 2), truth)


def test_copies_are_as_damaged_as_the_picture() -> None:
    noisy = np.clip(photo(200, 200) + np.random.default_rng(1).normal(0, 8, (200, 200, 3)), 0, 255).astype(np.uint8)
    (small,) = lessons(noisy, 2).small
    assert small.shape == (100, 100, 3)
    assert noise_level(small) == pytest.approx(noise_level(noisy), rel=0.25)
    encoded = cv2.imencode(".jpg", photo(288, 288), [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    (small,) = lessons(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8), 2).small
    compression = compression_of(small)
    assert compression is not None
    assert compression.quality == pytest.approx(50, abs=3)


def test_pictures_with_false_detail_and_large_factors_are_trusted_less() -> None:
    source = photo(144, 144)
    aliased = source.copy()
    aliased[:, :72:2] = np.clip(aliased[:, :72:2].astype(int) + 40, 0, 255)
    assert lessons(aliased, 2).trust < 0.8 * lessons(source, 2).trust
    assert lessons(source, 4).trust < lessons(source, 2).trust


def test_large_pictures_teach_by_four_parts() -> None:
    learned = lessons(np.tile(photo(300, 400), (5, 5, 1)), 4)
    assert [part.shape for part in learned.pictures] == [(512, 512, 3)] * 4
    assert [part.shape for part in learned.small] == [(128, 128, 3)] * 4


def test_strips_leave_no_seam() -> None:
    filters = Filters(np.full((7, 7), 1 / 49, np.float32), np.full((7, 7), -1 / 49, np.float32))
    source = photo(300, 64)
    whole = textured(interpolated(source, 2), 40)
    part = whole[100:500].copy()
    filters.apply(whole, source, nothing)
    filters.apply(part, source[50:250], nothing)
    # The strips of the two begin in other rows; next to its borders the part knows less.
    assert np.abs(whole[140:460].astype(int) - part[40:-40]).max() <= 1


@pytest.mark.parametrize(("height", "width", "channels"), [(1, 1, 3), (3, 70, 1), (70, 2, 3), (60, 40, 1), (25, 31, 3)])
async def test_grey_and_tiny_pictures(height: int, width: int, channels: int) -> None:
    source = np.full((height, width, channels), 90, np.uint8)
    model = TileModel(3, border_effect_model(3), learns=True)
    spool = Spool(Path("no-such-folder"))
    result = await upscale(Image(source), 3, model, spool=spool, progress=lambda share: None, check=nothing)
    assert result.pixels.shape == (3 * height, 3 * width, channels)
    assert np.unique(result.pixels).tolist() == [90]


def test_cancelling_leaves_at_once() -> None:
    class Cancelled(Exception):
        pass

    def cancel() -> None:
        raise Cancelled

    enlarged = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(Cancelled):
        Filters(np.zeros((7, 7), np.float32), np.zeros((7, 7), np.float32)).apply(enlarged, np.full((4, 4, 3), 90, np.uint8), cancel)
    assert not enlarged.any()
