"""Finding creases: folds of a print, whose white core crosses the whole photograph.

The subject of a photograph seldom has a thin bright line from border to border. In each of twelve directions, dynamic programming finds
the nearly straight path on which most points are brighter than what lies to both sides, as live-wire and seam algorithms do (Avidan and
Shamir 2007); faint parts count as much as strong ones, so that a path goes on where a crease is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.restoration.standing_out import Mask, Plane
from services.inference.restoration.tones import grain, is_paper
from services.inference.restoration.turning import DIRECTIONS, DRIFT, ROWS, TurnedPicture, blocks, bright_blocks, ridge_height, turn

_LONGEST_SIDE = 800
"""Pixels of the copy in which they are looked for."""
_BESIDE = 6  # pixels from a crease to its sides
_STANDS_OUT = 3.0  # levels, at least; and standard deviations of the grain
_USUAL = 0.55
"""Share of bright points beyond which a block speaks for a path."""
_SHARE, _SPEAKS, _ACROSS = 0.74, 0.4, 0.9
"""For a crease: the share of bright points, and how much of the way from border to border has blocks with at least a share of them."""
_RANK = 0.7
"""Share of the picture that is darker than a crease."""
_BEND = 0.03
"""How far a crease is off a straight line, as a share of its length."""
_PATTERN = 3
"""So many of one direction are bricks, blinds or rails."""


def creases(gray: Plane, contrast: float, check: Callable[[], None]) -> Mask:
    """The creases of a picture, height x width, 0 to 255, that are so many levels brighter than their sides, in the median.

    `check` is called between directions and may raise.
    """
    height, width = gray.shape
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    small = gray if scale == 1 else np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    found = np.zeros(small.shape, np.bool_)
    fine = grain(small)
    paper = is_paper(small)
    for number in range(DIRECTIONS):
        check()
        picture = turn(small, number)
        upright = list(_in_columns(picture, fine, contrast, paper))
        if len(upright) >= _PATTERN:
            continue
        for part in upright:
            size = small.shape[1], small.shape[0]
            found |= cv2.warpAffine(part.astype(np.uint8), picture.back, size, flags=cv2.INTER_LINEAR) > 0
    if scale < 1 and found.any():
        found = cv2.resize(found.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    elif scale < 1:
        found = np.zeros(gray.shape, np.bool_)
    return np.asarray(found, np.bool_)


def _in_columns(picture: TurnedPicture, fine: float, least: float, paper: Mask) -> Iterator[Mask]:
    """The upright creases, best first."""
    tones, valid = picture.tones, picture.valid
    above = ridge_height(tones, _BESIDE, 5)
    bright = bright_blocks(np.asarray(above > max(_STANDS_OUT, fine), np.bool_))
    there = blocks(picture.valid) > 0.99
    dimmest = float(np.quantile(tones[valid], _RANK))
    for _ in range(_PATTERN):
        path = _best_path(np.where(there, bright - _USUAL, 0))
        rows = np.arange(len(path))
        within = there[rows, path]
        if within.sum() * ROWS < 0.5 * min(valid.any(axis=1).sum(), valid.any(axis=0).sum()):
            return
        shares = bright[rows, path][within]
        if shares.mean() < _SHARE or (shares > _SPEAKS).mean() < _ACROSS:
            return
        part, contrast, tone = _marked(tones, above, path, within, fine)
        for row, column in enumerate(path):
            bright[row, max(0, column - 2 * _BESIDE) : column + 2 * _BESIDE + 1] = 0
        if contrast >= least and tone >= dimmest and not paper[round(tone)] and _bend(path, within) <= _BEND:
            yield part & valid


def _best_path(rewards: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
    """The columns of the path from the first row to the last with the largest sum."""
    rows, columns = rewards.shape
    came = np.zeros(rewards.shape, np.int8)
    sums = rewards[0].astype(np.float64)
    for row in range(1, rows):
        padded = np.pad(sums, DRIFT, constant_values=-np.inf)
        options = np.stack([padded[shift : shift + columns] for shift in range(2 * DRIFT + 1)])
        best = options.argmax(axis=0)
        came[row] = best - DRIFT
        sums = options[best, np.arange(columns)] + rewards[row]
    path = np.empty(rows, np.intp)
    path[-1] = int(sums.argmax())
    for row in range(rows - 1, 0, -1):
        path[row - 1] = path[row] + came[row, path[row]]
    return path


def _bend(path: npt.NDArray[np.intp], within: Mask) -> float:
    """How far a path is off the straight line that fits it best, as a share of its length."""
    rows = np.flatnonzero(within)
    columns = path[rows]
    line = np.polyval(np.polyfit(rows, columns, 1), rows)
    return float(np.abs(columns - line).max()) / (len(rows) * ROWS)


def _marked(picture: Plane, above: Plane, path: npt.NDArray[np.intp], within: Mask, fine: float) -> tuple[Mask, float, float]:
    """The pixels of a crease and of its shadow along a path; by how much it is brighter, and how bright it is, in the median."""
    high, wide = picture.shape
    middles = (np.arange(len(path)) + 0.5) * ROWS - 0.5
    columns = np.interp(np.arange(high), middles, path)
    around = np.arange(-_BESIDE - 3, _BESIDE + 4)
    places = np.clip(np.rint(columns)[:, None].astype(int) + around, 0, wide - 1)
    rows = np.arange(high)[:, None]
    middle = places[:, _BESIDE:-_BESIDE]
    peaks, tones = (each[rows, middle].max(axis=1) for each in (above, picture))
    ends = picture[rows, places[:, [0, 1, -2, -1]]].mean(axis=1)
    away = np.abs(picture[rows, places] - ends[:, None])
    inside = np.repeat(within, ROWS)
    contrast, tone = (float(np.median(each[inside])) for each in (peaks, tones))
    marked = (away > max(2.5 * fine, 0.3 * contrast, 6.0)) & (np.abs(around) <= _BESIDE - 2) & inside[:, None]
    part = np.zeros(picture.shape, np.uint8)
    np.put_along_axis(part, places, marked.astype(np.uint8), axis=1)
    return np.asarray(cv2.morphologyEx(part, cv2.MORPH_CLOSE, np.ones((7, 3), np.uint8)) > 0, np.bool_), contrast, tone
