"""How noisy a picture is that is to be enlarged, and what JPEG has done to it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.upscaling.damage import deviation_of
from tests.unit.imaging.pictures import Pixels8


def smooth(height: int = 240, width: int = 320) -> Pixels8:
    """A picture with soft shapes and a few edges."""
    rng = np.random.default_rng(4)
    pixels = cv2.resize(rng.uniform(40, 210, (height // 40, width // 40, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    pixels[60:120, 80:200] += 30
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def noisy(deviation: float) -> Pixels8:
    pixels = smooth()
    return np.clip(np.rint(pixels + np.random.default_rng(5).normal(0, deviation, pixels.shape)), 0, 255).astype(np.uint8)


def compressed(quality: int, grain: float) -> Pixels8:
    """A picture without detail has no coefficients to judge by: it needs grain, the more the stronger it is compressed."""
    encoded = cv2.imencode(".jpg", noisy(grain), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8))


def test_a_clean_picture_has_none() -> None:
    assert deviation_of(Image(smooth())) == 0


@pytest.mark.parametrize("deviation", [10, 20])
def test_noise_is_measured(deviation: float) -> None:
    assert deviation_of(Image(noisy(deviation))) == pytest.approx(deviation, rel=0.3)


def test_the_more_a_jpeg_is_compressed_the_more_there_is() -> None:
    of_quality = [deviation_of(Image(compressed(quality, grain))) for quality, grain in ((90, 6), (75, 6), (50, 12))]
    assert of_quality == pytest.approx([3, 6, 10], abs=0.7)


def test_sixteen_bits_grey_and_tiny_pictures() -> None:
    deep = noisy(10).astype(np.uint16) * 257
    assert deviation_of(Image(deep)) == pytest.approx(deviation_of(Image(noisy(10))), abs=0.1)
    grey = Image(np.ascontiguousarray(noisy(10)[..., :1]))
    assert 8 < deviation_of(grey) < 25
    assert deviation_of(Image(np.full((1, 1, 3), 9, np.uint8))) == 0


def test_the_middle_of_a_large_picture_is_judged() -> None:
    large = np.full((2400, 2600, 3), 120, np.uint8)
    large[:100] = np.random.default_rng(1).integers(0, 256, (100, 2600, 3))
    assert deviation_of(Image(large)) == 0
