"""Finding bright scratches, thin and broken ones, too: other lines in a photograph, and the features that distinguish them.

In each of twelve directions, dynamic programming finds the paths of any length on which most points are brighter than both sides: local
alignment (Smith and Waterman 1981), with blocks of rows in place of letters, so that a path ends where it no longer pays, and goes on over
a gap that does. It finds nearly every scratch, and thirty to two hundred lines that belong to what is shown: twigs, edges of cups, strands
of hair. A logistic regression gives the likelihood that each is a scratch, by the features of a line of missing paint: as opaque all along,
alike on both sides, straight, and alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.restoration.standing_out import Mask, Plane
from services.inference.restoration.tones import grain, is_paper, spread
from services.inference.restoration.turning import DIRECTIONS, DRIFT, ROWS, TurnedPicture, blocks, bright_blocks, ridge_height, turn

Places = npt.NDArray[np.intp]

_BESIDE = 5  # pixels from a scratch to its sides
_LEAST_RAISED, _GRAINS = 4.0, 2.0  # levels, and standard deviations of the grain, by which a point is bright
_USUAL, _LEAST_GAIN = 0.75, 1.0  # share of bright points beyond which a block pays; of a path, in blocks
_FEWEST = 3  # blocks of a path
_APART = 5  # columns between two paths
_PATTERN = 8.0
"""Length of lines of one direction together, in shorter sides of the picture, from which they, and those of the directions next to it, are
bricks, blinds or rails."""

WEIGHTS: Mapping[str, float] = {
    "gain": 0.983,
    "opacity": 2.138,
    "opacity_spread": -1.656,
    "difference": -1.949,
    "contrast": 0.637,
    "parallel": -3.652,
    "roughness": -0.624,
    "company": -0.313,
    "variety": 1.228,
}
"""The weights of the logistic regression, fitted by `python -m benchmarks.quality._scratch_weights` to scratches drawn into photographs
seen there.
"""
BIAS = -4.616


@dataclass(frozen=True, slots=True)
class Streak:
    """A bright line."""

    rows: Places
    columns: Places
    """Its pixels."""
    length: float
    tone: int
    """Its level, in the median."""
    looks: Mapping[str, float]
    """Its features: a number for each of `WEIGHTS`."""

    @property
    def odds(self) -> float:
        """Logarithm of the odds that it is a scratch."""
        return BIAS + sum(weight * self.looks[name] for name, weight in WEIGHTS.items())


@dataclass(frozen=True, slots=True)
class _Sides:
    """The features of a line in a turned picture, and of its sides, at each of its rows, in levels."""

    rows: Places
    columns: Places
    tones: Plane
    left: Plane
    right: Plane
    raised_side: Plane

    @property
    def mean(self) -> Plane:
        return np.asarray((self.left + self.right) / 2, np.float32)


def streaks(gray: Plane, check: Callable[[], None]) -> list[Streak]:
    """The bright lines of a picture, height x width, 0 to 255; `check` is called between directions and may raise."""
    fine, shorter, paper = grain(gray), min(gray.shape), is_paper(gray)
    whitest = min(255.0, float(np.percentile(gray, 99.7)) + 8)
    found: list[list[Streak]] = []
    for number in range(DIRECTIONS):
        check()
        found.append(list(_upright(turn(gray, number), gray.shape, max(_LEAST_RAISED, _GRAINS * fine), whitest)))
    lengths = [sum(each.length for each in part) / shorter for part in found]
    kept = []
    for number, part in enumerate(found):
        near = [lengths[each % DIRECTIONS] for each in (number - 1, number, number + 1)]
        if max(near) < _PATTERN:
            for each in part:
                if paper[each.tone]:
                    continue
                company = math.log(0.2 + sum(near) - each.length / shorter)
                kept.append(Streak(each.rows, each.columns, each.length, each.tone, {**each.looks, "company": company}))
    return kept


def _upright(picture: TurnedPicture, shape: tuple[int, ...], least: float, whitest: float) -> Iterator[Streak]:
    """Those that run from the top to the bottom of a turned picture; all they look like but their company."""
    above = ridge_height(picture.tones, _BESIDE, 3)
    beside = np.asarray(cv2.blur(picture.tones, (3, 3)), np.float32)
    bright = np.asarray(above > least, np.bool_)
    inside = blocks(picture.valid) > 0.99
    for path, gain in _paths(np.where(inside, bright_blocks(bright), 0) - _USUAL):
        rows = np.arange(path[0, 0] * ROWS, (path[-1, 0] + 1) * ROWS)
        columns = np.rint(np.interp(rows, path[:, 0] * ROWS + (ROWS - 1) / 2, path[:, 1])).astype(np.intp)
        sides = _sides(picture.tones, beside, above, rows, columns)
        looks = {**_looks(sides, whitest), "gain": math.log(gain), "roughness": _roughness(path[:, 1])}
        looks["parallel"] = _parallel(bright, rows, columns)
        yield Streak(*_marked(picture, sides, least, shape), float(len(rows)), round(float(np.median(sides.tones))), looks)


def _paths(rewards: npt.NDArray[np.floating]) -> Iterator[tuple[Places, float]]:
    """The paths, best first, each with the rows and columns of its blocks, n x 2, and what it gains."""
    high, wide = rewards.shape
    moves = np.array([0, *(sign * step for step in range(1, DRIFT + 1) for sign in (-1, 1))])
    came, sums = np.zeros(rewards.shape, np.int8), np.zeros(rewards.shape, np.float64)
    sums[0] = np.maximum(rewards[0], 0)
    for row in range(1, high):
        padded = np.pad(sums[row - 1], DRIFT)
        options = np.stack([padded[DRIFT + move : DRIFT + move + wide] for move in moves])
        best = options.argmax(axis=0)
        came[row] = moves[best]
        sums[row] = np.maximum(0, options[best, np.arange(wide)] + rewards[row])
    used = np.zeros(rewards.shape, np.bool_)
    ends = np.argwhere(sums >= _LEAST_GAIN)
    for row, column in ends[np.argsort(-sums[ends[:, 0], ends[:, 1]], kind="stable")]:
        if used[row, column]:
            continue
        path, before = _traced(sums, came, used, int(row), int(column))
        for top, left in path:
            used[max(0, top - 1) : top + 2, max(0, left - _APART) : left + _APART + 1] = True
        gain = float(sums[row, column]) - before
        if len(path) >= _FEWEST and gain >= _LEAST_GAIN:
            yield np.array(path[::-1], np.intp), gain


def _traced(
    sums: npt.NDArray[np.floating], came: npt.NDArray[np.int8], used: Mask, row: int, column: int
) -> tuple[list[tuple[int, int]], float]:
    """Upward from its end to its start, or to where another path is; and what it had gained there."""
    path: list[tuple[int, int]] = []
    while row >= 0 and sums[row, column] > 0:
        if used[row, column]:
            return path, float(sums[row, column])
        path.append((row, column))
        column = min(max(column + int(came[row, column]), 0), sums.shape[1] - 1)
        row -= 1
    return path, 0.0


def _sides(tones: Plane, beside: Plane, above: Plane, rows: Places, columns: Places) -> _Sides:
    """Along a path; the line itself may be two pixels to the side of it."""
    wide = tones.shape[1]
    places = np.clip(columns[:, None] + np.arange(-2, 3), 0, wide - 1)
    heights = above[rows[:, None], places]
    middle = places[np.arange(len(rows)), heights.argmax(axis=1)]
    left, right = (beside[rows, np.clip(middle + way * _BESIDE, 0, wide - 1)] for way in (-1, 1))
    return _Sides(rows, middle, tones[rows, middle], left, right, np.asarray(heights.max(axis=1), np.float32))


def _looks(sides: _Sides, whitest: float) -> dict[str, float]:
    """How much of what is below a line hides, 0 to 1, if it is as white as the whitest; and what it lies on."""
    mean = sides.mean
    opacities = np.clip((sides.tones - mean) / np.maximum(whitest - mean, 20), 0, 1.2)
    opacity = float(np.median(opacities))
    return {
        "opacity": opacity,
        "opacity_spread": math.log(spread(opacities) / max(opacity, 0.05) + 0.05),
        "difference": math.log(float(np.median(np.abs(sides.left - sides.right))) + 2),
        "contrast": math.log(max(float(np.median(sides.raised_side)), 1.0)),
        "variety": math.log(spread(mean) + 5),
    }


def _roughness(columns: Places) -> float:
    """Mean bend from block to block, in columns."""
    return float(np.abs(np.diff(columns, 2)).mean())


def _parallel(bright: Mask, rows: Places, columns: Places) -> float:
    """The longest run of any line next to it, as a share of it."""
    off = np.array([way * each for way in (-1, 1) for each in range(9, 27)])
    return float(bright[rows[:, None], np.clip(columns[:, None] + off, 0, bright.shape[1] - 1)].mean(axis=0).max())


def _marked(picture: TurnedPicture, sides: _Sides, least: float, shape: Sequence[int]) -> tuple[Places, Places]:
    """The rows and columns of its pixels, in the original picture."""
    places = sides.columns[:, None] + np.arange(2 - _BESIDE, _BESIDE - 1)
    tones = picture.tones[sides.rows[:, None], np.clip(places, 0, picture.tones.shape[1] - 1)]
    limit = max(least, 0.3 * float(np.median(sides.raised_side)))
    row, place = np.nonzero((tones - sides.mean[:, None] > limit) & (sides.raised_side > 0)[:, None])
    points = picture.back @ np.vstack([places[row, place], sides.rows[row], np.ones(len(row))])
    columns, rows = np.rint(points).astype(np.intp)
    there = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[there], columns[there]
