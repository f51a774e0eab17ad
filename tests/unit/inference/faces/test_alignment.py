"""Faces aligned as networks want them, and brought back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.inference.faces.alignment import SIDE, TEMPLATE, inverse, points_of, similarity, usual_points, warp


@pytest.mark.parametrize(("angle", "scale", "shift"), [(0.0, 1.0, (0, 0)), (0.7, 0.2, (90, -30)), (-2.5, 4.0, (-1000, 2000))])
def test_turn_scale_and_shift_are_found(angle: float, scale: float, shift: tuple[float, float]) -> None:
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = similarity(TEMPLATE, TEMPLATE @ turn.T + shift)
    np.testing.assert_allclose(matrix, np.column_stack([turn, shift]), atol=1e-9 * max(1, scale * 1000))


def test_it_is_the_best_of_all_that_are_near() -> None:
    target = TEMPLATE + np.random.default_rng(2).normal(0, 20, TEMPLATE.shape)
    matrix = similarity(TEMPLATE, target)

    def error(given: np.ndarray) -> float:
        return float(((TEMPLATE @ given[:, :2].T + given[:, 2] - target) ** 2).sum())

    for step in (0.001, -0.001):
        a, b = matrix[0, 0] + step, matrix[1, 0]
        assert error(np.array([[a, -b, matrix[0, 2]], [b, a, matrix[1, 2]]])) > error(matrix)
        moved = matrix.copy()
        moved[:, 2] += step * 100
        assert error(moved) > error(matrix)


def test_mirrored_points_are_not_mirrored_back() -> None:
    matrix = similarity(TEMPLATE * (-1, 1), TEMPLATE)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="the same"):
        similarity(np.ones((5, 2)), TEMPLATE)


def test_the_five_points_of_a_mesh() -> None:
    mesh = np.zeros((468, 2))
    mesh[[33, 133]], mesh[[362, 263]] = [(0, 0), (10, 2)], [(20, 0), (30, 2)]
    mesh[1], mesh[61], mesh[291] = (15, 10), (8, 20), (22, 20)
    np.testing.assert_array_equal(points_of(mesh), [(5, 1), (25, 1), (15, 10), (8, 20), (22, 20)])


def test_the_usual_points_lie_in_the_box_as_in_the_template() -> None:
    five = usual_points(100, 50, 200, 200)
    assert ((five > (100, 50)) & (five < (300, 250))).all()
    matrix = similarity(five, TEMPLATE)
    assert abs(matrix[1, 0] / matrix[0, 0]) < 0.01
    assert np.abs(five @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE).max() < 12


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.6])
def test_there_and_back_is_where_it_was(scale: float) -> None:
    y, x = np.mgrid[:400, :400].astype(np.float32)
    picture = np.round(np.stack([x / 2, y / 2, 100 + 50 * np.sin(x / 40)], axis=2)).astype(np.uint8)
    angle = 0.4
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = np.column_stack([turn, np.array([200, 200]) - turn @ np.array([SIDE / 2, SIDE / 2])])
    back = warp(warp(picture, matrix, SIDE, SIDE), inverse(matrix), 400, 400)
    middle = slice(160, 240), slice(160, 240)
    assert np.abs(back[middle].astype(int) - picture[middle]).max() <= 3


def test_beyond_the_edges_is_the_border() -> None:
    shown = warp(np.full((10, 10, 3), 9, np.uint8), np.array([[1.0, 0, -20], [0, 1.0, 0]]), 10, 40, (1, 2, 3))
    assert shown[5, 2].tolist() == [1, 2, 3]
    assert shown[5, 25].tolist() == [9, 9, 9]
