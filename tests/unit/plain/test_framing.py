"""Frames: what the picture was stays, and what is around it is as the parameters say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from darkroom.operations.v1.border_pb2 import Border
from services.inference.media import Image
from services.inference.plain.framing import add_frame
from services.pictures.geometry import bordering
from tests.unit.imaging.pictures import gray_profile, wide_gamut_profile
from tests.unit.plain.pictures import KINDS, kind

NO_CHECK: Callable[[], None] = lambda: None  # noqa: E731


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_margin_and_border_surround_the_picture(gray: bool, alpha: bool, deep: bool) -> None:
    image = kind(gray, alpha, deep)
    made = add_frame(image, Border(width=3, color="#ff0000", margin=2, margin_color="#ffffff"), NO_CHECK)
    assert (made.width, made.height) == (32 + 10, 24 + 10)
    assert (made.bit_depth, made.is_gray) == (image.bit_depth, False)
    scale = made.maximum // 255
    assert (made.pixels[:3] == np.array([255, 0, 0]) * scale).all()
    assert (made.pixels[3:5, 3:-3] == 255 * scale).all()
    inner = made.pixels[5:-5, 5:-5]
    assert np.array_equal(inner, np.broadcast_to(image.pixels, inner.shape))
    assert (made.alpha is None) == (image.alpha is None)
    if made.alpha is not None and image.alpha is not None:
        assert (made.alpha[:5] == made.maximum).all()
        assert np.array_equal(made.alpha[5:-5, 5:-5], image.alpha)


def test_a_gray_picture_stays_gray_where_its_frame_is() -> None:
    made = add_frame(kind(True, False, False), Border(width=1, color="#808080", margin=1, margin_color="#ffffff"), NO_CHECK)
    assert made.is_gray
    assert made.pixels[0, 0, 0] == 0x80
    profiled = Image(kind(True, False, False).pixels, icc=gray_profile())
    made = add_frame(profiled, Border(width=1, color="#808080", margin=1, margin_color="#ff0000"), NO_CHECK)
    assert (made.is_gray, made.icc) == (False, None)
    assert made.pixels[0, 0].tolist() == [0x80] * 3
    assert made.pixels[1, 1].tolist() == [255, 0, 0]


def test_colours_are_those_of_the_pictures_profile() -> None:
    made = add_frame(Image(kind(False, False, False).pixels, icc=wide_gamut_profile()), Border(width=1, color="#ff0000"), NO_CHECK)
    assert made.icc == wide_gamut_profile()
    # sRGB's red lies within Display P3.
    assert made.pixels[0, 0, 0] in range(225, 245)
    assert made.pixels[0, 0, 1] in range(40, 65)


def test_nothing_asked_for_changes_nothing() -> None:
    image = kind(False, True, False)
    assert add_frame(image, Border(), NO_CHECK) is image


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
@pytest.mark.parametrize("radius", [1, 5, 12, 500])
def test_corners_are_round(gray: bool, alpha: bool, deep: bool, radius: int) -> None:
    image = kind(gray, alpha, deep)
    made = add_frame(image, Border(corner_radius=radius), NO_CHECK)
    assert np.array_equal(made.pixels, image.pixels)
    assert made.alpha is not None
    before = np.full((24, 32), image.maximum) if image.alpha is None else image.alpha
    if radius > 1:
        assert made.alpha[0, 0] == 0
    else:
        assert 0 < made.alpha[0, 0] < image.maximum
    assert made.alpha[12, 0] == pytest.approx(int(before[12, 0]), rel=0.02)
    assert np.array_equal(made.alpha, made.alpha[::-1])
    if not alpha:
        assert np.array_equal(made.alpha, made.alpha[:, ::-1])
        cut = 1 - made.alpha.astype(float).mean() / made.maximum
        reach = min(radius, 12)
        assert cut * 24 * 32 == pytest.approx((4 - np.pi) * reach**2, abs=0.03 * reach**2 + 0.6)


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_border_and_margin_are_as_wide_on_the_arcs_as_elsewhere(gray: bool, alpha: bool, deep: bool) -> None:
    image = kind(gray, alpha, deep)
    made = add_frame(image, Border(width=3, color="#ff0000", margin=4, margin_color="#0000ff", corner_radius=15), NO_CHECK)
    assert made.alpha is not None
    # From the centre of an arc, 15 pixels into the frame, outwards on the diagonal.
    seen = [
        (made.pixels[at, at] // (made.maximum // 255), made.alpha[at, at]) for at in (15 - round(r / np.sqrt(2)) for r in (6, 10, 13.5, 17))
    ]
    assert np.array_equal(seen[0][0] * (made.maximum // 255), np.broadcast_to(image.pixels[4, 4], 3))
    assert (seen[1][0].tolist(), seen[1][1]) == ([0, 0, 255], made.maximum)
    assert (seen[2][0].tolist(), seen[2][1]) == ([255, 0, 0], made.maximum)
    assert seen[3][1] == 0
    # Away from the corners nothing has changed.
    middle = made.pixels[7:-7, 15:-15]
    assert np.array_equal(middle, np.broadcast_to(image.pixels[:, 8:-8], middle.shape))


@pytest.mark.parametrize("sides", [(1, 1), (1, 7), (3, 3), (5, 8)])
def test_odd_and_tiny_pictures_have_frames(sides: tuple[int, int]) -> None:
    image = Image(np.full((*sides, 3), 90, np.uint8))
    parameters = Border(width=2, corner_radius=2000, shadow=True, shadow_blur=3, shadow_offset_x=2, shadow_opacity=50)
    made = add_frame(image, parameters, NO_CHECK)
    assert (made.width, made.height) == bordering(parameters, sides[1], sides[0]).canvas
    assert made.alpha is not None
    assert made.alpha[made.height // 2].max() == 255


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
def test_a_shadow_lies_behind(gray: bool, alpha: bool, deep: bool) -> None:
    image = kind(gray, alpha, deep)
    made = add_frame(image, Border(shadow=True, shadow_blur=4, shadow_offset_x=3, shadow_offset_y=5), NO_CHECK)
    assert (made.width, made.height) == (32 + 16, 24 + 16)
    assert made.alpha is not None
    left, top = 8 - 3, 8 - 5
    rows, columns = slice(top, top + 24), slice(left, left + 32)
    whole = np.full((24, 32), True) if image.alpha is None else image.alpha == image.maximum
    assert np.array_equal(made.pixels[rows, columns][whole], image.pixels[whole])
    assert (made.alpha[rows, columns][whole] == image.maximum).all()
    # Below the picture the shadow shows, no more opaque than asked, and fades out to the edge.
    below = made.alpha[top + 24 :, left + 8].astype(float) / made.maximum
    assert 0.15 < below[0] < 0.4
    assert (np.diff(below) <= 0).all()
    assert below[-1] < 0.03
    assert (made.pixels[-1] == 0).all()


def test_a_shadow_without_blur_is_the_picture_moved() -> None:
    image = Image(np.full((4, 6, 3), 255, np.uint8))
    shadow = Border(shadow=True, shadow_offset_x=2, shadow_offset_y=1, shadow_color="#102030", shadow_opacity=100)
    made = add_frame(image, shadow, NO_CHECK)
    assert (made.width, made.height) == (8, 5)
    assert made.alpha is not None
    assert (made.alpha[:4, :6] == 255).all()
    assert (made.alpha[1:, 6:] == 255).all()
    assert made.pixels[4, 7].tolist() == [0x10, 0x20, 0x30]
    assert (made.alpha[0, 6:] == 0).all()
    assert (made.alpha[4, :2] == 0).all()


def test_what_is_half_transparent_lets_the_shadow_through() -> None:
    image = Image(np.full((9, 9, 3), 255, np.uint8), np.full((9, 9), 128, np.uint8))
    made = add_frame(image, Border(shadow=True, shadow_opacity=100), NO_CHECK)
    assert made.alpha is not None
    # 0.5 of white over 0.5 of black, of which 0.5 is left: three quarters opaque, two thirds of that white.
    assert int(made.alpha[4, 4]) == pytest.approx(191, abs=2)
    assert int(made.pixels[4, 4, 0]) == pytest.approx(170, abs=2)


@pytest.mark.parametrize("sigma", [1, 2.5, 15, 60])
def test_the_blur_is_as_wide_as_asked(sigma: float) -> None:
    side = 301
    image = Image(np.zeros((side, side, 1), np.uint8))
    made = add_frame(image, Border(shadow=True, shadow_blur=sigma, shadow_opacity=100), NO_CHECK)
    assert made.alpha is not None
    reach = (made.height - side) // 2
    # The edge of the picture, where half of the shadow is left, and twice the standard deviation outside of it.
    below = made.alpha[reach + side :, made.width // 2].astype(float) / 255
    assert below[0] == pytest.approx(0.5 - 0.5 / sigma * 0.4, abs=0.04)
    assert below[-1] == pytest.approx(0.0228, abs=0.025)
