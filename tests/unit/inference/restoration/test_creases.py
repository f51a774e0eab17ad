"""Folds of a print."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from services.inference.restoration.care import CAREFUL, EAGER, USUAL
from services.inference.restoration.creases import creases
from tests.unit.imaging.pictures import PORTRAIT

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def portrait() -> Plane:
    """Gray, with grain."""
    with PillowImage.open(PORTRAIT) as picture:
        gray = np.asarray(picture.convert("L"), np.float32)
    return np.asarray(np.clip(30 + 0.78 * gray + np.random.default_rng(1).normal(0, 3, gray.shape), 0, 255), np.float32)


def folded(
    gray: Plane, start: tuple[float, float], end: tuple[float, float], tone: float = 245, broken: bool = False
) -> tuple[Plane, Mask]:
    """With a fold between two places, in shares of width and height; and where that is."""
    height, width = gray.shape
    core = np.zeros(gray.shape, np.float32)
    steps = np.linspace(0, 1, 60)
    wobble = np.cumsum(np.random.default_rng(2).normal(0, 0.4, 60))
    points = (
        np.column_stack([(a + (b - a) * steps) * size for a, b, size in zip(start, end, (width, height), strict=True)]) + wobble[:, None]
    )
    for number in range(0, 60, 5):
        if not broken or number % 20:
            part = np.round(points[number : number + 6]).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(core, [part], False, 1.0, 2, cv2.LINE_AA)
    share = cv2.GaussianBlur(core, (0, 0), 0.6)
    return np.asarray(gray + share * (tone - gray), np.float32), np.asarray(share > 0.3, np.bool_)


def hit(found: Mask, truth: Mask) -> tuple[float, float]:
    """Recall and precision, two pixels to either side."""
    near = [cv2.dilate(each.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0 for each in (found, truth)]
    return float(near[0][truth].mean()), float(near[1][found].mean()) if found.any() else 0.0


def go_on() -> None:
    """Never stops."""


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("start", "end"),
    [((0.45, -0.02), (0.52, 1.02)), ((-0.02, 0.4), (1.02, 0.47)), ((-0.02, 0.1), (1.02, 0.85)), ((0.8, -0.02), (0.3, 1.02))],
    ids=["upright", "across", "falling", "leaning"],
)
def test_a_fold_across_the_picture_is_found(start: tuple[float, float], end: tuple[float, float]) -> None:
    given, truth = folded(portrait(), start, end)
    recall, precision = hit(creases(given, USUAL.crease, go_on), truth)
    assert recall > 0.9
    assert precision > 0.6


def test_so_is_one_that_is_broken_and_one_in_a_large_picture() -> None:
    given, truth = folded(portrait(), (0.45, -0.02), (0.5, 1.02), broken=True)
    assert hit(creases(given, EAGER.crease, go_on), truth)[0] > 0.75
    given, truth = folded(portrait(), (0.45, -0.02), (0.5, 1.02))
    large = np.asarray(cv2.resize(given, None, fx=3.3, fy=3.3, interpolation=cv2.INTER_CUBIC), np.float32)
    wide = cv2.resize(truth.astype(np.uint8), (large.shape[1], large.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    found = creases(large, EAGER.crease, go_on)
    assert found.shape == large.shape
    assert hit(found, np.asarray(wide, np.bool_))[0] > 0.7


def test_a_photograph_without_folds_has_none() -> None:
    for care in (CAREFUL, USUAL, EAGER):
        assert not creases(portrait(), care.crease, go_on).any()


def test_a_faint_line_is_one_only_for_who_is_eager() -> None:
    flat = np.asarray(120 + np.random.default_rng(4).normal(0, 3, (300, 400)), np.float32)
    given, _ = folded(flat, (0.5, -0.02), (0.5, 1.02), tone=158)
    assert not creases(given, CAREFUL.crease, go_on).any()
    assert creases(given, EAGER.crease, go_on).any()


def test_lines_that_come_in_numbers_are_bricks_or_blinds() -> None:
    given = portrait()
    for number in range(5):
        given, _ = folded(given, (-0.02, 0.15 + 0.17 * number), (1.02, 0.15 + 0.17 * number))
    assert not creases(given, USUAL.crease, go_on).any()


def test_a_dark_line_and_an_edge_are_none() -> None:
    wire, _ = folded(portrait(), (0.45, -0.02), (0.52, 1.02), tone=20)
    assert not creases(wire, USUAL.crease, go_on).any()
    step = portrait()
    step[:, 250:] += 60
    assert not creases(np.clip(step, 0, 255), USUAL.crease, go_on).any()


@pytest.mark.parametrize("shape", [(64, 64), (64, 900), (1000, 70)])
def test_any_shape(shape: tuple[int, int]) -> None:
    assert creases(np.full(shape, 128, np.float32), USUAL.crease, go_on).shape == shape


def test_it_can_be_stopped() -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        creases(portrait(), USUAL.crease, stop)
