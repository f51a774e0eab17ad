"""Marks on a scanned page: large words, tiles and stamps, each as one thing, distinguished from shading, pictures, headlines and
signatures.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from services.inference.watermark.box import Box
from services.inference.watermark.page_layers import Layers, Levels, distance, least_and_most, mean
from services.inference.watermark.strokes import Mask

_TONES, _TONE_STEP, _TONE_REACH, _DARK_REACH = 8, 0.03, 0.05, 0.2  # of broad marks; the last of the light held back
_LEAST_AREA = 0.0004  # of the page
_COLOURED, _HUES, _HUE_REACH = 0.1, 24, 0.94  # difference between channels; bins of hue; cosine
_PALE = 0.62  # of the darkness of print, at the most
_DENSE, _DENSE_SIDE = 0.85, 123  # share of a window that a picture fills; the window's side in pixels at 150 dots an inch
_VARIED, _THICK = 0.1, 0.75  # standard deviation of tones; of the window's side: thicker than a mark's strokes
_STRIP = 0.2  # of the page's shorter side
_REACH, _BROAD_REACH = 0.012, 0.03  # of the page: gaps between letters
_PIECE, _BROAD_PIECE, _THICKER_PIECE = 5, 9, 15  # pixels at 150 dots an inch: smaller is noise, or what is left of print


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Pieces of one colour that stand together."""

    box: Box
    mask: Mask
    """In the box."""
    tone: Levels
    """Share of the light that comes through, of each channel."""
    thin: bool
    is_coloured: bool
    thick: bool = False
    """Without its thinner pieces."""


def groups(layers: Layers, unit: float, check: Callable[[], None]) -> Iterator[Group]:
    """All groups of a page that may be marks, broad ones first."""
    shown = pictures(layers, unit)
    for tone, mask in _broad(layers, shown, unit):
        # Rests of print may join a mark with others, or with shading.
        for thick in (False, True):
            check()
            cleaned = _cleaned(mask, round(_THICKER_PIECE * unit)) if thick else mask
            for box, part in _together(cleaned, unit, _BROAD_REACH):
                yield Group(box, part, tone, thin=False, is_coloured=_chroma(tone) > _COLOURED, thick=thick)
    thin = layers.broad - layers.light
    for tone, mask in (*_of_hues(layers, thin, shown), *_pale(layers, thin, shown, unit)):
        check()
        for box, part in _together(mask, unit, _REACH):
            yield Group(box, part, tone, thin=True, is_coloured=_chroma(tone) > _COLOURED)


def _chroma(tone: Levels) -> float:
    return float(tone.max() - tone.min())


def pictures(layers: Layers, unit: float) -> Mask:
    """Where nearly everything is covered over a large area, in many tones."""
    gray = mean(layers.broad)
    side = round(_DENSE_SIDE * unit) | 1
    size = side, side
    covered = 1 - gray > layers.least
    dense = cv2.blur(covered.astype(np.float32), size, borderType=cv2.BORDER_CONSTANT) > _DENSE
    varied = cv2.blur(gray * gray, size) - cv2.blur(gray, size) ** 2 > _VARIED**2
    grown = round(0.8 * side) | 1
    near = cv2.dilate((dense & varied).astype(np.uint8), np.ones((grown, grown), np.uint8)) > 0
    # Its own area, without the strokes of a mark that runs into it.
    thick = round(_THICK * side) | 1
    return np.asarray(near & (cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_OPEN, np.ones((thick, thick), np.uint8)) > 0), np.bool_)


