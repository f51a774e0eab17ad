"""Painted checkerboards, plain backgrounds and fringes made transparent."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from services.inference.media import Image
from services.inference.transparency.checkerboard import find
from services.inference.transparency.defringing import defringe_edges, fringe_colour
from services.inference.transparency.fixing import FixedTransparency, fix_transparency
from tests.unit.imaging.pictures import photo

Array = np.ndarray[Any, Any]
HEIGHT, WIDTH = 300, 400
FRONT = (200.0, 60.0, 40.0)


def go_on() -> None:
    """Never stop."""


def squares(side: float, light: int, dark: int, shift: float = 0, height: int = HEIGHT, width: int = WIDTH) -> Array:
    rows, columns = np.mgrid[:height, :width]
    even = (np.floor((rows + shift) / side) + np.floor((columns + 2 * shift) / side)) % 2 == 0
    return np.where(even[..., None], light, dark) * np.ones(3)


def ring(softness: float = 1.5) -> Array:
    """Opacity of a ring, whose hole shows what is behind."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2)
    return np.clip(np.minimum(110 - away, away - 35) / softness + 0.5, 0, 1)


def mixed(share: Array, ground: Array, front: Any = FRONT) -> Array:
    return np.round(front * share[..., None] + ground * (1 - share[..., None])).astype(np.uint8)


def compressed(pixels: Array, quality: int) -> Array:
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(PillowImage.open(file))


def fix(pixels: Array, alpha: Array | None = None, defringe: float = 0.3) -> FixedTransparency | None:
    return fix_transparency(Image(pixels, alpha), defringe, go_on)


def opacity(found: FixedTransparency | None) -> Array:
    assert found is not None
    assert found.image.alpha is not None
    return found.image.alpha / 255


@pytest.mark.cases(5)
@pytest.mark.parametrize("side", [4, 8, 10.0, 12.4, 16, 23.7, 40])
@pytest.mark.parametrize(("light", "dark"), [(255, 204), (255, 239), (102, 77), (192, 128)])
def test_the_grid_is_found(side: float, light: int, dark: int) -> None:
    found = find(mixed(ring(), squares(side, light, dark, 2.5)), go_on)
    assert found is not None
    for axis, length in ((found.across, WIDTH), (found.down, HEIGHT)):
        # To less than half a pixel at the far end.
        assert abs(axis.side - side) * length / side < 0.8
    assert np.abs(np.array(found.light) - light).max() <= 1
    assert np.abs(np.array(found.dark) - dark).max() <= 1


@pytest.mark.cases(2)
@pytest.mark.parametrize("quality", [None, 95, 80, 60])
@pytest.mark.parametrize("side", [8, 12.4, 20])
def test_a_checkerboard_goes_everywhere(side: float, quality: int | None) -> None:
    share = ring()
    picture = mixed(share, squares(side, 255, 204, 3))
    found = fix(picture if quality is None else compressed(picture, quality))
    assert found is not None
    assert found.way == "checkerboard"
    error = np.abs(opacity(found) - share)
    assert error.mean() < (0.003 if quality is None else 0.016)
    assert (opacity(found)[share == 0] > 0.5).mean() < (0.003 if quality is None else 0.02)
    assert (opacity(found)[share == 1] < 0.5).mean() < 0.003


def test_soft_edges_lose_the_squares() -> None:
    share = ring(softness=10)
    picture = mixed(share, squares(8, 255, 204))
    found = fix(picture)
    assert np.abs(opacity(found) - share).mean() < 0.025
    assert found is not None
    half = (share > 0.4) & (share < 0.95)
    assert np.abs(found.image.pixels[half] - np.array(FRONT)).mean() < 0.75 * np.abs(picture[half] - np.array(FRONT)).mean()


def test_a_part_in_the_colour_of_one_kind_of_square_stays() -> None:
    share = ring()
    white = np.broadcast_to(np.array(FRONT), (HEIGHT, WIDTH, 3)).copy()
    white[60:110, 150:250] = 255
    found = fix(mixed(share, squares(8, 255, 204), white))
    assert (opacity(found)[62:108, 152:248] == 1).all()


