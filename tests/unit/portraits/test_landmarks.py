"""The points of a face, and the top of the hair."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.portraits.landmarks import portrait_of

SIZE = (400, 600)


def mesh(forehead: float = 250, chin: float = 400) -> np.ndarray:
    """A face in the middle, 120 wide."""
    points = np.full((468, 2), (200.0, 330.0), np.float32)
    places = {10: (200, forehead), 152: (200, chin), 1: (200, 340), 234: (140, 320), 454: (260, 320)}
    places |= {33: (160, 310), 133: (180, 310), 159: (170, 306), 145: (170, 314), 263: (240, 310), 362: (220, 310)}
    places |= {386: (230, 306), 374: (230, 314)}
    for number, place in places.items():
        points[number] = place
    return points


def matte(top: int, dtype: type = np.uint8) -> np.ndarray:
    alpha: np.ndarray = np.zeros((SIZE[1], SIZE[0]), dtype)
    alpha[top:, 120:280] = np.iinfo(dtype).max
    return alpha


def test_points_are_shares_of_the_picture() -> None:
    told = portrait_of(mesh(), matte(200), SIZE).to_dict()
    assert (told["imageWidth"], told["imageHeight"], told["crownCut"]) == (400, 600, False)
    landmarks = told["landmarks"]
    assert isinstance(landmarks, dict)
    assert landmarks.keys() == {"leftEye", "rightEye", "eyeCenter", "chin", "forehead", "crown", "nose", "faceCenterX"}
    assert landmarks["leftEye"] == {"x": 230 / 400, "y": pytest.approx(310 / 600, abs=1e-5)}
    assert landmarks["rightEye"]["x"] == 170 / 400
    assert landmarks["eyeCenter"]["x"] == landmarks["faceCenterX"] == 0.5
    assert landmarks["chin"]["y"] == pytest.approx((400 + 0.02 * 150) / 600, abs=1e-5)
    assert landmarks["crown"]["y"] == pytest.approx(200 / 600, abs=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_crown_is_the_top_of_the_hair(dtype: type) -> None:
    assert portrait_of(mesh(), matte(203, dtype), SIZE).points["crown"][1] == pytest.approx(203, abs=0.51)
    soft = matte(203, dtype)
    soft[202] = soft[203] // 2
    assert portrait_of(mesh(), soft, SIZE).points["crown"][1] == pytest.approx(202.5, abs=0.51)


def test_single_hairs_and_what_is_beside_do_not_count() -> None:
    alpha = matte(203)
    alpha[100:203, 190:200] = 255
    alpha[:, 20:100] = 255
    assert portrait_of(mesh(), alpha, SIZE).points["crown"][1] == pytest.approx(203, abs=0.51)


def test_the_crown_may_be_beside_the_middle() -> None:
    alpha = matte(203)
    alpha[190:203, 165:185] = 255
    assert portrait_of(mesh(), alpha, SIZE).points["crown"][1] == pytest.approx(190, abs=0.51)


def test_hair_up_to_the_edge_is_cut() -> None:
    portrait = portrait_of(mesh(50, 200), matte(0), SIZE)
    assert portrait.crown_cut
    assert portrait.points["crown"][1] == 0
    # The forehead is at the edge: the crown is guessed above it.
    assert portrait_of(mesh(10, 160), matte(0), SIZE).points["crown"][1] == pytest.approx(10 - 0.24 * 150)


@pytest.mark.parametrize("alpha", [None, np.zeros((600, 400), np.uint8), np.full((600, 400), 255, np.uint8), matte(230)])
def test_without_a_plausible_end_of_the_matte_the_crown_is_where_it_usually_is(alpha: np.ndarray | None) -> None:
    portrait = portrait_of(mesh(), alpha, SIZE)
    assert portrait.points["crown"][1] == pytest.approx(250 - 0.24 * 150)
    assert not portrait.crown_cut
    assert not portrait.crown_seen
    assert portrait_of(mesh(), matte(200), SIZE).crown_seen


@pytest.mark.parametrize(("nose", "turned"), [(200, False), (185, False), (175, True), (225, True)])
def test_a_face_that_looks_to_one_side(nose: float, turned: bool) -> None:
    points = mesh()
    points[1] = (nose, 340)
    assert portrait_of(points, None, SIZE).turned is turned


def test_a_face_beyond_the_picture() -> None:
    outside = mesh() - np.float32(1000)
    assert portrait_of(outside, matte(10), SIZE).crown_cut
