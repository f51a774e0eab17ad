"""Each enhancement does what it says, measurably."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.upscaling.enhancement import add_detail, has_text, noise_level, sharpen_text, without_noise


def scene(height: int = 200, width: int = 240) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([60 + 0.4 * x, 90 + 0.3 * y, 120 + 0.2 * (x + y) / 2], axis=-1)
    smooth[60:140, 80:160] += 70
    return smooth.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [3.0, 8.0])
def test_noise_is_measured_and_taken_away(noise: float) -> None:
    clean = scene()
    noisy = (clean + np.random.default_rng(1).normal(0, noise, clean.shape)).clip(0, 255).astype(np.uint8)
    # Luma averages the channels' noise.
    assert noise_level(noisy) == pytest.approx(0.67 * noise, rel=0.25)
    result = without_noise(noisy, lambda: None)
    before, after = (float(np.sqrt(((picture - clean.astype(float)) ** 2).mean())) for picture in (noisy, result))
    assert after < 0.65 * before


def test_a_clean_picture_is_left_as_it_is() -> None:
    clean = scene()
    assert without_noise(clean, lambda: None) is clean


def test_detail_is_raised_and_mean_colours_stay() -> None:
    soft = np.asarray(cv2.GaussianBlur(scene(), (0, 0), 1.5))
    result = soft.copy()
    add_detail(result, 2, lambda: None)
    edges = [float(np.abs(np.diff(picture[..., 0].astype(int), axis=1)).max()) for picture in (soft, result)]
    assert edges[1] > 1.1 * edges[0]
    np.testing.assert_allclose(result.mean(axis=(0, 1)), soft.mean(axis=(0, 1)), atol=0.5)


def test_text_is_sharpened_where_it_is_and_nowhere_else() -> None:
    small = scene(100, 120)
    text = np.zeros(small.shape[:2], np.uint8)
    text[30:45, 40:80] = 250
    assert has_text(text)
    assert not has_text(np.zeros_like(text))
    enlarged = np.asarray(cv2.GaussianBlur(scene(), (0, 0), 1.5))
    result = enlarged.copy()
    sharpen_text(result, text, 2, lambda: None)
    np.testing.assert_array_equal(result[:30], enlarged[:30])
    np.testing.assert_array_equal(result[120:], enlarged[120:])
    assert np.abs(result[60:90, 80:160].astype(int) - enlarged[60:90, 80:160]).max() > 5