@pytest.mark.thorough
def test_in_a_large_picture_the_grid_is_followed_to_its_ends() -> None:
    ground = squares(15.37, 255, 204, 2, 2000, 2600)
    share = cv2.resize(ring(), (2600, 2000))
    found = fix(mixed(share, ground))
    assert found is not None
    assert found.way == "checkerboard"
    assert np.abs(opacity(found) - share).mean() < 0.01


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (30, 160, 90)])
def test_a_plain_background_goes_from_the_border_inwards(colour: tuple[int, int, int]) -> None:
    share = ring()
    noise = np.random.default_rng(1).normal(0, 30, (HEIGHT, WIDTH, 3))
    picture = mixed(share, np.ones((HEIGHT, WIDTH, 3)) * colour, np.clip(np.array((200, 110, 140)) + noise, 60, 200))
    found = fix(compressed(picture, 95))
    assert found is not None
    assert (found.way, len(found.details["color"])) == ("uniform", 7)
    alpha = opacity(found)
    assert (alpha[:20] == 0).all()
    # The hole is not connected, and might be the subject's.
    assert alpha[HEIGHT // 2, WIDTH // 2] == 1
    assert (alpha[(share == 1)] > 0.85).mean() > 0.98


def test_in_a_drawing_it_goes_everywhere() -> None:
    share = ring()
    found = fix(mixed(share, np.full((HEIGHT, WIDTH, 3), 255.0)))
    assert np.abs(opacity(found) - share).mean() < 0.003
    assert opacity(found)[HEIGHT // 2, WIDTH // 2] == 0


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (0, 200, 0)])
def test_a_fringe_is_taken_out_of_edges(colour: tuple[int, int, int]) -> None:
    share = ring(softness=4)
    picture, alpha = mixed(share, np.ones((HEIGHT, WIDTH, 3)) * colour), np.round(share * 255).astype(np.uint8)
    told = fringe_colour(picture, alpha)
    assert told is not None
    assert np.abs(np.array(told) - colour).max() < 12
    found = fix(picture, alpha)
    assert found is not None
    assert found.way == "alpha"
    edge = (share > 0.3) & (share < 1)
    assert np.abs(found.image.pixels[edge] - np.array(FRONT)).mean() < 8
    assert np.abs(opacity(found) - share).mean() < 0.01


def test_a_halo_of_opaque_pixels_goes_too() -> None:
    share = ring(softness=6)
    hard = np.clip((share - 0.3) * 5, 0, 1)
    picture, alpha = mixed(share, np.full((HEIGHT, WIDTH, 3), 255.0)), np.round(hard * 255).astype(np.uint8)
    colours, opacity_ = defringe_edges(picture, alpha, 6.0, go_on)
    halo = (hard == 1) & (share < 0.85)
    assert np.abs(picture[halo] - np.array(FRONT)).mean() > 30
    assert np.abs(colours[halo] - np.array(FRONT)).mean() < 12
    assert opacity_[halo].mean() < 240


def test_a_clean_cut_out_stays_as_it_is() -> None:
    share = ring(softness=4)
    picture = np.broadcast_to(np.array(FRONT), (HEIGHT, WIDTH, 3)).astype(np.uint8)
    alpha = np.round(share * 255).astype(np.uint8)
    colours, same = defringe_edges(picture, alpha, 2.0, go_on)
    assert np.array_equal(same, alpha)
    assert (colours[alpha > 0] == picture[alpha > 0]).all()
    assert not colours[alpha == 0].any()


def test_an_ordinary_photograph_is_left_to_the_network() -> None:
    assert fix(photo()) is None
    columns = np.arange(WIDTH)[None, :] + np.zeros((HEIGHT, 1), int)
    stripes = np.where((columns // 10 % 2 == 0)[..., None], 255, 204) * np.ones((1, 1, 3))
    assert find(stripes.astype(np.uint8), go_on) is None
    assert find(squares(30, 255, 0).astype(np.uint8), go_on) is None
    noise = np.random.default_rng(2).choice([204, 255], (HEIGHT, WIDTH, 1)) * np.ones((1, 1, 3), int)
    assert find(noise.astype(np.uint8), go_on) is None


def test_tiny_pictures() -> None:
    for shape in ((1, 1, 3), (1, 40, 3), (40, 1, 3), (7, 9, 3)):
        fix(np.random.default_rng(3).integers(0, 255, shape, dtype=np.uint8))
        fix(np.full(shape, 255, np.uint8))
        fix(np.full(shape, 90, np.uint8), np.zeros(shape[:2], np.uint8))
