from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.faces.mesh import Iris
from services.inference.faces.red_eyes import correct_red_eyes, count_red_eyes
from services.inference.media import Image

SKIN, WHITE, BLUE, RED, GLINT = (215, 165, 140), (235, 230, 228), (70, 110, 150), (205, 40, 45), (255, 252, 250)
BROWN, AMBER = (110, 62, 30), (160, 110, 50)
X, Y, RADIUS = 60.0, 50.0, 16.0
PUPIL = 9


def opening(x: float = X, y: float = Y) -> np.ndarray:
    angles = np.arange(16) * 2 * np.pi / 16
    return np.stack([x + 34 * np.cos(angles), y + 15 * np.sin(angles)], axis=1).astype(np.float32)


def eye(pupil: tuple[int, int, int], iris: tuple[int, int, int] = BLUE, ground: tuple[int, int, int] = SKIN) -> np.ndarray:
    """An open eye with a glint in its pupil, seen from near."""
    pixels = np.full((100, 120, 3), ground, np.uint8)
    cv2.fillPoly(pixels, [np.round(opening()).astype(np.int32)], WHITE)
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(opening()).astype(np.int32)], 1)
    for radius, colour in ((round(RADIUS), iris), (PUPIL, pupil)):
        disc = np.zeros(pixels.shape[:2], np.uint8)
        cv2.circle(disc, (60, 50), radius, 1, -1)
        pixels[(disc & inside) > 0] = colour
    pixels[45:48, 61:64] = GLINT
    return pixels


IRIS = Iris(X, Y, RADIUS, opening())


def pupil_of(pixels: np.ndarray) -> np.ndarray:
    """The pixels well within the pupil that are no glint."""
    rows, columns = np.mgrid[:100, :120]
    inside = np.hypot(rows - 50, columns - 60) < PUPIL - 2
    inside[42:51, 58:67] = False
    return pixels[inside].astype(int)


def test_a_red_pupil_becomes_dark_and_neutral_and_its_glint_stays() -> None:
    before = eye(RED)
    image, count = correct_red_eyes(Image(before), [IRIS], 0.5, 1)
    assert count == 1
    pupil = pupil_of(image.pixels)
    assert pupil.max() < 60
    assert np.ptp(pupil, axis=1).max() < 10
    assert (image.pixels[46, 62] == GLINT).all()
    rows, columns = np.mgrid[:100, :120]
    elsewhere = np.hypot(rows - 50, columns - 60) > RADIUS
    assert (image.pixels[elsewhere] == before[elsewhere]).all()
    assert (Image(before).pixels == eye(RED)).all()


@pytest.mark.parametrize("iris", [BLUE, BROWN])
@pytest.mark.parametrize("pupil", [(235, 70, 60), (110, 22, 24), (230, 120, 60), (240, 130, 140), (240, 190, 80)])
def test_every_colour_that_a_flash_makes_goes(pupil: tuple[int, int, int], iris: tuple[int, int, int]) -> None:
    before = eye(pupil, iris)
    image, count = correct_red_eyes(Image(before), [IRIS], 0.5, 1)
    assert count == 1
    made = pupil_of(image.pixels)
    assert made.max() < 60
    assert np.ptp(made, axis=1).max() < 10
    assert (image.pixels[46, 62] == GLINT).all()


def test_a_glint_that_is_tinted_stays_without_its_tint() -> None:
    before = eye(RED)
    before[45:48, 61:64] = (255, 170, 175)
    glint = correct_red_eyes(Image(before), [IRIS], 0.5, 1)[0].pixels[46, 62].astype(int)
    assert glint.min() > 130
    assert np.ptp(glint) < 25


def test_strength_is_how_much_of_the_red_goes() -> None:
    reds = [pupil_of(correct_red_eyes(Image(eye(RED)), [IRIS], 0.5, strength)[0].pixels)[:, 0].mean() for strength in (0, 0.5, 0.7, 1)]
    assert reds[0] == RED[0]
    least = reds[3]
    assert reds[1] == pytest.approx(least + (RED[0] - least) / 4, abs=2)
    assert reds[2] == pytest.approx(least + (RED[0] - least) * 0.09, abs=2)


def test_wide_samples_and_alpha() -> None:
    alpha = np.full((100, 120), 40000, np.uint16)
    image, count = correct_red_eyes(Image(eye(RED).astype(np.uint16) * 257, alpha), [IRIS], 0.5, 1)
    assert count == 1
    assert pupil_of(image.pixels).max() < 60 * 257
    assert image.alpha is alpha


@pytest.mark.parametrize(
    ("pupil", "iris"), [((25, 22, 24), BLUE), ((25, 22, 24), BROWN), ((25, 22, 24), AMBER), (BROWN, BROWN), ((60, 90, 60), BLUE)]
)
def test_an_eye_that_is_not_red_stays(pupil: tuple[int, int, int], iris: tuple[int, int, int]) -> None:
    picture = Image(eye(pupil, iris))
    image, count = correct_red_eyes(picture, [IRIS], 0.5, 1)
    assert count == 0
    assert image is picture


def test_red_around_the_eye_stays() -> None:
    picture = Image(eye((25, 22, 24), ground=RED))
    assert correct_red_eyes(picture, [IRIS], 1, 1) == (picture, 0)


def test_a_red_stripe_is_no_pupil() -> None:
    pixels = eye((25, 22, 24))
    pixels[49:52, 30:90] = RED
    assert correct_red_eyes(Image(pixels), [IRIS], 0.5, 1)[1] == 0


def test_pale_red_needs_more_sensitivity() -> None:
    pale = eye((160, 100, 102), ground=(150, 120, 105))
    counts = [correct_red_eyes(Image(pale), [IRIS], sensitivity, 1)[1] for sensitivity in (0, 0.5, 1)]
    assert counts == [0, 0, 1]
    assert count_red_eyes(Image(pale), [IRIS]) == 1


def test_skin_where_a_lid_is_closed_stays() -> None:
    warm = np.full((100, 120, 3), (230, 130, 70), np.uint8)
    assert count_red_eyes(Image(warm), [IRIS]) == 0


def test_both_eyes_count_and_those_outside_do_not() -> None:
    two = np.concatenate([eye(RED), eye(RED)], axis=1)
    other = Iris(X + 120, Y, RADIUS, opening(X + 120))
    outside = Iris(-500.0, Y, RADIUS, opening(-500))
    tiny = Iris(X, Y, 0.5, opening())
    image, count = correct_red_eyes(Image(two), [IRIS, other, outside, tiny], 0.5, 1)
    assert count == 2
    assert pupil_of(image.pixels[:, 120:]).max() < 60


def test_gray_has_no_red() -> None:
    picture = Image(eye(RED)[..., :1])
    assert correct_red_eyes(picture, [IRIS], 1, 1) == (picture, 0)
