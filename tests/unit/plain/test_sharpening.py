"""What the methods of sharpening do at edges, in flat areas and next to what is hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darkroom.operations.v1.sharpen_pb2 import (
    SHARPEN_DENOISE_LIGHT,
    SHARPEN_DENOISE_STRONG,
    SHARPEN_DENOISE_UNSPECIFIED,
    SHARPEN_METHOD_ADAPTIVE,
    SHARPEN_METHOD_HIGH_PASS,
    SHARPEN_METHOD_UNSHARP_MASK,
    Sharpen,
    SharpenDenoise,
)
from services.inference.media import Image
from services.inference.operations.sharpen import method_of
from services.inference.plain.graph import Work
from services.inference.plain.sharpening import Adaptive, HighPass, Method, UnsharpMask, sharpened_by
from tests.unit.imaging.pictures import deep_photo, photo

WORK = Work(Path("/nonexistent"), lambda: None)
METHODS: list[Method] = [Adaptive(), UnsharpMask(), HighPass(), HighPass(kernel_size=5)]


def made(image: Image, method: Method | None = None, denoise: SharpenDenoise.ValueType = SHARPEN_DENOISE_UNSPECIFIED) -> Image:
    return sharpened_by(image, method, denoise, WORK)


def edge(low: int = 90, high: int = 160, bands: int = 3, kind: Any = np.uint8) -> np.ndarray:
    pixels = np.full((24, 32, bands), low, kind)
    pixels[:, 16:] = high
    return pixels


@pytest.mark.parametrize("by", [None, Adaptive(m1=0, m2=0), UnsharpMask(amount=0), HighPass(strength=0)])
def test_nothing_asked_for_is_nothing_changed(by: Method | None) -> None:
    image = Image(photo())
    assert made(image, by) is image


def test_what_is_not_said_has_its_default() -> None:
    assert method_of(Sharpen()) is None
    assert method_of(Sharpen(method=SHARPEN_METHOD_ADAPTIVE, amount=7)) == Adaptive(sigma=1, m1=1, m2=3, x1=2, y2=12, y3=20)
    assert method_of(Sharpen(method=SHARPEN_METHOD_ADAPTIVE, m1=0, sigma=2.5)) == Adaptive(sigma=2.5, m1=0)
    assert method_of(Sharpen(method=SHARPEN_METHOD_UNSHARP_MASK, radius=2)) == UnsharpMask(amount=100, radius=2, threshold=0)
    assert method_of(Sharpen(method=SHARPEN_METHOD_HIGH_PASS)) == HighPass(strength=50, kernel_size=3)
    assert method_of(Sharpen(method=SHARPEN_METHOD_HIGH_PASS, strength=0, kernel_size=5)) == HighPass(strength=0, kernel_size=5)


@pytest.mark.parametrize("by", METHODS)
@pytest.mark.parametrize(("kind", "bands"), [(np.uint8, 3), (np.uint8, 1), (np.uint16, 3), (np.uint16, 1)])
def test_edges_get_steeper_and_flat_areas_stay(by: Method, kind: Any, bands: int) -> None:
    scale = 1 if kind is np.uint8 else 257
    before = edge(90 * scale, 160 * scale, bands, kind)
    result = made(Image(before), by).pixels
    assert result.dtype == kind
    assert (result[:, 15] < before[:, 15]).all()
    assert (result[:, 16] > before[:, 16]).all()
    assert (result[:, :6] == before[:, :6]).all()
    assert (result[:, -6:] == before[:, -6:]).all()


@pytest.mark.parametrize("by", METHODS)
def test_hues_stay(by: Method) -> None:
    before = edge(60, 120)
    before[..., 1] += 40
    change = made(Image(before), by).pixels.astype(int) - before
    assert np.ptp(change, axis=2).max() == 0
    assert np.abs(change).max() > 0


def test_adaptive_sharpening_has_its_limits_and_leaves_flat_areas_with_m1_of_zero() -> None:
    result = made(Image(edge(20, 230)), Adaptive(m2=20, y2=4, y3=2)).pixels.astype(int)
    assert result.max() == 230 + round(0.04 * 255)
    assert result.min() == 20 - round(0.02 * 255)
    noise = (128 + np.arange(24 * 32 * 3).reshape(24, 32, 3) % 3).astype(np.uint8)
    assert (made(Image(noise), Adaptive(m1=0, x1=10)).pixels == noise).all()


def test_an_unsharp_mask_has_its_threshold() -> None:
    small, large = edge(100, 110), edge(50, 200)
    assert (made(Image(small), UnsharpMask(amount=200, threshold=8)).pixels == small).all()
    assert (made(Image(large), UnsharpMask(amount=200, threshold=8)).pixels != large).any()
    assert (made(Image(small), UnsharpMask(amount=200)).pixels != small).any()


@pytest.mark.parametrize("by", METHODS)
def test_alpha_stays_and_hidden_colours_leave_no_edge(by: Method) -> None:
    pixels, alpha = edge(0, 150), np.zeros((24, 32), np.uint8)
    alpha[:, 16:] = 255
    result = made(Image(pixels, alpha), by)
    assert result.alpha is not None
    assert (result.alpha == alpha).all()
    assert np.abs(result.pixels[:, 16:].astype(int) - 150).max() <= 1


def test_the_median_takes_noise_away_and_stronger_ones_more() -> None:
    noisy = edge()
    noisy[5, 5], noisy[10:13, 20:23] = 255, 0
    light, strong = (made(Image(noisy), denoise=each).pixels for each in (SHARPEN_DENOISE_LIGHT, SHARPEN_DENOISE_STRONG))
    assert (light[5, 5] == 90).all()
    assert (light[10:13, 20:23] != 160).any()
    assert (strong == edge()).all()


def test_the_median_takes_no_colour_from_what_is_hidden() -> None:
    pixels, alpha = edge(0, 150), np.zeros((24, 32), np.uint8)
    alpha[:, 16:] = 255
    assert (made(Image(pixels, alpha), denoise=SHARPEN_DENOISE_STRONG).pixels == pixels).all()


@pytest.mark.parametrize("pixels", [photo()[:1, :1], photo()[:2, :1], deep_photo()[:1, :3]])
def test_pictures_of_a_pixel_pass(pixels: np.ndarray) -> None:
    for by in METHODS:
        assert made(Image(np.ascontiguousarray(pixels)), by, denoise=SHARPEN_DENOISE_STRONG).pixels.shape == pixels.shape
