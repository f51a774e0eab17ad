"""Marks that are tiled over the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.watermark.lattice import find_tiling
from services.inference.watermark.removal import Watching, remove_found
from tests.unit.watermark.marked import error, over, photo, tiled

WATCHING = Watching(lambda _: None, lambda: None)


@pytest.mark.cases(1)
@pytest.mark.parametrize(("opacity", "colour"), [(0.3, 255), (0.35, 0)])
def test_a_tiled_mark_is_measured_and_subtracted(opacity: float, colour: int) -> None:
    truth = photo()
    cover = tiled(truth.shape, "SAMPLE", 26, 30, (160, 100))
    marked = over(truth, cover, opacity, colour)

    result, report = remove_found(Image(marked), marked, None, None, WATCHING)

    (mark,) = report.removed_marks
    assert mark.kind.value == "tiled"
    assert mark.opacity == pytest.approx(opacity, abs=0.08)
    assert error(result.pixels, truth, cover > 0.1) < 0.4 * error(marked, truth, cover > 0.1)


@pytest.mark.thorough
def test_a_coloured_tiled_mark_gets_its_colour() -> None:
    y, x = np.mgrid[:400, :600]
    truth = np.stack([150 + 60 * np.sin(x / 90), 160 + 50 * np.sin(y / 70 + 1), 170 + 50 * np.cos((x + y) / 110)], axis=2).astype(np.uint8)
    cover = tiled(truth.shape, "DRAFT", 30, 25, (150, 95))
    alpha = (cover * 0.4)[..., np.newaxis]
    colour = np.array((25, 70, 190))
    marked = np.round(truth * (1 - alpha) + colour * alpha).astype(np.uint8)
    tiling = find_tiling(marked, lambda: None)
    assert tiling is not None
    np.testing.assert_allclose(tiling.colour, colour, atol=50)
    result, _ = remove_found(Image(marked), marked, None, None, WATCHING)
    assert error(result.pixels, truth, cover > 0.1) < 0.3 * error(marked, truth, cover > 0.1)


def test_repeats_that_fall_between_pixels_leave_no_ghost() -> None:
    truth = photo()
    cover = tiled(truth.shape, "SAMPLE", 24, 33, (141, 83))
    marked = over(truth, cover, 0.4)
    result, report = remove_found(Image(marked), marked, None, None, WATCHING)
    assert [mark.kind.value for mark in report.removed_marks] == ["tiled"]
    assert error(result.pixels, truth, cover > 0.1) < 0.25 * error(marked, truth, cover > 0.1)


def test_the_picture_between_the_repeats_stays_as_it_was() -> None:
    truth = photo()
    cover = tiled(truth.shape, "SAMPLE", 26, 30, (160, 100))
    marked = over(truth, cover, 0.3)
    result, report = remove_found(Image(marked), marked, None, None, WATCHING)
    assert [mark.kind.value for mark in report.removed_marks] == ["tiled"]
    far = cv2.dilate((cover > 0.02).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert (result.pixels != marked).any(axis=2)[far].mean() < 0.01


@pytest.mark.thorough
def test_large_repeats_of_a_large_picture_are_measured_at_its_size() -> None:
    small = photo()
    rng = np.random.default_rng(3)
    large = cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    truth = np.round(large + rng.normal(0, 3, large.shape)).clip(0, 255).astype(np.uint8)
    cover = tiled(truth.shape, "SAMPLE", 53, 30, (320, 200))
    marked = over(truth, cover, 0.35)
    result, report = remove_found(Image(marked), marked, None, None, WATCHING)
    assert [mark.kind.value for mark in report.removed_marks] == ["tiled"]
    assert error(result.pixels, truth, cover > 0.1) < 0.4 * error(marked, truth, cover > 0.1)


def test_the_steps_are_exact_where_they_are_known() -> None:
    truth = photo()
    marked = over(truth, tiled(truth.shape, "SAMPLE", 26, 0, (120, 80)), 0.35)
    tiling = find_tiling(marked, lambda: None)
    assert tiling is not None
    # Rows are set half a step aside, so that a cell has 120 x 80 pixels, or a whole number of cells is taken for one.
    cells = abs(np.linalg.det(tiling.steps)) / (120 * 80)
    assert cells == pytest.approx(round(cells), rel=0.01)


@pytest.mark.cases(1)
@pytest.mark.parametrize("name", ["coffee.jpg", "portrait.jpg"])
def test_a_clean_photograph_comes_back_as_it_was(name: str) -> None:
    clean = photo(name)
    image = Image(clean)
    result, report = remove_found(image, clean, None, None, WATCHING)
    assert result is image
    assert report.marks == []


@pytest.mark.thorough
def test_tiles_brickwork_and_boards_are_no_marks() -> None:
    y, x = np.mgrid[:400, :500]
    rng = np.random.default_rng(2)
    board = np.where((x // 25 + y // 25) % 2 == 0, 230, 30)
    wall = np.where((y % 24 < 3) | ((x + 30 * (y // 24 % 2)) % 60 < 3), 190, 120)
    for pattern in (board, wall):
        noisy = (pattern + rng.normal(0, 6, pattern.shape)).clip(0, 255).astype(np.uint8)
        assert find_tiling(np.repeat(noisy[..., np.newaxis], 3, axis=2), lambda: None) is None
