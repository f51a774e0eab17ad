"""Words that are tiled over a scanned page: the same word wherever the page has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.box import Box
from services.inference.watermark.page_cover import grow_mask, joined_pieces
from services.inference.watermark.page_groups import Group, pictures
from services.inference.watermark.page_layers import USUAL_SIDE, Layers, mean
from services.inference.watermark.page_shapes import GroupLine, is_line, line_of
from services.inference.watermark.strokes import Mask, Plane

_SEEN_WHOLE, _WORDS = 3, 6  # words of a tiled mark: without print across them, and all
_ALIKE, _PARALLEL = 0.3, 5.0  # relative length; degrees
_HIT, _PRESENT = 0.85, 0.6  # share of a word's strokes that are dark; of its tone
_COMMON = 0.75  # share of the places
_CONTRAST = 0.3  # between a word's strokes and their surroundings
_MOST_TILES = 400
_LINE, _GAP = 0.7, 0.25  # of a word's height: what is farther from its middle is of another line; half the widest gap in one
_NEAR = 5  # pixels
_ORDERED, _SINE = 0.4, 0.3  # share of the places; of the angle between two directions
_OUTSIDE = 0.2  # of a word's strokes: outside pictures
_VISIBLE, _LEAST_LIGHT = 0.4, 0.1  # of a word's usual darkness; share of the light
_ROUNDS, _SAID = 3, 2  # places that say the same


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """A word that is there many times."""

    word: Group
    """One of them."""
    number: int
    cover: Mask
    """All of them on the page."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A page, with a border of nothing."""

    dark: Plane
    """Share of the light held back."""
    outside_pictures: Plane
    """1 outside pictures."""
    opacity: float
    """The opacity of the word."""


def find_tiles(groups: Sequence[Group], lines: Sequence[GroupLine], layers: Layers) -> Tiles | None:
    """Slanted words that are there several times, and then wherever else the page has the same."""
    best: tuple[int, float, Group] | None = None
    for group, line in sorted(zip(groups, lines, strict=True), key=lambda pair: -pair[0].mask.sum()):
        if not line.is_slanted or not is_line(group, line):
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
        # A word may be there in several tones, and with and without what is near it.
        number = len({(round(other.x / line.length), round(other.y / line.length)) for other in alike})
        if number >= _SEEN_WHOLE and (best is None or (number, -middle) > best[:2]):
            best = number, -middle, group
    found = None if best is None else _everywhere(best[2], layers)
    return None if found is None or found.number < _WORDS else found


def _everywhere(group: Group, layers: Layers) -> Tiles:
    """The word at each place where nearly all of its strokes are dark, with letters that print hides at some places."""
    rows, columns = np.nonzero(group.mask)
    word = group.mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.float32)
    lost = (1 - mean(layers.light)) > _PRESENT * float(1 - group.tone.mean())
    down, across = word.shape
    edges = (3 * down, 3 * down, 3 * across, 3 * across)
    page, known = (
        np.asarray(cv2.copyMakeBorder(plane, *edges, cv2.BORDER_CONSTANT, value=0), np.uint8)
        for plane in (cv2.dilate(lost.astype(np.uint8), np.ones((3, 3), np.uint8)), np.ones(lost.shape, np.uint8))
    )
    cover = np.zeros(page.shape, np.bool_)
    places = _places(page, known, word)
    outside = ~pictures(layers, max(lost.shape) / USUAL_SIDE)
    dark, clear = (np.pad(plane, (edges[:2], edges[2:])) for plane in (1 - mean(layers.light), outside.astype(np.float32)))
    places += _between(places, _Seen(dark, clear, float(1 - group.tone.mean())), word)
    # Twice as much again on each side, where letters may be hidden in this word, or farther from each other than those of a group.
    windows = [(slice(y - 2 * down, y + 3 * down), slice(x - 2 * across, x + 3 * across)) for x, y in places]
    windows = [(rows, columns) for rows, columns in windows if min(rows.start, columns.start) >= 0]
    windows = [(rows, columns) for rows, columns in windows if rows.stop <= page.shape[0] and columns.stop <= page.shape[1]]
    counted, dark = (np.zeros((5 * down, 5 * across), np.float32) for _ in range(2))
    for window in windows:
        counted += known[window]
        dark += page[window]
    common = (dark >= _COMMON * counted) & (counted >= _WORDS) & _on_line(group, down, across)
    middle = np.pad(word > 0, ((2 * down, 2 * down), (2 * across, 2 * across)))
    common &= joined_pieces(grow_mask(common, _GAP * line_of(group).height), middle)
    for window in windows:
        cover[window] |= common
    cover = cover[edges[0] : -edges[0], edges[2] : -edges[2]]
    return Tiles(group, len(places), cover)


