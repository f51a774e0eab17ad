"""How much pictures are alike, against the formula in plain numbers."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.operations.compare import similarity_and_difference
from tests.unit.imaging.pictures import photo


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.abs(first.astype(int) - second.astype(int)).sum(axis=2)


def test_equal_pictures_are_wholly_alike() -> None:
    assert similarity_and_difference(photo(), photo())[0] == 100


def test_black_and_white_are_not() -> None:
    black = np.zeros((9, 7, 3), np.uint8)
    assert similarity_and_difference(black, 255 - black)[0] == 0


def test_similarity_is_the_mean_difference() -> None:
    first, second = photo(), np.ascontiguousarray(photo()[::-1])
    expected = 100 - (difference(first, second) / 3).mean() / 255 * 100
    assert similarity_and_difference(first, second)[0] == pytest.approx(expected, abs=0.005)


def test_the_difference_is_red() -> None:
    first = np.full((600, 300, 3), 40, np.uint8)
    second = first.copy()
    second[:, :, 0] = second[:, :, 1] = np.minimum(40 + np.arange(300), 255)
    _, colour, alpha = similarity_and_difference(first, second)
    total = difference(first, second)
    different = total > 30
    assert (colour[different] == (255, 0, 0)).all()
    assert np.array_equal(alpha[different], np.minimum(total[different], 255))
    assert (colour[~different] == 40).all()
    assert (alpha[~different] == 128).all()
    assert {30, 32} <= set(total.ravel())
