"""Cut-outs over colours and pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.matting.backdrop import over_colour, over_picture
from services.inference.media import Image
from tests.unit.imaging.pictures import deep_photo, gray_profile, photo, wide_gamut_profile


def ramp(maximum: int = 255) -> np.ndarray:
    """Alpha from none on the left to full on the right, of photo()'s size."""
    return np.round(np.tile(np.linspace(0, maximum, 160), (120, 1))).astype(np.uint8 if maximum == 255 else np.uint16)


def test_a_colour_shows_where_the_cut_out_is_empty_and_not_where_it_is_full() -> None:
    laid = over_colour(Image(photo(), ramp()), 10, 200, 30)
    assert laid.alpha is None
    assert (laid.pixels[:, 0] == (10, 200, 30)).all()
    assert np.array_equal(laid.pixels[:, -1], photo()[:, -1])
    middle = (photo()[:, 80].astype(float) * ramp()[:, 80, None] + np.array([10, 200, 30]) * (255 - ramp()[:, 80, None])) / 255
    assert np.abs(laid.pixels[:, 80] - middle).max() <= 0.5


def test_a_colour_is_the_same_to_the_eye_in_another_profile() -> None:
    laid = over_colour(Image(photo(), ramp(), icc=wide_gamut_profile()), 255, 40, 0)
    assert laid.icc == wide_gamut_profile()
    assert laid.pixels[0, 0].tolist() != [255, 40, 0]
    assert np.abs(laid.srgb()[0, 0].astype(int) - (255, 40, 0)).max() <= 2


def test_sixteen_bits_and_gray() -> None:
    deep = over_colour(Image(deep_photo(), ramp(65535)), 255, 128, 0)
    assert deep.pixels.dtype == np.uint16
    assert deep.pixels[0, 0].tolist() == [65535, 128 * 257, 0]
    gray = Image(np.ascontiguousarray(photo()[..., :1]), ramp())
    assert over_colour(gray, 255, 255, 255).is_gray
    assert over_colour(gray, 255, 0, 0).pixels[0, 0].tolist() == [255, 0, 0]


def test_a_gray_profile_that_no_colour_can_be_given_in_becomes_srgb() -> None:
    image = Image(np.ascontiguousarray(photo()[..., :1]), ramp(), icc=gray_profile())
    laid = over_colour(image, 1, 2, 3)
    assert laid.icc is None
    assert laid.pixels[0, 0].tolist() == [1, 2, 3]
    assert np.array_equal(laid.pixels[:, -1], image.srgb()[:, -1])


def quarters(height: int, width: int) -> np.ndarray:
    """Red and green above blue and white."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2, 0] = pixels[: height // 2, width // 2 :, 1] = pixels[height // 2 :, : width // 2, 2] = 255
    pixels[height // 2 :, width // 2 :] = 255
    return pixels


@pytest.mark.parametrize(("height", "width"), [(60, 200), (900, 400), (7, 5), (120, 160)])
def test_a_picture_covers_the_cut_out_and_is_cut_off_evenly(height: int, width: int) -> None:
    laid = over_picture(Image(photo(), ramp() // 255 * 255), Image(quarters(height, width)))
    assert laid.alpha is None
    assert laid.pixels.shape == (120, 160, 3)
    corners = [laid.pixels[y, x].tolist() for y, x in ((5, 5), (5, 150), (115, 5), (115, 150))]
    for seen, colour in zip(corners, ([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]), strict=True):
        # Interpolation swings a little beyond an edge.
        assert np.abs(np.subtract(seen, colour)).max() <= 8
    assert np.array_equal(laid.pixels[:, -1], photo()[:, -1])


def test_a_picture_is_the_same_to_the_eye_in_another_profile() -> None:
    backdrop = cv2.GaussianBlur(photo(240, 320), (0, 0), 3)
    wide, narrow = Image(photo(240, 320), np.zeros((240, 320), np.uint8), icc=wide_gamut_profile()), Image(backdrop)
    laid = over_picture(wide, narrow)
    assert laid.icc == wide_gamut_profile()
    assert not np.array_equal(laid.pixels, backdrop)
    assert np.abs(laid.srgb().astype(int) - backdrop).max() <= 3
    # The same profile on both sides: not a bit is changed.
    assert np.array_equal(over_picture(wide, Image(backdrop, icc=wide_gamut_profile())).pixels, backdrop)


def test_pictures_of_other_depths_and_of_gray() -> None:
    deep = over_picture(Image(deep_photo(), ramp(65535)), Image(photo()))
    assert deep.pixels[0, 0].tolist() == (photo()[0, 0].astype(int) * 257).tolist()
    assert over_picture(Image(deep_photo(), np.zeros((120, 160), np.uint16)), Image(deep_photo())).pixels.tolist() == deep_photo().tolist()
    shallow = over_picture(Image(photo(), ramp()), Image(deep_photo()))
    assert shallow.pixels.dtype == np.uint8
    gray, other = Image(np.ascontiguousarray(photo()[..., :1]), ramp()), Image(np.full((30, 40, 1), 7, np.uint8))
    assert over_picture(gray, other).is_gray
    assert over_picture(gray, other).pixels[0, 0].tolist() == [7]
    coloured = over_picture(gray, Image(np.full((30, 40, 3), (1, 2, 3), np.uint8)))
    assert coloured.pixels[0, 0].tolist() == [1, 2, 3]
    assert np.array_equal(coloured.pixels[:, -1], np.repeat(photo()[:, -1, :1], 3, axis=1))


def test_where_the_picture_is_transparent_so_is_the_result() -> None:
    clear = np.full((120, 160), 255, np.uint8)
    clear[:60] = 0
    hidden = np.full((120, 160, 3), (0, 90, 200), np.uint8)
    hidden[:60] = (255, 0, 0)
    laid = over_picture(Image(photo(), ramp()), Image(hidden, clear))
    assert laid.alpha is not None
    assert np.array_equal(laid.alpha[:50], ramp()[:50])
    assert (laid.alpha[70:] == 255).all()
    assert np.array_equal(laid.pixels[:50, 80], photo()[:50, 80])
    enlarged = over_picture(Image(np.zeros((240, 320, 3), np.uint8), np.zeros((240, 320), np.uint8)), Image(hidden, clear))
    # Nothing of the hidden red bleeds into what is seen.
    assert enlarged.pixels[..., 0].max() <= 1
