"""Turning and mirroring: quarter turns move samples, other angles turn about the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.media import Image
from services.inference.operations.rotate import turn
from services.pictures.geometry import rotated_size
from tests.unit.imaging.pictures import photo
from tests.unit.plain.pictures import KINDS, kind, work

ANGLES = {0: 0, 90: -1, 180: 2, 270: 1, -90: 1, 360: 0, -180: 2}
"""Quarter turns as NumPy counts them: against the clock."""


@pytest.mark.cases(40)
@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("mirrored", [(False, False), (True, False), (False, True), (True, True)])
def test_quarter_turns_and_mirroring_move_samples(
    gray: bool, alpha: bool, deep: bool, angle: int, mirrored: tuple[bool, bool], tmp_path: Path
) -> None:
    image = kind(gray, alpha, deep, height=5, width=8)
    made = turn(image, Rotate(angle=angle, mirror_horizontally=mirrored[0], mirror_vertically=mirrored[1]), work(tmp_path))

    def expected(samples: np.ndarray) -> np.ndarray:
        samples = np.rot90(samples, ANGLES[angle])
        samples = samples[:, ::-1] if mirrored[0] else samples
        return samples[::-1] if mirrored[1] else samples

    assert np.array_equal(made.pixels, expected(image.pixels))
    assert (made.alpha is None) == (image.alpha is None)
    if image.alpha is not None:
        assert made.alpha is not None
        assert np.array_equal(made.alpha, expected(image.alpha))
    assert (made.width, made.height) == rotated_size(Rotate(angle=angle), 8, 5)


@pytest.mark.parametrize(("gray", "alpha", "deep"), KINDS)
@pytest.mark.parametrize("angle", [1, 45, -30.5, 200])
def test_other_angles_enlarge_the_canvas_with_the_background(gray: bool, alpha: bool, deep: bool, angle: float, tmp_path: Path) -> None:
    image = kind(gray, alpha, deep)
    made = turn(image, Rotate(angle=angle, background="#000000"), work(tmp_path))
    assert (made.width, made.height) == rotated_size(Rotate(angle=angle), 32, 24)
    assert made.width > 24
    assert (made.bit_depth, made.is_gray) == (image.bit_depth, gray)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        if abs(angle) != 1:
            assert (made.pixels[corner] == 0).all()
        assert made.alpha is None or angle == 1 or made.alpha[corner] == made.maximum


def test_the_background_may_be_transparent(tmp_path: Path) -> None:
    made = turn(kind(False, False, False), Rotate(angle=45, background="transparent"), work(tmp_path))
    assert made.alpha is not None
    assert made.alpha[0, 0] == 0
    assert made.alpha[made.height // 2, made.width // 2] == 255


@pytest.mark.parametrize("size", [(24, 32), (25, 31), (1, 9)])
def test_a_turn_and_its_reverse_meet_in_the_middle(size: tuple[int, int], tmp_path: Path) -> None:
    """A picture turned by 45° both ways differs from its mirror images by nothing but rounding: it is turned about its middle."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(float)
    symmetrical = 100 + 50 * np.cos((rows - (size[0] - 1) / 2) / 4) * np.cos((columns - (size[1] - 1) / 2) / 5)
    image = Image(symmetrical.astype(np.uint8)[..., None])
    made = turn(image, Rotate(angle=45), work(tmp_path)).pixels.astype(int)
    assert np.abs(made - made[::-1, ::-1]).max() <= 2
    back = turn(image, Rotate(angle=-45), work(tmp_path)).pixels.astype(int)
    assert np.abs(made - back[:, ::-1]).max() <= 2


def test_turned_forth_and_back_a_picture_is_the_same(tmp_path: Path) -> None:
    image = Image(photo(80, 80))
    forth = turn(image, Rotate(angle=30), work(tmp_path))
    back = turn(forth, Rotate(angle=-30), work(tmp_path))
    top, left = (back.height - 80) // 2, (back.width - 80) // 2
    seen = back.pixels[top + 20 : top + 60, left + 20 : left + 60].astype(int)
    assert (np.abs(seen - image.pixels[20:60, 20:60]) ** 2).mean() < 60


def test_clockwise_is_what_people_see(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40, 1), np.uint8)
    pixels[:5] = 200  # a bar at the top
    made = turn(Image(pixels), Rotate(angle=89.5), work(tmp_path)).pixels
    assert made[20, -3, 0] > 150
    assert made[20, 2, 0] < 20


def test_one_pixel_can_be_turned(tmp_path: Path) -> None:
    image = Image(np.full((1, 1, 3), 200, np.uint8))
    assert turn(image, Rotate(angle=90), work(tmp_path)).pixels.tolist() == [[[200, 200, 200]]]
    made = turn(image, Rotate(angle=45, background="#000000"), work(tmp_path))
    assert (made.width, made.height) == (1, 1)
