"""Masks in pictures of every kind: gray, deep and transparent ones, by a network or without."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.erasing.filling import erase
from services.inference.media import Image
from services.inference.operations.erase import coverage
from services.inference.watermark.neural import SIDE

HOLE = (slice(20, 40), slice(30, 60))


def unstopped() -> None:
    """Nobody asks to stop."""


def ramp(channels: int, kind: type[np.uint8] | type[np.uint16]) -> np.ndarray:
    """80 high, 120 wide, lighter to the right, in every level that the kind has."""
    top = np.iinfo(kind).max
    row = np.linspace(top * 0.1, top * 0.9, 120)
    return np.repeat(np.tile(row, (80, 1))[..., None], channels, 2).astype(kind)


def mask() -> np.ndarray:
    found = np.zeros((80, 120), np.bool_)
    found[HOLE] = True
    return found


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_and_channels_stay_what_they_are(channels: int, kind: type[np.uint8] | type[np.uint16]) -> None:
    truth = ramp(channels, kind)
    pixels = truth.copy()
    pixels[HOLE] = 0
    alpha = np.full((80, 120), np.iinfo(kind).max, kind)
    alpha[HOLE] = 0
    made = erase(Image(pixels, alpha), mask(), None, unstopped)
    assert (made.pixels.dtype, made.pixels.shape) == (truth.dtype, truth.shape)
    np.testing.assert_array_equal(made.pixels[~mask()], truth[~mask()])
    assert np.abs(made.pixels[HOLE].astype(float) - truth[HOLE]).mean() < 0.06 * np.iinfo(kind).max
    assert made.alpha is not None
    assert made.alpha.min() > 0.98 * np.iinfo(kind).max


def test_a_network_fills_what_it_is_shown() -> None:
    shown = []

    def network(windows: np.ndarray) -> np.ndarray:
        assert windows.shape == (1, SIDE, SIDE, 4)
        shown.append(int((windows[0, :80, :120, 3] > 0).sum()))
        return np.full((1, SIDE, SIDE, 3), (9, 99, 199), np.uint8)

    made = erase(Image(ramp(3, np.uint8)), mask(), network, unstopped)
    assert shown == [int(mask().sum())]
    assert (made.pixels[mask()] == (9, 99, 199)).all()
    np.testing.assert_array_equal(made.pixels[~mask()], ramp(3, np.uint8)[~mask()])


def test_an_empty_mask_and_a_full_one() -> None:
    picture = Image(ramp(3, np.uint8))
    assert erase(picture, np.zeros((80, 120), np.bool_), None, unstopped) is picture
    with pytest.raises(ValueError, match="nothing of the picture is left"):
        erase(picture, np.ones((80, 120), np.bool_), None, unstopped)


def test_a_mask_is_light_opaque_and_stretched() -> None:
    pixels = np.zeros((10, 20, 1), np.uint8)
    pixels[:, 10:] = 255
    pixels[:, :5] = 120
    pixels[:, 5:10] = 140
    found = coverage(Image(pixels), 80, 30)
    assert found.shape == (30, 80)
    assert not found[:, :19].any()
    assert found[:, 22:].all()
    alpha = np.full((10, 20), 65_535, np.uint16)
    alpha[:, 15:] = 20_000
    deep = Image(pixels.astype(np.uint16) * 257, alpha)
    assert coverage(deep, 20, 10).sum() == 100
    assert coverage(deep, 4, 1).tolist() == [[False, True, True, False]]
