"""Cropping to what a picture shows, trimming, enhancing, and carving."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.inference.media import Image
from services.inference.plain import focus
from services.inference.plain.carving import Box, Energy, look, plan_seams, together
from services.inference.plain.carving import carve as carved
from services.inference.plain.enhancing import MODES, Plan, enhance, plan_corrections
from services.inference.plain.faces import Face
from services.inference.plain.measuring import corrections, issues, measure_picture, scores
from services.pictures.geometry import Area
from tests.unit.imaging.pictures import photo

ENERGY = Energy(0, 2)


def carve(pixels: np.ndarray, size: tuple[int, int], *protected: Box) -> np.ndarray:
    image = Image(pixels)
    plan = plan_seams(look(image, ENERGY, protected), size, lambda: None, lambda done: None)
    return carved(image, plan, lambda: None).pixels


def mended(pixels: np.ndarray, intensity: float = 1.0, mode: str = "auto") -> np.ndarray:
    image = Image(pixels)
    return enhance(image, plan_corrections(measure_picture(image), mode, intensity, ()), lambda: None, lambda done: None).pixels


def striped() -> np.ndarray:
    """Columns of noise in the middle of a plain."""
    pixels = np.full((40, 60, 3), 90, np.uint8)
    pixels[:, 25:35] = np.random.default_rng(5).integers(0, 256, (40, 10, 3))
    return pixels


def test_seams_leave_what_is_busy() -> None:
    pixels = striped()
    made = carve(pixels, (30, 40))
    assert any(np.array_equal(made[:, left : left + 10], pixels[:, 25:35]) for left in range(21))


def test_seams_are_put_in_where_it_is_calm() -> None:
    pixels = striped()
    made = carve(pixels, (80, 40))
    assert any(np.array_equal(made[:, left : left + 10], pixels[:, 25:35]) for left in range(71))


@pytest.mark.parametrize("size", [(1, 1), (60, 40), (61, 39), (300, 7), (12, 200)])
def test_every_size_can_be_made(size: tuple[int, int]) -> None:
    assert carve(striped(), size).shape == (size[1], size[0], 3)


def test_what_is_protected_stays() -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (30, 60, 3)).astype(np.uint8)
    pixels[:, :20] = 90
    made = carve(pixels, (45, 30), Box(0, 0, 1 / 3, 1))
    assert np.array_equal(made[:, :20], pixels[:, :20])


def test_frames_lose_the_same_and_keep_what_any_of_them_shows() -> None:
    first, second = striped(), np.roll(striped(), 20, 1)
    images = [Image(first), Image(second)]
    plan = plan_seams(together([look(image, ENERGY, ()) for image in images]), (30, 40), lambda: None, lambda done: None)
    for image, left in zip(images, (25, 45), strict=True):
        made = carved(image, plan, lambda: None).pixels
        assert any(np.array_equal(made[:, at : at + 10], image.pixels[:, left : left + 10]) for at in range(21))


def test_a_large_picture_is_carved_as_a_small_one() -> None:
    large = np.kron(striped(), np.ones((20, 20, 1), np.uint8))
    made = carve(large, (800, 800))
    assert made.shape == (800, 800, 3)
    kept = (made.astype(int) != 90).any(axis=2).mean(axis=0)
    assert (kept > 0.9).sum() >= 180


def test_a_window_has_the_ratio() -> None:
    assert focus.window(Image(photo()), (30, 30)) == (120, 120)
    assert focus.window(Image(photo()), (320, 60)) == (160, 30)


def test_a_crop_around_a_face_is_a_multiple_of_it() -> None:
    image = Image(np.zeros((1000, 1000, 3), np.uint8))
    area = focus.on_faces(image, (100, 100), [Face(450, 450, 100, 100)], 1.8, 0)
    assert (area.left, area.top, area.width, area.height) == (410, 410, 180, 180)
    assert focus.on_faces(image, (100, 100), [Face(0, 0, 100, 100)], 2.8, 0).left == 0
    assert focus.on_faces(image, (100, 100), [Face(450, 450, 100, 100)], 7, 0.5).width == 1000


def test_what_is_within_edges_is_found() -> None:
    framed = np.full((50, 60, 3), 255, np.uint8)
    framed[10:20, 30:50] = 7
    assert focus.content(Image(framed), 30) == Area(30, 10, 20, 10)
    hidden = np.zeros((50, 60), np.uint8)
    hidden[10:20, 30:50] = 255
    assert focus.content(Image(np.zeros((50, 60, 3), np.uint8), hidden), 30) == Area(30, 10, 20, 10)


@pytest.mark.parametrize("mode", MODES)
def test_intensity_0_changes_nothing(mode: str) -> None:
    assert plan_corrections(measure_picture(Image(photo())), mode, 0, ()) == Plan()


@pytest.mark.parametrize("damage", [lambda values: values * 0.3, lambda values: values * 0.3 + 90])
def test_a_damaged_picture_comes_nearer_to_what_it_was(damage: Callable[[np.ndarray], np.ndarray]) -> None:
    whole = photo().astype(float)
    bad = damage(whole).round().astype(np.uint8)
    assert np.square(mended(bad) - whole).mean() < np.square(bad - whole).mean()


def test_noise_becomes_less() -> None:
    flat = np.full((200, 200, 3), 120.0)
    flat[:, 100:] = 180
    noisy = np.clip(flat + np.random.default_rng(7).normal(0, 12, flat.shape), 0, 255).astype(np.uint8)
    image = Image(noisy)
    others = ("exposure", "contrast", "white_balance", "saturation", "sharpness")
    made = enhance(image, plan_corrections(measure_picture(image), "auto", 1.0, others), lambda: None, lambda done: None).pixels
    assert np.square(made - flat).mean() < np.square(noisy - flat).mean() / 2


def test_a_dark_picture_is_told() -> None:
    told = scores(measure_picture(Image((photo() * 0.2).astype(np.uint8))))
    assert told["exposure"] < 30
    assert corrections(told)["brightness"] > 0
    assert "The picture is too dark." in issues(told)
