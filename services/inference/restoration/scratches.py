"""Finding scratches, creases and specks in a scanned photograph.

Bright ones, where the paper shows, are streaks that are likely to be scratches. Dark ones have a rule of their own: what stands out of its
surroundings as a thin dark line, at several widths, is a candidate (top-hats of the negative, summed along lines of many directions), and
damage if it does not belong to what is shown: it lies alone, is the same on both sides, and either is as black as nothing else or keeps
its tone where its surroundings do not. Hair and letters come in numbers; the edges of things have two sides; wires and twigs are not as
black as ink. Specks are looked for only where there are scratches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.restoration.care import Care
from services.inference.restoration.creases import creases
from services.inference.restoration.standing_out import AROUND, WIDTHS, Mask, Plane, hysteresis, specks, standing_out
from services.inference.restoration.streaks import streaks
from services.inference.restoration.tones import grain, spread

Pixels8 = npt.NDArray[np.uint8]

_LONGEST_SIDE = 1600
"""Pixels of the copy in which they are looked for."""
_ALONG = 31
_DIRECTIONS, _SECTOR = 16, 6
"""How many, and how many next to each other one scratch has."""
_LEAST_CONTRAST = 10.0
_TEXTURE = 2.5
"""Times that a candidate stands out more than what is around it."""
_SHORTEST = 0.07
"""Length of a scratch, as a share of the shorter side."""
_SURE, _SURE_BY_ONE = 0.25, 0.15
"""Length of the sure ones together without which a photograph counts as undamaged, as a share of the shorter side, and how much of it one
may give: one alone may be a cord."""
_SURE_ODDS = 2.0
"""Logarithm of the odds of a sure streak."""
_ELONGATION = 7.0
_CROWD, _NEIGHBOURHOOD = 0.025, 121
"""Share of other candidates of its direction around one that lies alone, and how far around, in pixels."""

_THICKET = 0.1
"""Share of candidates of any direction, and of a line itself, around it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A dark line compared with its surroundings, in levels of 255 of the negative. The limits were chosen by 19 photographs
    and textures of scikit-image, scikit-learn and matplotlib, original and with drawn scratches; no photograph was held out."""

    contrast: float
    """To the side that is lighter in the negative."""
    difference: float
    """The difference of the sides, as a share of the contrast."""
    tone: float
    rank: float
    """Share of the negative that is darker."""
    spread: float
    spread_of_sides: float

    def is_sure(self, care: Care) -> bool:
        """Whether it is a scratch: no line that belongs to what is shown was like this."""
        return self._steady(30 * care.contrast, 0.25, 0.3) or self._extreme(85 * care.contrast, 0.97)

    def is_likely(self, care: Care) -> bool:
        """Whether it is one where there are others."""
        across_edges = self._steady(60 * care.contrast, 0.7, 0.25) and self.rank > 0.95
        return self._steady(25 * care.contrast, 0.25, 0.42) or across_edges or self._extreme(55 * care.contrast, 0.95)

    def _steady(self, contrast: float, difference: float, share: float) -> bool:
        """It keeps its tone where its surroundings do not."""
        varied = self.spread_of_sides > 40 and self.spread < share * (self.spread_of_sides + 5)
        return varied and self.contrast > contrast and self.difference <= difference

    def _extreme(self, contrast: float, rank: float) -> bool:
        """It is as black as little else."""
        black = self.rank > rank and self.tone > 235
        return black and self.contrast > contrast and self.difference <= 0.25 and self.spread < 50


@dataclass(frozen=True, slots=True)
class _Line:
    """A scratch, perhaps."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    length: float
    sure: bool


def damage(pixels: Pixels8, care: Care, check: Callable[[], None]) -> Mask:
    """The damage of a picture, height × width × 3, sRGB. `check` is called between parts and may raise."""
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
    negative = np.asarray(255 - gray, np.float32)
    lines = [*_bright_lines(gray, care, check), *_dark_lines(negative, care, check)]
    found = creases(gray, care.crease, check)
    if not found.any() and _together([line for line in lines if line.sure], gray.shape) < _SURE * care.sure * min(gray.shape):
        return found
    for line in lines:
        found[line.rows, line.columns] = True
    for tones in (gray, negative):
        check()
        found |= specks(tones, care)
    return np.asarray(cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, np.bool_)


def _together(lines: Sequence[_Line], shape: tuple[int, ...]) -> float:
    """How long they are, each up to a limit; what was found at several widths and in several directions counts once."""
    seen, total = np.zeros(shape, np.uint8), 0.0
    for line in sorted(lines, key=lambda one: -one.length):
        new = line.length * float((seen[line.rows, line.columns] == 0).mean())
        total += min(new, _SURE_BY_ONE * min(shape))
        own = np.zeros_like(seen)
        own[line.rows, line.columns] = 1
        seen |= np.asarray(cv2.dilate(own, np.ones((5, 5), np.uint8)), np.uint8)
    return total


