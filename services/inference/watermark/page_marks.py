"""Which groups on a scanned page are marks, by their shape: slanted or large words, repeated words, stamps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box
from services.inference.watermark.page_groups import Group
from services.inference.watermark.page_layers import USUAL_SIDE, Layers, Levels, least_and_most, mean
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import Mask

_SURE, _LIKELY = 0.9, 0.5  # confidence
_TILT = (12.0, 78.0)  # degrees
_LONG, _FILLED, _PIECES = 0.2, (0.15, 0.75), 3  # of the page's width; of its rectangle; letters
_CELL = 0.85  # of its upright rectangle: more than a letter fills
_STROKE = (0.05, 0.5)  # thickness, of the height of a line
_BINS, _FULL_BINS, _FULL = 12, 0.7, 0.5  # along a line: parts in which the letters reach over so much of its height
_TALL, _WIDE = 0.025, 0.35  # of the page's height, and of its width: a level word that is no headline
_CROSSED = 0.12  # of a mark's border
_ROUND, _RING_BINS, _RING, _RIM = (0.05, 0.3), 72, 0.85, 0.88  # of the page's width; angles; share of them; of the radius
_SQUARE = 1.25
_LETTERHEAD = 0.15  # of the page: where a ring may be a logo
_FRAME, _FRAMED = 0.1, 0.85  # of the shorter side; share of the frame
_FRAME_TILT = 3.0
_WORDS, _ALIKE, _PARALLEL = 4, 0.3, 5.0  # of a tiled mark; relative length; degrees
_HIT, _PRESENT = 0.85, 0.6  # share of a word's strokes that are dark; of its tone
_COMMON = 0.75  # share of the places
_EXTENT, _DARKER = 25, 0.03  # pixels at 150 dots an inch; share of the light
_CONTRAST = 0.3  # between a word's strokes and what is beside them
_MOST_TILES = 400


@dataclass(frozen=True, slots=True, eq=False)
class PageMark:
    """One mark of a page: all that belongs to it."""

    kind: Kind
    box: Box
    cover: Mask
    """Of the box: where the mark lies, print over or under it included."""
    tone: Levels
    """Share of the light that comes through, of each channel."""
    thin: bool
    coloured: bool
    confidence: float
    evidence: tuple[str, ...]

    @property
    def sure(self) -> bool:
        """Whether it may be removed without being requested."""
        return self.confidence >= _SURE


@dataclass(frozen=True, slots=True)
class _Line:
    """The narrowest rectangle around a group: its centre, length, height, and tilt in degrees, -90 to 90."""

    x: float
    y: float
    length: float
    height: float
    tilt: float

    @property
    def slanted(self) -> bool:
        return _TILT[0] <= abs(self.tilt) <= _TILT[1]


def judged(groups: Sequence[Group], layers: Layers) -> list[PageMark]:
    """The marks among a page's groups."""
    size = layers.ink.shape
    # One thing has one colour at its middle and others at its border: what takes most of the light is first.
    groups = sorted(groups, key=lambda group: -float(group.mask.sum() * (1 - group.tone.mean())))
    lines = [_line(group) for group in groups]
    found: list[PageMark] = []
    tiled = _tiled(groups, lines, layers)
    if tiled is not None:
        found.append(tiled)
    for group, line in zip(groups, lines, strict=True):
        for mark in _single(group, line, layers, size):
            if not any(_same(mark, other) for other in found):
                found.append(mark)
    return found


def _same(one: PageMark, other: PageMark) -> bool:
    across = min(one.box.right, other.box.right) - max(one.box.left, other.box.left)
    down = min(one.box.bottom, other.box.bottom) - max(one.box.top, other.box.top)
    return max(0, across) * max(0, down) > 0.5 * min(one.box.area, other.box.area)