def _broad(layers: Layers, shown: Mask, unit: float) -> Iterator[tuple[Levels, Mask]]:
    """Areas of one tone each, the largest tone first."""
    broad = layers.broad
    covered = (1 - least_and_most(broad)[0] > layers.least) & ~shown
    # Not at borders, where tones are mixed.
    inner = cv2.erode(covered.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    for tone in usual_tones(broad[inner], _LEAST_AREA * covered.size):
        near = distance(broad, tone) < _reach(tone)
        mask = _cleaned(near & covered & ~_strips(near & covered), round(_BROAD_PIECE * unit))
        if mask.sum() > _LEAST_AREA * covered.size:
            yield tone, mask


def usual_tones(values: Levels, least: float) -> Iterator[Levels]:
    """The tones that most values (number x channels) are near, the most frequent first; each has at least so many values."""
    for _ in range(_TONES):
        if len(values) < max(1, least):
            return
        codes = np.floor(values / _TONE_STEP).astype(np.int64) @ (64 ** np.arange(values.shape[1]))
        found, counts = np.unique(codes, return_counts=True)
        tone = values[codes == found[counts.argmax()]].mean(axis=0)
        tone = values[np.abs(values - tone).max(axis=1) < _reach(tone)].mean(axis=0)
        near = np.abs(values - tone).max(axis=1) < _reach(tone)
        yield tone.astype(np.float32)
        values = values[~near]


def _reach(tone: Levels) -> float:
    """How far values may be from a tone that they are of."""
    return max(_TONE_REACH, _DARK_REACH * float(1 - tone.min()))


def _strips(mask: Mask) -> Mask:
    """Upright runs that are longer than a letter is wide: shaded rows and columns of tables."""
    side = round(_STRIP * min(mask.shape))
    plane = mask.astype(np.uint8)
    strips = (cv2.morphologyEx(plane, cv2.MORPH_OPEN, np.ones(shape, np.uint8)) for shape in ((1, side), (side, 1)))
    return np.asarray(cv2.dilate(functools.reduce(np.maximum, strips), np.ones((5, 5), np.uint8)) > 0, np.bool_)


def _cleaned(mask: Mask, side: int) -> Mask:
    """Without specks and lines thinner than `side`."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return mask & (cv2.dilate(opened, np.ones((side // 2 | 1, side // 2 | 1), np.uint8)) > 0)


def _of_hues(layers: Layers, thin: Levels, shown: Mask) -> Iterator[tuple[Levels, Mask]]:
    """Thin strokes of each hue."""
    if thin.shape[2] == 1:
        return
    soft = np.asarray(cv2.blur(thin, (5, 5)), np.float32)
    low, high = least_and_most(soft)
    coloured = (high - low > _COLOURED * 0.8) & ~shown
    away = soft[coloured] - soft[coloured].min(axis=1, keepdims=True)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    hue = np.arctan2(np.sqrt(3) * (away[:, 1] - away[:, 2]), 2 * away[:, 0] - away[:, 1] - away[:, 2])
    bins = ((hue / (2 * np.pi) + 0.5) * _HUES).astype(np.int64) % _HUES
    counts = np.bincount(bins, minlength=_HUES)
    for _ in range(3):
        best = int(counts.argmax())
        if counts[best] < _LEAST_AREA * coloured.size / 2:
            return
        centre = away[bins == best].mean(axis=0)
        alike = away @ (centre / np.linalg.norm(centre)) > _HUE_REACH
        mask = np.zeros_like(coloured)
        mask[coloured] = alike
        strong = thin[mask]
        darkness = strong.mean(axis=1)
        usual, most = np.percentile(darkness, (50, 80))
        dark = strong[(darkness >= usual) & (darkness <= most)].mean(axis=0)
        yield (1 - dark).astype(np.float32), mask
        counts[np.unique(bins[alike])] = 0


def _pale(layers: Layers, thin: Levels, shown: Mask, unit: float) -> Iterator[tuple[Levels, Mask]]:
    """Thin strokes without colour that are paler than the print, by tone."""
    dark = mean(thin)
    drawn = (dark > layers.least) & ~shown
    count, labels, stats, _ = cv2.connectedComponentsWithStats(drawn.astype(np.uint8), connectivity=8)
    flat, values = labels[drawn], dark[drawn].astype(np.float64)
    # A mean that is close to the darkest: borders are paler than the stroke.
    darkest = np.bincount(flat, values**5, count) / np.maximum(np.bincount(flat, values**4, count), 1e-12)
    area = stats[:, cv2.CC_STAT_AREA]
    sound = area > (_PIECE * unit) ** 2 / 2
    sound[0] = False
    if not sound.any():
        return
    order = np.argsort(darkest[sound])
    share = np.cumsum(area[sound][order]) / area[sound].sum()
    print_ = darkest[sound][order][np.searchsorted(share, 0.75)]
    pale = sound & (darkest < _PALE * print_)
    counts, edges = np.histogram(darkest[pale], bins=np.arange(0, 1, 0.02), weights=area[pale])
    for _ in range(2):
        best = int(counts.argmax())
        if counts[best] < _LEAST_AREA * dark.size / 2:
            return
        level = edges[best] + 0.01
        kept = pale & (np.abs(darkest - level) < max(0.04, 0.2 * level))
        counts[(np.abs(edges[:-1] + 0.01 - level) < max(0.04, 0.2 * level))] = 0
        mask = kept[labels]
        strong = thin[mask]
        tone = 1 - strong[strong.mean(axis=1) > 0.7 * level].mean(axis=0)
        yield tone.astype(np.float32), mask


def _together(mask: Mask, unit: float, reach: float) -> Iterator[tuple[Box, Mask]]:
    """The mask's pieces, joined over gaps as between letters."""
    height, width = mask.shape
    small = cv2.resize(mask.astype(np.float32), (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    side = 2 * round(reach * max(height, width) / 4) + 1
    near = cv2.dilate((small > 0.15).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    for number in range(1, count):
        left, top, across, down, _ = (int(value) for value in stats[number])
        box = Box(4 * left, 4 * top, min(width, 4 * (left + across)), min(height, 4 * (top + down)))
        part = (labels[top : top + down, left : left + across] == number).astype(np.uint8)
        inside = mask[box.window] & (cv2.resize(part, (box.width, box.height), interpolation=cv2.INTER_NEAREST) > 0)
        if inside.sum() > (3 * _PIECE * unit) ** 2 / 4:
            yield box, inside
