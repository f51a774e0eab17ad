"""Finding scratches, creases and specks in a scanned photograph.

What stands out of its surroundings as a thin bright or dark line, at several widths, is a candidate (top-hats, summed along lines of many
directions). A candidate is damage if it does not belong to what is shown: it lies alone, is the same on both sides, and either is as white
or as black as nothing else or keeps its tone where its surroundings do not. Fences, hair and letters come in numbers; the edges of things
have two sides; wires and twigs are not paper-white. Specks are looked for only where there are scratches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

_LONGEST_SIDE = 1600
"""Pixels of the copy in which they are looked for."""
_WIDTHS = (7, 13, 25)
"""Pixels: diameters of the discs that candidates are narrower than."""
_ALONG = 31
_DIRECTIONS = 16
_LEAST_CONTRAST = 10.0
_TEXTURE = 2.5
"""Times that a candidate stands out more than what is around it."""
_AROUND = 61
_SHORTEST = 0.07
"""Length of a scratch, as a share of the shorter side."""
_SURE = 0.16
"""Length of one without which a photograph counts as undamaged."""
_ELONGATION = 7.0
_CROWD = 0.045
"""Share of other candidates around one that lies alone."""


@dataclass(frozen=True, slots=True)
class Care:
    """How readily something is taken for damage."""

    contrast: float = 1.0
    """Factor of the least contrast."""
    crowd: float = 1.0
    sure: float = 1.0
    """Factor of the length without which a photograph counts as undamaged."""


CAREFUL, USUAL, EAGER = Care(1.4, 0.7, 1.3), Care(), Care(0.75, 1.6, 0.5)


def damage(pixels: Pixels8, care: Care, check: Callable[[], None]) -> Mask:
    """What is damaged of a picture, height × width × 3, sRGB. `check` is called between parts and may raise."""
    height, width = pixels.shape[:2]
    if min(height, width) < 64:
        return np.zeros((height, width), np.bool_)
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        gray = cv2.resize(gray, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    found = _damage(np.asarray(gray, np.float32), care, check)
    if scale < 1:
        found = cv2.resize(found.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR) > 0
        found = cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(found, np.bool_)


def _damage(gray: Plane, care: Care, check: Callable[[], None]) -> Mask:
    found = np.zeros(gray.shape, np.bool_)
    longest = 0.0
    for sign in (1, -1):
        tones = np.asarray(gray if sign > 0 else 255 - gray, np.float32)
        lines, length = _lines(tones, care, check)
        found |= lines
        longest = max(longest, length)
    if longest < _SURE * care.sure * min(gray.shape):
        return np.zeros(gray.shape, np.bool_)
    for sign in (1, -1):
        check()
        found |= _specks(np.asarray(gray if sign > 0 else 255 - gray, np.float32), care)
    return np.asarray(cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, np.bool_)


def _standing_out(tones: Plane, across: int) -> Plane:
    """By how much what is narrower than a disc is brighter than what is around it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
    smooth = cv2.GaussianBlur(tones, (0, 0), 0.8)
    return np.asarray(smooth - cv2.morphologyEx(smooth, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _lines(tones: Plane, care: Care, check: Callable[[], None]) -> tuple[Mask, float]:
    """The bright scratches, and how long the longest of them is."""
    found, longest = np.zeros(tones.shape, np.bool_), 0.0
    noise = _noise(tones)
    for across in _WIDTHS:
        check()
        raised = _standing_out(tones, across)
        along, direction = _along_lines(raised)
        usual = cv2.blur(raised, (_AROUND, _AROUND))
        least = np.maximum(_LEAST_CONTRAST * care.contrast + noise, _TEXTURE * usual)
        candidates = _hysteresis(along > 1.6 * least, along > least) & (raised > np.maximum(0.5 * least, 0.5 * along))
        candidates = np.asarray(cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates.astype(np.uint8), connectivity=8)
        crowd = cv2.blur(candidates.astype(np.float32), (_AROUND, _AROUND))
        for label in range(1, count):
            left, top, wide, high, area = (int(value) for value in stats[label])
            if math.hypot(wide, high) < _SHORTEST * min(tones.shape):
                continue
            window = slice(top, top + high), slice(left, left + wide)
            part = labels[window] == label
            length = _length(part, area)
            if length is None or length < _SHORTEST * min(tones.shape):
                continue
            places = np.nonzero(part)
            rows, columns = places[0] + top, places[1] + left
            others = float(crowd[rows, columns].mean()) - _own_share(part, rows, columns)
            if others > _CROWD * care.crowd:
                continue
            if _is_foreign(tones, rows, columns, direction[rows, columns], across, care):
                found[rows, columns] = True
                longest = max(longest, length)
    return found, longest


def _noise(tones: Plane) -> float:
    """Three standard deviations of what is no line."""
    fine = tones - cv2.GaussianBlur(tones, (0, 0), 1.5)
    return 3 * float(np.median(np.abs(fine))) / 0.6745


def _along_lines(raised: Plane) -> tuple[Plane, npt.NDArray[np.intp]]:
    """The largest mean along a line through each pixel, and the number of its direction."""
    best = np.full(raised.shape, -1, np.float32)
    direction = np.zeros(raised.shape, np.intp)
    limited = np.minimum(raised, 60)
    for number in range(_DIRECTIONS):
        angle = math.pi * number / _DIRECTIONS
        kernel = np.zeros((_ALONG, _ALONG), np.float32)
        middle, reach = _ALONG // 2, _ALONG / 2 - 1
        ends = [(round(middle + way * reach * math.cos(angle)), round(middle + way * reach * math.sin(angle))) for way in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1)
        mean = cv2.filter2D(limited, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
        better = mean > best
        best[better] = mean[better]
        direction[better] = number
    return best, direction


def _hysteresis(strong: Mask, weak: Mask) -> Mask:
    """The parts of `weak` in which there is something `strong`."""
    _, labels = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    kept = np.unique(labels[strong & weak])
    return np.asarray(np.isin(labels, kept[kept > 0]), np.bool_)


def _length(part: Mask, area: int) -> float | None:
    """Pixels; None if it is no line."""
    inside = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 3)
    width = max(1.0, 2 * float(np.percentile(inside[inside > 0], 80)) - 0.5)
    length = area / width
    # A line that goes to and fro is a part of a pattern.
    extent = math.hypot(*part.shape)
    return length if length / width >= _ELONGATION and length < 1.7 * extent else None


def _own_share(part: Mask, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> float:
    own = np.pad(part.astype(np.float32), _AROUND // 2)
    mean = cv2.blur(own, (_AROUND, _AROUND), borderType=cv2.BORDER_CONSTANT)
    half = _AROUND // 2
    return float(mean[rows - rows.min() + half, columns - columns.min() + half].mean())


def _is_foreign(
    tones: Plane, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], direction: npt.NDArray[np.intp], across: int, care: Care
) -> bool:
    """Whether a bright line does not belong to what is shown."""
    smooth = cv2.GaussianBlur(tones, (0, 0), 0.8)
    angles = np.pi * direction / _DIRECTIONS
    away = across / 2 + 2
    sides = []
    for way in (-1, 1):
        side_rows = np.clip(np.rint(rows + way * away * np.cos(angles)).astype(int), 0, tones.shape[0] - 1)
        side_columns = np.clip(np.rint(columns - way * away * np.sin(angles)).astype(int), 0, tones.shape[1] - 1)
        sides.append(smooth[side_rows, side_columns])
    # The middle of the line: its borders are mixed with what is beside it.
    line = cv2.dilate(smooth, np.ones((3, 3), np.uint8))[rows, columns]
    one, other = sides
    contrast = float(np.median(line - np.maximum(one, other)))
    if contrast < _LEAST_CONTRAST * care.contrast or float(np.median(np.abs(one - other))) > 0.6 * contrast:
        return False
    # It must stand out on nearly all of its way.
    if float((line > np.maximum(one, other) + 0.25 * contrast).mean()) < 0.7:
        return False
    around = (one + other) / 2
    extreme = float(np.median(line)) >= max(float(np.percentile(tones, 97)), 200.0) and _spread(line) < 60
    steady = _spread(around) > 24 and _spread(line) < 0.7 * _spread(around)
    return extreme or steady


def _spread(values: Plane) -> float:
    low, high = np.percentile(values, [15, 85])
    return float(high - low)


def _specks(tones: Plane, care: Care) -> Mask:
    """Small bright spots that are as white as nothing around them."""
    raised = _standing_out(tones, _WIDTHS[-1])
    around = cv2.blur(raised, (_AROUND, _AROUND))
    strong = (raised > np.maximum(45 * care.contrast, 5 * around)) & (tones > max(float(np.percentile(tones, 99)), 200.0))
    spots = _hysteresis(strong, np.asarray(raised > np.maximum(20, 2.5 * around), np.bool_))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(spots.astype(np.uint8), connectivity=8)
    most = (0.02 * min(tones.shape)) ** 2
    small = [label for label in range(1, count) if 3 <= stats[label][4] <= max(60, most) and max(stats[label][2:4]) <= 0.06 * min(tones.shape)]
    return np.asarray(np.isin(labels, small), np.bool_)
