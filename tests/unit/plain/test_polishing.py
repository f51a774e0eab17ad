"""Cleaning pictures up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.inference.media import Image
from services.inference.plain.polishing import noise_of, polish
from tests.unit.imaging.pictures import photo
from tests.unit.plain.pictures import KINDS, kind, work


def noisy(pixels: np.ndarray, deviation: float) -> np.ndarray:
    return np.clip(pixels + np.random.default_rng(1).normal(0, deviation, pixels.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_every_kind_of_picture_keeps_its_kind(gray: bool, alpha: bool, deep: bool, tmp_path: Path) -> None:
    image = kind(gray, alpha, deep)
    result = polish(image, work(tmp_path))
    assert (result.pixels.shape, result.pixels.dtype) == (image.pixels.shape, image.pixels.dtype)
    assert result.alpha is None if image.alpha is None else np.array_equal(result.alpha, image.alpha)


def test_noise_is_measured_and_reduced(tmp_path: Path) -> None:
    flat = np.full((200, 200, 1), 120, np.uint8)
    assert noise_of(flat) == 0
    assert noise_of(noisy(flat, 10)) == pytest.approx(10 / 255, rel=0.1)
    assert noise_of(np.zeros((2, 2, 3), np.uint8)) == 0
    clean = photo(120, 160)
    rough = noisy(clean, 12)
    result = polish(Image(rough), work(tmp_path)).pixels
    before, after = (((clean.astype(float) - each) ** 2).mean() for each in (rough, result))
    assert after < before * 0.6


def test_flat_areas_stay_as_they_are(tmp_path: Path) -> None:
    for value in (0, 90, 255):
        assert (polish(Image(np.full((40, 40, 3), value, np.uint8)), work(tmp_path)).pixels == value).all()