def _line(group: Group) -> _Line:
    rows, columns = np.nonzero(group.mask)
    step = max(1, rows.size // 20_000)
    (x, y), (width, height), angle = cv2.minAreaRect(np.stack([columns, rows], axis=1)[::step].astype(np.float32))
    if width < height:
        width, height, angle = height, width, angle + 90
    tilt = (angle + 90) % 180 - 90
    return _Line(x + group.box.left, y + group.box.top, max(width, 1.0), max(height, 1.0), tilt)


def _single(group: Group, line: _Line, layers: Layers, size: Sequence[int]) -> Iterator[PageMark]:
    evidence = _word(group, line, layers, size) or (_stamp(group, line, layers, size) if group.coloured else None)
    if evidence is not None:
        confidence, *said = evidence
        yield PageMark(
            Kind.TEXT,
            group.box,
            group.mask if group.thin else _extended(group, layers),
            group.tone,
            group.thin,
            group.coloured,
            confidence,
            tuple(said),
        )


def _extended(group: Group, layers: Layers) -> Mask:
    """With what lies in a mark's reach and is darker: the mark over shading, or over rests of print."""
    side = 2 * round(_EXTENT * max(layers.ink.shape) / USUAL_SIDE) + 1
    near = cv2.morphologyEx(group.mask.astype(np.uint8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
    darker = least_and_most(group.tone + _DARKER - layers.broad[group.box.window])[0] > 0
    return group.mask | (near & darker)


def _word(group: Group, line: _Line, layers: Layers, size: Sequence[int]) -> tuple[float, *tuple[str, ...]] | None:
    height, width = size
    large = line.length > _LONG * width if line.slanted else line.length > _WIDE * width and line.height > _TALL * height and not group.thin
    if not large or not _is_line(group, line):
        return None
    if line.slanted:
        return _SURE, "tilted", "paint of one colour and opacity"
    if abs(line.tilt) < _TILT[0] and _crossed(group, layers) > _CROSSED:
        return _SURE, "large across the middle", "print runs through it", "paint of one colour and opacity"
    return None


def _is_line(group: Group, line: _Line) -> bool:
    """Whether a group is letters side by side: in several pieces, as high from end to end, with strokes of a letter's weight."""
    mask = group.mask.astype(np.uint8)
    area = int(mask.sum())
    if not _FILLED[0] <= area / (line.length * line.height) <= _FILLED[1] or line.height > 0.6 * line.length:
        return False
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    stats = stats[stats[:, cv2.CC_STAT_AREA] > 0.02 * area]
    filled = stats[:, cv2.CC_STAT_AREA] / (stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT])
    if len(stats) < _PIECES or float(np.median(filled)) > _CELL:
        return False
    depth = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), cv2.DIST_L2, 3)
    # The middle of strokes: a quarter of a bar's pixels are deeper than three quarters of half its width.
    stroke = 2 * float(np.percentile(depth[depth > 0], 75)) / 0.75
    if not _STROKE[0] <= stroke / line.height <= _STROKE[1]:
        return False
    rows, columns = np.nonzero(mask)
    angle = math.radians(line.tilt)
    x, y = columns + group.box.left - line.x, rows + group.box.top - line.y
    along, over = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    bins = ((along / line.length + 0.5) * _BINS).astype(np.int64).clip(0, _BINS - 1)
    full = sum(bool(np.ptp(over[bins == number]) > _FULL * line.height) for number in np.unique(bins))
    return full >= _FULL_BINS * _BINS


