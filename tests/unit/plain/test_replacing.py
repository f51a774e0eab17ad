"""Which pixels a colour is replaced in, and by how much."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.inference.media import Image
from services.inference.operations.replace_color import replace_colour
from tests.unit.imaging.pictures import deep_photo, photo, wide_gamut_profile

REDS = np.zeros((1, 200, 3), np.uint8)
REDS[0, :, 0] = 255 - np.arange(200)


def test_the_share_falls_with_the_distance() -> None:
    result = replace_colour(Image(REDS), "#ff0000", "#00ff00", 30).pixels[0].astype(int)
    share = np.clip(1 - np.arange(200) / (math.sqrt(3) * 30), 0, 1)
    assert np.abs(result[:, 1] - share * 255).max() <= 0.51
    assert np.abs(result[:, 0] - REDS[0, :, 0] * (1 - share)).max() <= 0.51
    assert (result[52:] == REDS[0, 52:]).all()


def test_without_tolerance_it_is_that_colour_alone() -> None:
    result = replace_colour(Image(REDS), "#ff0000", "#00ff00", 0).pixels
    assert result[0, 0].tolist() == [0, 255, 0]
    assert (result[0, 1:] == REDS[0, 1:]).all()


def test_a_picture_without_the_colour_is_the_very_same() -> None:
    plain, deep = Image(photo()), Image(deep_photo(), np.full((120, 160), 9, np.uint16))
    assert replace_colour(plain, "#0000ff", "#00ff00", 1) is plain
    assert replace_colour(deep, "#0000ff", "transparent", 1) is deep
    # A file of a kind that can be transparent comes of it all the same.
    result = replace_colour(plain, "#0000ff", "transparent", 1)
    assert result.alpha is not None
    assert (result.alpha == 255).all()
    assert (result.pixels == plain.pixels).all()


def test_transparency_is_laid_into_alpha() -> None:
    result = replace_colour(Image(REDS), "#ff0000", "transparent", 30)
    assert result.alpha is not None
    assert (result.alpha[0, 0], result.alpha[0, -1]) == (0, 255)
    assert abs(int(result.alpha[0, 26]) - 255 * 0.5) < 2
    assert result.pixels[0, 0].tolist() == [0, 0, 0]
    assert (result.pixels[0, 1:] == REDS[0, 1:]).all()
    half = np.full((1, 200), 100, np.uint8)
    again = replace_colour(Image(REDS, half), "#ff0000", "transparent", 30)
    assert again.alpha is not None
    assert (again.alpha[0, 0], again.alpha[0, -1]) == (0, 100)


def test_gray_becomes_coloured_where_it_must() -> None:
    gray = np.arange(256, dtype=np.uint8)[None, :, None]
    assert replace_colour(Image(gray), "#ffffff", "#000000", 10).is_gray
    red = replace_colour(Image(gray), "#ffffff", "#ff0000", 10)
    assert red.pixels[0, 255].tolist() == [255, 0, 0]
    assert red.pixels[0, 100].tolist() == [100, 100, 100]


@pytest.mark.parametrize("factor", [1, 257])
def test_colours_are_srgb_whatever_the_profile_and_depth(factor: int) -> None:
    pixels = np.full((2, 2, 3), 255, np.uint8 if factor == 1 else np.uint16) * factor
    result = replace_colour(Image(pixels.astype(np.uint8 if factor == 1 else np.uint16), icc=wide_gamut_profile()), "#ffffff", "#00ff00", 5)
    assert result.bit_depth == (8 if factor == 1 else 16)
    assert np.abs(result.srgb()[0, 0].astype(int) - (0, 255, 0)).max() <= 3
    assert result.icc == wide_gamut_profile()
