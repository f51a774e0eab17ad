"""What is kept of a network's enlargement."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.upscaling.fidelity import mix_with_interpolation
from tests.unit.imaging.pictures import Pixels8, photo


def nothing() -> None:
    """A check that never cancels."""


def interpolated(pixels: Pixels8, factor: int) -> np.ndarray:
    size = pixels.shape[1] * factor, pixels.shape[0] * factor
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LANCZOS4).astype(int)


def textured(plain: np.ndarray, amplitude: int) -> Pixels8:
    """With texture of one pixel that interpolation does not have."""
    rows, columns = np.indices(plain.shape[:2])
    sign = np.where((rows + columns) % 2, 1, -1)[..., None]
    return np.clip(plain + amplitude * sign, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_a_share_of_what_the_network_adds_is_kept(share: float, kept: int) -> None:
    source = np.clip(photo(150, 90), 60, 200)
    plain = interpolated(source, 2)
    enlarged = textured(plain, 8)
    mix_with_interpolation(enlarged, source, share, nothing)
    assert np.abs(enlarged - textured(plain, kept).astype(int)).max() <= 1


@pytest.mark.parametrize("factor", [2, 4])
def test_where_it_adds_more_than_can_be_true_less_is_kept(factor: int) -> None:
    source = np.full((60, 80, 3), 128, np.uint8)
    enlarged = textured(interpolated(source, factor), 80)
    mix_with_interpolation(enlarged, source, 1.0, nothing)
    assert np.abs(enlarged.astype(int) - 128)[20:-20, 20:-20].max() == 6 * factor


def test_strips_leave_no_seam() -> None:
    source = photo(300, 64)
    whole = textured(interpolated(source, 2), 40)
    part = whole[100:500].copy()
    mix_with_interpolation(whole, source, 0.9, nothing)
    mix_with_interpolation(part, source[50:250], 0.9, nothing)
    # The strips of the two begin in other rows; next to its borders the part knows less.
    assert np.abs(whole[140:460].astype(int) - part[40:-40]).max() <= 1


def test_grey_and_tiny_pictures() -> None:
    for height, width in ((1, 1), (3, 70), (70, 2)):
        source = np.full((height, width, 1), 90, np.uint8)
        enlarged = np.full((3 * height, 3 * width, 1), 96, np.uint8)
        mix_with_interpolation(enlarged, source, 0.5, nothing)
        assert np.unique(enlarged).tolist() == [93]


def test_cancelling_leaves_at_once() -> None:
    class Cancelled(Exception):
        pass

    def cancel() -> None:
        raise Cancelled

    enlarged = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(Cancelled):
        mix_with_interpolation(enlarged, np.full((4, 4, 3), 90, np.uint8), 0.5, cancel)
    assert not enlarged.any()
