"""Resampling against OpenCV's own, and its promises on constants."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media.resampling import bilinear, resize
from tests.unit.imaging.pictures import deep_photo, photo


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_a_bilinear_window_equals_the_slice_of_the_whole(channels: int | None) -> None:
    generator = np.random.default_rng(3)
    coarse = generator.random((17, 23) if channels is None else (17, 23, channels), np.float32)
    whole = cv2.resize(coarse, (301, 211), interpolation=cv2.INTER_LINEAR).reshape(211, 301, *coarse.shape[2:])
    for rows, columns in ((slice(0, 211), None), (slice(0, 10), slice(7, 8)), (slice(200, 211), slice(290, 301)), (slice(90, 91), None)):
        window = bilinear(coarse, 301, 211, rows, columns)
        assert np.allclose(window, whole[rows, columns or slice(None)], atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(60, 80), (240, 320), (60, 320), (240, 80), (120, 160), (1, 1)])
def test_resizing_keeps_constants_type_and_channels(height: int, width: int) -> None:
    for flat in (np.full((120, 160, 1), 77, np.uint8), np.full((120, 160, 3), 40_000, np.uint16), np.full((120, 160), 0.25, np.float32)):
        out = resize(flat, width, height)
        assert out.shape == (height, width, *flat.shape[2:])
        assert out.dtype == flat.dtype
        assert np.allclose(out, flat.flat[0], atol=1e-5)


def test_shrinking_averages_and_enlarging_is_smooth() -> None:
    stripes = np.broadcast_to(((np.arange(400) + 1) // 2 % 2 * 255).astype(np.uint8), (40, 400))
    assert np.abs(resize(stripes, 100, 40)[:, 1:-1].astype(int) - 128).max() <= 1

    wave = np.sin(np.arange(64) * 0.6).astype(np.float32)[None].repeat(4, axis=0)
    truth = np.sin(((np.arange(512) + 0.5) / 8 - 0.5) * 0.6)
    straight = cv2.resize(wave, (512, 4), interpolation=cv2.INTER_LINEAR)
    inner = slice(32, -32)
    errors = [np.abs(found[0, inner] - truth[inner]).mean() for found in (resize(wave, 512, 4), straight)]
    assert errors[0] < 0.8 * errors[1]


def test_nothing_changes_at_the_same_size() -> None:
    assert np.array_equal(resize(photo(), 160, 120), photo())
    assert resize(deep_photo(), 80, 60).dtype == np.uint16