def _on_line(word: Group, down: int, across: int) -> Mask:
    """In a window five times as large as a word: the line that it is on."""
    line = replace(line_of(word), x=2.5 * across, y=2.5 * down)
    return line.band(Box(0, 0, 5 * across, 5 * down), 5.0, _LINE)


def _between(places: Sequence[tuple[int, int]], seen: _Seen, word: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """Places where the word is not seen, over shading or a picture, although those around it say that it is there."""
    added: list[tuple[int, int]] = []
    steps = _steps(places)
    known = np.array(places, np.int64).reshape(-1, 2)
    for _ in range(_ROUNDS if len(steps) else 0):
        expected = (known[:, np.newaxis] + steps).reshape(-1, 2)
        alike = (np.abs(expected[:, np.newaxis] - expected).max(axis=2) <= _NEAR).sum(axis=1) >= _SAID
        new: list[tuple[int, int]] = []
        for x, y in expected[alike]:
            if np.abs(np.concatenate([known, np.array(new, np.int64).reshape(-1, 2)]) - (x, y)).max(axis=1).min() <= min(word.shape) // 3:
                continue
            best = _best(int(x), int(y), seen, word)
            if best is not None:
                new.append(best)
        if not new:
            break
        added += new
        known = np.concatenate([known, np.array(new, np.int64)])
    return added


def _steps(places: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """From a place to those next to it, if most are in the same order: two directions and back."""
    points = np.array(places, np.int64).reshape(-1, 2)
    apart = (points[:, np.newaxis] - points).reshape(-1, 2)
    apart = apart[(apart[:, 1] > _NEAR) | ((np.abs(apart[:, 1]) <= _NEAR) & (apart[:, 0] > _NEAR))]
    if not len(apart):
        return np.empty((0, 2), np.int64)
    # How many are alike, to about the pixels of a bin.
    bins = (apart - apart.min(axis=0)) // _NEAR
    counts = np.zeros(bins.max(axis=0) + 1, np.float32)
    np.add.at(counts, tuple(bins.T), 1)
    same = cv2.boxFilter(counts, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)[tuple(bins.T)]
    found: list[npt.NDArray[np.int64]] = []
    # The most frequent ones: rows may be shifted against each other.
    for number in np.lexsort((np.hypot(apart[:, 0], apart[:, 1]), -same)):
        step = apart[number]
        if same[number] < _ORDERED * len(points) or len(found) == 2:
            break
        if all(abs(each[0] * step[1] - each[1] * step[0]) > _SINE * math.hypot(*each) * math.hypot(*step) for each in found):
            found.append(step)
    return np.array([sign * step for step in found for sign in (1, -1)], np.int64).reshape(-1, 2)


def _best(x: int, y: int, seen: _Seen, word: npt.NDArray[np.float32]) -> tuple[int, int] | None:
    """Where, within a few pixels, a word is darkest against its surroundings; None if it is not there."""
    down, across = word.shape
    top, left = max(0, y - _NEAR), max(0, x - _NEAR)
    window = slice(top, y + _NEAR + down), slice(left, x + _NEAR + across)
    dark, known = seen.dark[window], seen.outside_pictures[window]
    # Off the page, around which there is more than this.
    if dark.shape != (down + 2 * _NEAR, across + 2 * _NEAR):
        return None
    # The area outside pictures is better evidence.
    if known[_NEAR : _NEAR + down, _NEAR : _NEAR + across][word > 0].mean() < _OUTSIDE:
        known = np.ones_like(known)
    in_word, beside = (
        cv2.matchTemplate(dark * known, mask, cv2.TM_CCORR) / np.maximum(1, cv2.matchTemplate(known, mask, cv2.TM_CCORR))
        for mask in (word, _beside(word))
    )
    less_light = (in_word - beside) / np.maximum(1 - beside, _LEAST_LIGHT)
    _, most, _, (right, below) = cv2.minMaxLoc(less_light)
    return (left + right, top + below) if most > _VISIBLE * seen.opacity else None


def _beside(word: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The surroundings of a word's strokes, without their soft borders."""
    wide, narrow = (cv2.dilate(word, np.ones((side, side), np.uint8)) for side in (9, 5))
    return np.asarray(wide - narrow, np.float32)


def _places(page: npt.NDArray[np.uint8], known: npt.NDArray[np.uint8], word: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """Column and row of each place where a page is dark where the word is, and less so next to its strokes."""
    down, across = word.shape
    hits, visible = (cv2.matchTemplate(plane.astype(np.float32), word, cv2.TM_CCORR) for plane in (page, known))
    ring = _beside(word)
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
