"""Photographs in one ink, and in colours."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.restoration.tones import is_grayscale


@pytest.mark.parametrize("ink", [(255, 255, 255), (240, 210, 170), (225, 235, 255)], ids=["neutral", "sepia", "blue"])
def test_one_ink_on_paper(ink: tuple[int, int, int]) -> None:
    levels = np.linspace(0, 1, 64)[None, :, None].repeat(64, axis=0)
    assert is_grayscale(np.asarray(levels * ink, np.uint8))


def test_two_colours_are_not_one_ink_although_each_brightness_has_one() -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :48], picture[:, 48:] = (200, 40, 40), (40, 160, 60)
    assert not is_grayscale(picture)


def test_a_few_pixels_do_not_count() -> None:
    picture = np.full((100, 100, 3), 120, np.uint8)
    picture[0, :50] = (250, 30, 30)
    assert is_grayscale(picture)
