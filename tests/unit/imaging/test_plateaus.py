"""Even opacity below full inside a subject: made solid where nothing shows through, and only there."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.matting.plateaus import with_solid_plateaus
from tests.unit.imaging.pictures import blend, hair

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

SIDE = 512
SUBJECT, PLATEAU = (slice(100, 400), slice(120, 380)), (slice(240, 400), slice(120, 380))
PAPER = (200, 205, 215)


def alpha_with_a_plateau(level: float = 0.8) -> Pixels8:
    """A subject whose lower half the model is less sure of, with outlines of a few pixels."""
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[SUBJECT] = 1
    alpha[PLATEAU] = level
    return np.round(cv2.GaussianBlur(alpha, (0, 0), 2) * 255).astype(np.uint8)


def pattern(seed: int, colour: tuple[int, int, int], contrast: float) -> Floats:
    """Blotches a few pixels wide around a colour, 0 to 1."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((SIDE, SIDE, 1)).astype(np.float32), (0, 0), 1.5)
    return np.asarray((np.array(colour, np.float32) / 255 + contrast * noise[..., None]).clip(0, 1), np.float32)


def picture_of(background: Floats, subject: Floats, plateau: Floats) -> Pixels8:
    picture = background.copy()
    picture[SUBJECT] = subject[SUBJECT]
    picture[PLATEAU] = plateau[PLATEAU]
    return np.round(picture * 255).astype(np.uint8)


PAPERY, FUR, LAWN = pattern(1, PAPER, 0.01), pattern(2, (150, 110, 80), 0.4), pattern(3, (70, 120, 50), 0.6)
RED, BLACK = pattern(4, (190, 30, 30), 0.01), pattern(5, (25, 25, 28), 0.01)
GLASS = np.asarray(0.3 * np.array([0.4, 0.6, 0.5], np.float32) + 0.7 * LAWN, np.float32)
CLEAR = np.asarray(0.3 * np.array([0.4, 0.6, 0.5], np.float32) + 0.7 * PAPERY, np.float32)


@pytest.mark.parametrize(
    ("background", "subject", "plateau"),
    [(PAPERY, FUR, FUR), (PAPERY, RED, FUR), (LAWN, BLACK, BLACK), (PAPERY, RED, RED)],
    ids=["fur as above it", "another fur", "black trousers on a lawn", "plain, of one colour"],
)
@pytest.mark.parametrize("level", [0.75, 0.9])
def test_what_hides_the_background_becomes_solid(background: Floats, subject: Floats, plateau: Floats, level: float) -> None:
    alpha = alpha_with_a_plateau(level)
    solid = with_solid_plateaus(alpha, picture_of(background, subject, plateau))
    inner = slice(250, 390), slice(130, 370)
    assert (alpha[inner] < 240).all()
    assert (solid[inner] == 255).all()


def test_the_outline_of_a_plateau_keeps_its_place() -> None:
    alpha = alpha_with_a_plateau()
    solid = with_solid_plateaus(alpha, picture_of(PAPERY, FUR, FUR))
    # The row through the plateau looks as one through what the model was sure of.
    assert np.abs(solid[320].astype(int) - alpha[150]).max() <= 24
    assert (solid[:60] == 0).all()


@pytest.mark.parametrize(("background", "glass"), [(LAWN, GLASS), (PAPERY, CLEAR)], ids=["before a lawn", "before paper"])
def test_glass_stays_as_it_is(background: Floats, glass: Floats) -> None:
    alpha = alpha_with_a_plateau()
    assert np.array_equal(with_solid_plateaus(alpha, picture_of(background, RED, glass)), alpha)


def test_smoke_stays_as_it_is() -> None:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    density = np.exp(-((np.hypot(x - 256, y - 256) / 150) ** 2)).astype(np.float32)
    alpha = np.round(density * 255).astype(np.uint8)
    picture = blend(pattern(6, (230, 230, 230), 0.1), PAPERY, density)
    assert np.array_equal(with_solid_plateaus(alpha, picture), alpha)


@pytest.mark.parametrize("smear", [1.0, 4.0])
def test_hair_stays_as_it_is(smear: float) -> None:
    strands = hair(SIDE, SIDE)
    alpha = np.round(cv2.GaussianBlur(strands, (0, 0), smear) * 255).astype(np.uint8)
    assert np.array_equal(with_solid_plateaus(alpha, blend(FUR, PAPERY, strands)), alpha)


def test_what_is_sure_stays_as_it_is() -> None:
    alpha = alpha_with_a_plateau(1.0)
    assert np.array_equal(with_solid_plateaus(alpha, picture_of(PAPERY, FUR, FUR)), alpha)