def _crossed(group: Group, layers: Layers) -> float:
    """Share of a group's border with print across it."""
    border = cv2.morphologyEx(group.mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(layers.ink[group.box.window][border].mean())


def _stamp(group: Group, line: _Line, layers: Layers, size: Sequence[int]) -> tuple[float, *tuple[str, ...]] | None:
    """Confidence and evidence if a coloured group is a ring, or a frame around something."""
    if not _ROUND[0] * size[1] <= line.length <= _ROUND[1] * size[1]:
        return None
    rows, columns = np.nonzero(group.mask)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    over_print = _over_print(group, layers)
    if line.length < _SQUARE * line.height and _is_ring(points) and group.box.top > _LETTERHEAD * size[0]:
        return (_SURE, "a ring of coloured ink", "over print") if over_print else (_LIKELY, "a ring of coloured ink")
    if abs((line.tilt + 45) % 90 - 45) > _FRAME_TILT and _is_frame(points, line, group):
        return _SURE, "a tilted frame of coloured ink"
    return None


def _over_print(group: Group, layers: Layers) -> bool:
    """Whether print that is not of the group's colour goes through it."""
    hull = cv2.convexHull(np.argwhere(group.mask)[:, ::-1].astype(np.int32))
    inside = np.zeros(group.mask.shape, np.uint8)
    cv2.fillConvexPoly(inside, hull, 1)
    near = cv2.dilate(group.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ink = layers.ink[group.box.window] & (inside > 0)
    return bool((ink & ~near).sum() > 0.05 * group.mask.sum())


def _is_ring(points: npt.NDArray[np.float32]) -> bool:
    (x, y), radius = cv2.minEnclosingCircle(points)
    away = points - np.array((x, y), np.float32)
    outer = np.hypot(away[:, 0], away[:, 1]) > _RIM * radius
    bins = ((np.arctan2(away[outer, 1], away[outer, 0]) / (2 * np.pi) + 0.5) * _RING_BINS).astype(np.int64) % _RING_BINS
    return np.unique(bins).size >= _RING * _RING_BINS


def _is_frame(points: npt.NDArray[np.float32], line: _Line, group: Group) -> bool:
    angle = math.radians(line.tilt)
    x, y = points[:, 0] + group.box.left - line.x, points[:, 1] + group.box.top - line.y
    along, over = (x * math.cos(angle) + y * math.sin(angle)) / line.length, (y * math.cos(angle) - x * math.sin(angle)) / line.height
    near, slim = _FRAME, _FRAME * line.height / line.length
    sides = [along[over < near - 0.5], along[over > 0.5 - near], over[along < slim - 0.5], over[along > 0.5 - slim]]
    filled = [np.unique(((side + 0.5) * 2 * _BINS).astype(np.int64)).size / (2 * _BINS) for side in sides]
    return min(filled) >= _FRAMED


def _tiled(groups: Sequence[Group], lines: Sequence[_Line], layers: Layers) -> PageMark | None:
    """Slanted words that are there several times, and then wherever else the page has the same."""
    best: tuple[int, float, Group] | None = None
    for group, line in sorted(zip(groups, lines, strict=True), key=lambda pair: -pair[0].mask.sum()):
        if not line.slanted or not _is_line(group, line):
            continue
        alike = [
            other
            for each, other in zip(groups, lines, strict=True)
            if each.thin == group.thin
            and np.abs(each.tone - group.tone).max() < 0.1
            and abs(other.tilt - line.tilt) < _PARALLEL
            and abs(other.length / line.length - 1) < _ALIKE
            and abs(other.height / line.height - 1) < _ALIKE
        ]
        middle = abs(line.length - float(np.median([other.length for other in alike])))
        if len(alike) >= _WORDS and (best is None or (len(alike), -middle) > best[:2]):
            best = len(alike), -middle, group
    return None if best is None else _everywhere(best[2], layers)


def _everywhere(group: Group, layers: Layers) -> PageMark:
    """The word at each place where nearly all of its strokes are dark, with letters that print hides at some places."""
    rows, columns = np.nonzero(group.mask)
    word = group.mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.float32)
    lost = (1 - mean(layers.light)) > _PRESENT * float(1 - group.tone.mean())
    down, across = word.shape
    edges = (2 * down, 2 * down, 2 * across, 2 * across)
    page, known = (
        np.asarray(cv2.copyMakeBorder(plane, *edges, cv2.BORDER_CONSTANT, value=0), np.uint8)
        for plane in (cv2.dilate(lost.astype(np.uint8), np.ones((3, 3), np.uint8)), np.ones(lost.shape, np.uint8))
    )
    cover = np.zeros(page.shape, np.bool_)
    places = _places(page, known, word)
    # As much again on each side, where letters may be hidden in this word.
    windows = [(slice(y - down, y + 2 * down), slice(x - across, x + 2 * across)) for x, y in places if y >= down and x >= across]
    windows = [(rows, columns) for rows, columns in windows if rows.stop <= page.shape[0] and columns.stop <= page.shape[1]]
    counted, dark = (np.zeros((3 * down, 3 * across), np.float32) for _ in range(2))
    for window in windows:
        counted += known[window]
        dark += page[window]
    common = (dark >= _COMMON * counted) & (counted >= _WORDS)
    for window in windows:
        cover[window] |= common
    cover = cover[edges[0] : -edges[0], edges[2] : -edges[2]]
    box = Box(0, 0, lost.shape[1], lost.shape[0])
    evidence = (f"the same word {len(places)} times", "tilted")
    return PageMark(Kind.TILED, box, cover, group.tone, group.thin, group.coloured, _SURE, evidence)


def _places(page: npt.NDArray[np.uint8], known: npt.NDArray[np.uint8], word: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """Column and row of each place where a page is dark where the word is, and less so beside its strokes."""
    down, across = word.shape
    hits, visible = (cv2.matchTemplate(plane.astype(np.float32), word, cv2.TM_CCORR) for plane in (page, known))
    ring = cv2.dilate(word, np.ones((9, 9), np.uint8)) - cv2.dilate(word, np.ones((5, 5), np.uint8))
    around = cv2.matchTemplate(page.astype(np.float32), ring, cv2.TM_CCORR) / max(1.0, float(ring.sum()))
    share = np.where(visible > 0.3 * word.sum(), hits / np.maximum(visible, 1), 0).astype(np.float32)
    share[share - around < _CONTRAST] = 0
    places: list[tuple[int, int]] = []
    while len(places) < _MOST_TILES:
        _, best, _, (x, y) = cv2.minMaxLoc(share)
        if best < _HIT:
            break
        places.append((x, y))
        share[max(0, y - down // 2) : y + down // 2 + 1, max(0, x - across // 2) : x + across // 2 + 1] = 0
    return places
