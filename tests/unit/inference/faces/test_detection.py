from __future__ import annotations

import numpy as np
import pytest

from models.contract import NUMBER_ONE, NUMBER_ZERO
from services.inference.faces.detection import SIDE, Face, Part, detect, faces_in, inside, merge, network_input, overlap, parts_of
from services.inference.faces.mesh import Mesh, once_each
from services.inference.faces.numbers import decode_numbers

POINTS = ((0.0, 0.0),) * 6
CELLS = SIDE // 4


def face(left: float, top: float, size: float, score: float = 0.9) -> Face:
    return Face(left, top, size, size, score, POINTS)


def coded(values: np.ndarray) -> np.ndarray:
    """Numbers as a model answers them."""
    codes = (np.round(values * NUMBER_ONE) + NUMBER_ZERO).astype(int)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)


def rows_with(cell: tuple[int, int], box: tuple[float, float, float, float], logit: float = 4) -> np.ndarray:
    """What the network says of one face: row and column of a cell, then middle and size from the middle of that cell."""
    rows = np.zeros((CELLS * CELLS, 17), np.float32)
    rows[:, 16] = -40
    rows[cell[0] * CELLS + cell[1]] = [*box, *[1, 2] * 6, logit]
    return rows


def test_numbers_come_back() -> None:
    values = np.array([[[0, 1.5, -0.25, 511.9, -512]]], np.float32)
    np.testing.assert_allclose(decode_numbers(coded(values)), values, atol=1 / NUMBER_ONE)


def test_a_small_picture_is_seen_as_a_whole_and_with_a_margin() -> None:
    assert parts_of(300, 200) == [Part(-75, -75, 450, 350), Part(0, 0, 300, 200)]


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (700, 5000), (1300, 1300), (12000, 9000)])
def test_any_face_lies_wholly_in_a_part_of_some_times_its_size(width: int, height: int) -> None:
    parts = parts_of(width, height)
    assert len(parts) < 260
    smallest = min(max(part.width, part.height) for part in parts)
    assert smallest <= max(430, max(width, height) / 8 + 1)
    rng = np.random.default_rng(1)
    for size in (0.2 * smallest, 0.25 * smallest, 0.25 * max(width, height)):
        for x, y in rng.uniform(0, 1, (50, 2)):
            left, top = x * max(0, width - size), y * max(0, height - size)
            holding = [
                max(part.width, part.height)
                for part in parts
                if part.left <= left and left + size <= part.left + part.width
                if size > height or (part.top <= top and top + size <= part.top + part.height)
            ]
            assert min(holding) <= 10 * size


def test_a_part_is_seen_as_it_is_told() -> None:
    pixels = np.zeros((400, 800, 3), np.uint8)
    pixels[100:200, 400:500] = 255
    shown = network_input(pixels, Part(0, 0, 800, 400))
    rows, columns = (np.flatnonzero(shown[..., 0].max(axis=axis) > 127) for axis in (1, 0))
    # 800 pixels become 192, and the 96 rows lie in the middle.
    assert (columns[0], columns[-1]) == (96, 119)
    assert (rows[0], rows[-1]) == (48 + 24, 48 + 47)
    x, y = 0.5 * (columns[0] + columns[-1] + 1), 0.5 * (rows[0] + rows[-1] + 1)
    cell = int(y // 4), int(x // 4)
    box = x - (cell[1] + 0.5) * 4, y - (cell[0] + 0.5) * 4, 24.0, 24.0
    (found,) = faces_in(rows_with(cell, box), Part(0, 0, 800, 400), 0.5)
    assert (found.left, found.top, found.width, found.height) == pytest.approx((400, 100, 100, 100))
    assert found.points[0] == pytest.approx((((cell[1] + 0.5) * 4 + 1) * 800 / 192, ((cell[0] + 0.5) * 4 + 2 - 48) * 800 / 192), rel=1e-5)


def test_a_part_that_reaches_beyond_the_picture() -> None:
    pixels = np.full((100, 100, 3), 255, np.uint8)
    shown = network_input(pixels, Part(-50, -50, 200, 200))[..., 0] > 127
    assert shown[48:144, 48:144].all()
    assert shown.sum() == 96 * 96


def test_a_small_face_before_a_large_one_stays() -> None:
    large, small = face(100, 100, 400), face(350, 350, 90, 0.6)
    assert merge([small, large]) == [large, small]


def test_boxes_of_one_face_become_one() -> None:
    (found,) = merge([face(100, 100, 100, 0.9), face(110, 100, 100, 0.3), face(96, 104, 100, 0.6)])
    assert found.left == pytest.approx((100 * 0.9 + 110 * 0.3 + 96 * 0.6) / 1.8)
    assert found.score == 0.9


async def test_a_face_that_a_part_cuts_does_not_count_but_at_the_edge_of_the_picture_it_does() -> None:
    pixels = np.zeros((1000, 1000, 3), np.uint8)
    parts = parts_of(1000, 1000)
    corner = next(index for index, part in enumerate(parts) if (part.left, part.top, part.width) == (0, 0, 500))
    calls = 0

    async def model(batch: np.ndarray) -> np.ndarray:
        """In the part at the left and upper corner: a face at the corner, and one at the border that is no edge of the picture."""
        nonlocal calls
        answer = np.stack([rows_with((0, 0), (0, 0, 1, 1), -40)] * len(batch))
        if calls <= corner < calls + len(batch):
            answer[corner - calls] = np.maximum(rows_with((3, 3), (0, 0, 30, 30)), -40)
            answer[corner - calls][20 * CELLS + 46] = rows_with((20, 46), (0, 0, 30, 30))[20 * CELLS + 46]
        calls += len(batch)
        return coded(answer)

    (found,) = await detect(pixels, model)
    scale = 500 / 192
    assert (found.left, found.top, found.width) == pytest.approx((-scale, -scale, 30 * scale), abs=0.01)


def _found(box: tuple[float, float, float], score: float) -> Mesh:
    """A face whose points fill its box: left, top and side."""
    left, top, side = box
    points = np.array([[left, top], [left + side, top + side]], np.float32)
    return Mesh(Face(left, top, side, side, score, ((0.0, 0.0),) * 6), points, score, 1.0)


def test_a_part_of_a_face_is_no_face_and_one_beside_it_is() -> None:
    whole, eye, beside, across = _found((0, 0, 100), 0.9), _found((10, 20, 40), 0.7), _found((70, 60, 60), 0.6), _found((110, 0, 90), 0.8)
    assert once_each([eye, across, whole, beside]) == [whole, across, beside]
    # Whichever is surer.
    assert once_each([_found((0, 0, 100), 0.5), _found((10, 20, 40), 0.8)])[0].face.width == 100


def test_shares_of_boxes() -> None:
    one, other = _found((0, 0, 10), 1).face, _found((5, 0, 20), 1).face
    assert (inside(one, other), inside(other, one)) == (0.5, 0.125)
    assert overlap(one, other) == pytest.approx(50 / 450)
    assert inside(one, _found((50, 50, 10), 1).face) == 0