def _bright_lines(gray: Plane, care: Care, check: Callable[[], None]) -> list[_Line]:
    """The streaks that are likely to be scratches."""
    shortest = _SHORTEST * min(gray.shape)
    found = [(each, each.odds - care.doubt) for each in streaks(gray, check)]
    return [
        _Line(each.rows, each.columns, each.length, odds > _SURE_ODDS and each.length >= shortest)
        for each, odds in found
        if odds > 0 and len(each.rows)
    ]


def _dark_lines(tones: Plane, care: Care, check: Callable[[], None]) -> list[_Line]:
    """The dark lines that may be scratches; `tones` are those of the negative, in which they are bright."""
    found: list[_Line] = []
    noise = 3 * grain(tones)
    for across in WIDTHS:
        check()
        raised = standing_out(tones, across)
        along, direction = _along_lines(raised)
        usual = cv2.blur(raised, (AROUND, AROUND))
        least = np.maximum(_LEAST_CONTRAST * care.contrast + noise, _TEXTURE * usual)
        candidates = hysteresis(along > 1.6 * least, along > least) & (raised > np.maximum(0.5 * least, 0.5 * along))
        joined = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        shortest = _SHORTEST * min(tones.shape)
        smooth = np.asarray(cv2.GaussianBlur(tones, (0, 0), 0.8), np.float32)
        everything = cv2.blur(joined.astype(np.float32), (_NEIGHBOURHOOD, _NEIGHBOURHOOD))
        for sector in range(0, _DIRECTIONS, _SECTOR // 2):
            # Those that cross are looked at one by one.
            heading = (direction - sector) % _DIRECTIONS < _SECTOR
            part_of = np.where(heading, joined, 0).astype(np.uint8)
            crowd = cv2.blur(part_of.astype(np.float32), (_NEIGHBOURHOOD, _NEIGHBOURHOOD))
            for part, top, left, area in _parts(part_of, shortest):
                length = _length(part, area)
                places = np.nonzero(part)
                rows, columns = places[0] + top, places[1] + left
                if (
                    length is None
                    or length < shortest
                    or float(crowd[rows, columns].mean()) - _own_share(part, places) > _CROWD * care.crowd
                ):
                    continue
                if float(everything[rows, columns].mean()) > _THICKET:
                    continue
                seen = _seen(tones, smooth, rows, columns, direction[rows, columns], across)
                if seen.is_likely(care):
                    found.append(_Line(rows, columns, length, seen.is_sure(care)))
    return found


def _parts(joined: npt.NDArray[np.uint8], shortest: float) -> Iterator[tuple[Mask, int, int, int]]:
    """The connected parts that extend this far: each within its box, the box's corner, and how many pixels it has."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    for label in range(1, count):
        left, top, wide, high, area = (int(value) for value in stats[label])
        if math.hypot(wide, high) >= shortest:
            yield labels[top : top + high, left : left + wide] == label, top, left, area


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


def _length(part: Mask, area: int) -> float | None:
    """Pixels; None if it is no line."""
    inside = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 3)
    width = max(1.0, 2 * float(np.percentile(inside[inside > 0], 80)) - 0.5)
    length = area / width
    # A line that goes to and fro is a part of a pattern.
    extent = math.hypot(*part.shape)
    return length if length / width >= _ELONGATION and length < 1.7 * extent else None


def _own_share(part: Mask, places: tuple[npt.NDArray[np.intp], ...]) -> float:
    """The share of a line in what is around its own pixels."""
    half = _NEIGHBOURHOOD // 2
    mean = cv2.blur(np.pad(part.astype(np.float32), half), (_NEIGHBOURHOOD, _NEIGHBOURHOOD), borderType=cv2.BORDER_CONSTANT)
    return float(mean[places[0] + half, places[1] + half].mean())


def _seen(
    tones: Plane,
    smooth: Plane,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    direction: npt.NDArray[np.intp],
    across: int,
) -> _Seen:
    """The features of a dark line compared with its surroundings; `tones` are those of the negative."""
    angles = np.pi * direction / _DIRECTIONS
    away = across / 2 + 2
    sides = []
    for way in (-1, 1):
        side_rows = np.clip(np.rint(rows + way * away * np.cos(angles)).astype(int), 0, tones.shape[0] - 1)
        side_columns = np.clip(np.rint(columns - way * away * np.sin(angles)).astype(int), 0, tones.shape[1] - 1)
        sides.append(smooth[side_rows, side_columns])
    # The middle of the line: its borders are mixed with their surroundings.
    line = np.asarray(cv2.dilate(smooth, np.ones((3, 3), np.uint8))[rows, columns], np.float32)
    lighter = np.maximum(*sides)
    contrast = max(1.0, float(np.median(line - lighter)))
    tone = float(np.median(line))
    return _Seen(
        contrast,
        float(np.median(np.abs(sides[0] - sides[1]))) / contrast,
        tone,
        float((tones < tone).mean()),
        spread(line),
        spread(np.asarray((sides[0] + sides[1]) / 2, np.float32)),
    )
