"""Bright lines that are found in a picture, and which of them look like scratches."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.restoration.streaks import WEIGHTS, Streak, streaks

Plane = npt.NDArray[np.float32]


def hills() -> Plane:
    """Soft light and shade, 300 x 400, with a little grain."""
    generator = np.random.default_rng(3)
    soft = cv2.GaussianBlur(generator.normal(0, 1, (300, 400)).astype(np.float32), (0, 0), 25)
    return np.asarray(110 + 40 * soft / soft.std() + generator.normal(0, 2, soft.shape), np.float32)


def drawn(start: tuple[int, int], end: tuple[int, int], width: int = 1, gaps: bool = False) -> tuple[Plane, Plane]:
    """With a white line from one point to another, and how opaque it is."""
    line = np.zeros((300, 400), np.uint8)
    cv2.line(line, start, end, 255, width, cv2.LINE_AA)
    if gaps:
        line[:, ::40] = line[:, 1::40] = line[:, 2::40] = line[:, 3::40] = 0
    opacity = np.asarray(line / np.float32(255) * 0.8, np.float32)
    return np.asarray(hills() * (1 - opacity) + 250 * opacity, np.float32), opacity


def covered(found: list[Streak], opacity: Plane) -> float:
    """The share of a line that was found, a pixel to either side allowed."""
    mask = np.zeros(opacity.shape, np.uint8)
    for each in found:
        mask[each.rows, each.columns] = 1
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0
    return float(near[opacity > 0.4].mean())


@pytest.mark.parametrize("end", [(200, 299), (330, 299), (399, 210), (399, 40), (270, 0)])
def test_a_line_is_found_in_any_direction(end: tuple[int, int]) -> None:
    gray, opacity = drawn((20, 60), end)
    likely = [each for each in streaks(gray, lambda: None) if each.odds > 0]
    assert covered(likely, opacity) > 0.85
    assert sum(len(each.rows) for each in likely) < 6 * (opacity > 0.4).sum()


def test_a_broken_line_is_one() -> None:
    gray, opacity = drawn((10, 200), (390, 150), gaps=True)
    longest = max(streaks(gray, lambda: None), key=lambda each: each.length)
    assert longest.length > 300
    assert covered([longest], opacity) > 0.85


def test_a_line_ends_where_it_ends() -> None:
    gray, _ = drawn((100, 150), (260, 150))
    best = max(streaks(gray, lambda: None), key=lambda each: each.odds)
    assert 95 <= best.columns.min() <= best.columns.max() <= 265
    assert 140 <= best.length <= 180


def test_hills_have_none() -> None:
    assert [each for each in streaks(hills(), lambda: None) if each.odds > 0] == []


def test_a_line_at_the_edge_of_a_thing_is_less_likely_one() -> None:
    alone, at_edge = hills(), hills()
    at_edge[:, 200:] += 60
    for gray in (alone, at_edge):
        gray[:, 198:201] = 250
    likely, unlikely = (max(streaks(gray, lambda: None), key=lambda each: each.length) for gray in (alone, at_edge))
    assert unlikely.odds < likely.odds - 1
    assert set(likely.looks) == set(WEIGHTS)


def test_many_of_one_direction_are_a_pattern() -> None:
    gray = hills()
    gray[::20] = 250
    assert [each for each in streaks(gray, lambda: None) if each.odds > 0] == []


def test_a_check_may_end_it() -> None:
    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        streaks(hills(), stop)
