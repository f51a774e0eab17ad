"""Distinguishing the strokes of a mark from the picture below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips

Mask = npt.NDArray[np.bool_]
Pixels8 = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

PAINTS = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (205, 30, 35),
    "blue": (25, 70, 200),
    "green": (20, 140, 60),
    "orange": (255, 140, 0),
    "yellow": (255, 225, 0),
    "purple": (150, 30, 150),
    "cyan": (0, 160, 190),
}
"""The colours in which marks are drawn, approximately. White and black come first: any other must fit clearly better."""
_PREFERENCE = 0.7
_MOST_ASIDE = 0.6  # of what the paint adds: how far a pixel may lie from the line between the picture and the paint
_KERNELS = (9, 17, 31, 61, 101)  # pixels: the median must be wider than two strokes, and no wider than the picture is smooth
_BINS, _LARGEST = 50, 1.2  # of a histogram of opacities
_WINDOW = 0.3  # of the opacity: how far a stroke's core may deviate from it
_FAINTEST = 0.08
_EDGE = 0.4  # share of the opacity down to which pixels next to a core belong to the stroke
_STRONGEST = 1.7  # above that it is something else, such as print on the paper under the mark
_LEAST_PURITY = 0.55
_COVERAGE = (0.004, 0.6)
_LEAST_CORE = 0.35  # of a stroke's pixels
_LEAST_RISE = 0.6  # of the opacity, across a stroke's border
_LEAST_PIXELS = 24
_NOISE = 8.0  # levels
_MOST_PIXELS = 2_000_000  # of a box that is examined at full size at once


def luminance(pixels: Pixels8) -> Plane:
    """Rec. 601 luma of height x width x 3, or the only channel; 0 to 255."""
    if pixels.shape[2] == 1:
        return pixels[..., 0].astype(np.float32)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """The pixels of a mark, and how it was painted."""

    mask: Mask
    paint: str
    """The name of its paint (`PAINTS`)."""
    opacity: float
    kernel: int
    """Side of the median, in pixels, that removes the strokes."""


def find_strokes(pixels: Pixels8, region: Mask, size: int) -> Strokes | None:
    """The mark in `region` of an sRGB crop; None if it cannot be distinguished from the picture.

    Marks are paint of one colour and opacity. Over a median-filtered copy, which has no strokes, each pixel gets the opacity that a paint
    would need there. The opacity that is much more frequent inside the region than around it is the mark's, and the
    connected shapes that mostly have it are its strokes. `size` is the region's smaller side in pixels, which bounds their
    thickness.
    """
    surround = ~region
    if surround.sum() < 64:
        return None
    best: tuple[float, Strokes] | None = None
    for kernel in _KERNELS:
        if kernel > max(_KERNELS[0], size):
            break
        seen = _Seen(pixels, np.asarray(cv2.medianBlur(pixels, kernel), np.uint8))
        for name, colour in PAINTS.items():
            found = _of_one_opacity(seen.needed_opacity(colour), region, surround)
            if found is None:
                continue
            score, mask, opacity = found
            score *= 1.0 if name in ("white", "black") else _PREFERENCE
            if best is None or score > best[0]:
                best = score, Strokes(mask, name, opacity, kernel)
    return None if best is None else best[1]


def find_strokes_in_box(pixels: Pixels8, region: Mask, size: int) -> Strokes | None:
    """`find_strokes` in a box of any size: of a large one on a smaller copy first, since it takes time and memory."""
    scale = min(1.0, (_MOST_PIXELS / region.size) ** 0.5)
    if scale == 1:
        return find_strokes(pixels, region, size)
    shape = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA), np.uint8)
    there = cv2.resize(region.astype(np.uint8), shape, interpolation=cv2.INTER_NEAREST) > 0
    found = find_strokes(small, there, max(1, round(size * scale)))
    return None if found is None else _at_full_size(pixels, region, np.asarray(cv2.medianBlur(small, found.kernel), np.uint8), found)


def _at_full_size(pixels: Pixels8, region: Mask, below: Pixels8, found: Strokes) -> Strokes:
    """Strokes that were found on a smaller copy; `below` is the picture without them."""
    height, width = region.shape
    pixel = width / below.shape[1]
    inner = cv2.resize(thin(found.mask, 1).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    near = cv2.resize(thicken(found.mask, 1).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    below = np.asarray(cv2.resize(below, (width, height)), np.uint8)
    mask = np.empty_like(region)
    for rows in strips(height):
        share = _Seen(pixels[rows], below[rows]).needed_opacity(PAINTS[found.paint]) / found.opacity
        mask[rows] = (share > _EDGE) & (share < _STRONGEST)
    # Single pixels at the border are noise.
    mask = cv2.medianBlur(((mask & near) | inner).astype(np.uint8), 3) > 0
    return Strokes(mask & region, found.paint, found.opacity, round(found.kernel * pixel))


class _Seen:
    """The amount that a paint must have added to the picture `below` to give the visible one."""

    def __init__(self, pixels: Pixels8, below: Pixels8) -> None:
        # Channel by channel: several times faster than sums over the last axis.
        self._below = [channel.astype(np.float32) for channel in cv2.split(below)]
        self._added = [channel - under for channel, under in zip(cv2.split(pixels), self._below, strict=True)]
        self._energy = _products(self._added, self._added)

    def needed_opacity(self, colour: tuple[int, ...]) -> Plane:
        """The opacity at each pixel; 0 where the added part is off the line between the picture and the paint."""
        towards = [np.float32(level) - under for level, under in zip(colour, self._below, strict=True)]
        # Where the picture nearly has the paint's colour, paint is invisible and nothing can be said.
        length = _products(towards, towards)
        opacity = _products(towards, self._added) / (length + 900)
        explained = opacity**2 * length
        opacity[self._energy - explained > _MOST_ASIDE**2 * explained + 3 * _NOISE**2] = 0
        return opacity


def _products(one: Sequence[Plane], other: Sequence[Plane]) -> Plane:
    """Sum over the channels of the products of two pictures' samples."""
    total: Plane = one[0] * other[0]
    for first, second in zip(one[1:], other[1:], strict=True):
        total += first * second
    return total


def _of_one_opacity(opacity: Plane, region: Mask, surround: Mask) -> tuple[float, Mask, float] | None:
    """The opacity most over-represented inside a region: how much its shapes stand out, those shapes, and the opacity."""
    # The first bin of the histograms is for values below 0, the last for values above the largest.
    step = _LARGEST / _BINS
    bins = ((opacity + np.float32(step)) * np.float32(1 / step)).clip(0, _BINS + 1).astype(np.uint8)
    inside, outside = (
        cv2.calcHist([bins], [0], where.astype(np.uint8), [_BINS + 2], [0, _BINS + 2]).ravel()[1:-1] for where in (region, surround)
    )
    expected = outside * (region.sum() / surround.sum())
    centres = (np.arange(_BINS) + 0.5) * step
    choice: tuple[float, float, float] | None = None
    for centre in centres[centres > _FAINTEST]:
        window = np.abs(centres - centre) <= _WINDOW * centre
        excess, total = float((inside - expected)[window].sum()), float(inside[window].sum())
        purity = excess / total if total else 0.0
        # Strong paint is less likely to belong to the picture than a faint tone.
        score = excess * purity * float(np.sqrt(centre))
        if purity >= _LEAST_PURITY and (choice is None or score > choice[0]):
            choice = score, float(centre), purity
    if choice is None:
        return None
    level = choice[1]
    core = (np.abs(opacity - level) <= _WINDOW * level) & region
    share = opacity / np.float32(level)
    strokes = _shapes_of(core, (opacity > _EDGE * level) & (opacity < _STRONGEST * level) & region, share)
    coverage = strokes.sum() / region.sum()
    if not _COVERAGE[0] <= coverage <= _COVERAGE[1]:
        return None
    even = float(core[strokes].mean())
    # The gaps between dark letters look like light letters, but continue beyond the region.
    rim = region & ~thin(region, 2)
    closed = 1.05 - min(1.0, float(strokes[rim].mean()) / float(coverage)) if rim.any() else 1.0
    return float(np.sqrt(strokes.sum())) * even * closed * _steepness(strokes, share) ** 2, strokes, level


def _rise(share: Plane) -> Plane:
    """How much of the opacity is gained within two pixels."""
    clipped, around = share.clip(0, 1), np.ones((5, 5), np.uint8)
    return np.asarray(cv2.dilate(clipped, around) - cv2.erode(clipped, around), np.float32)


def _steepness(strokes: Mask, share: Plane) -> float:
    """How much of the opacity is gained within two pixels across the border: paint has an edge all around, a shade does not."""
    border = strokes & ~thin(strokes, 1)
    return float(_rise(share)[border].mean()) if border.any() else 0.0


def _shapes_of(core: Mask, candidates: Mask, share: Plane) -> Mask:
    """The connected candidates that have enough core and edges as sharp as paint's."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((candidates | core).astype(np.uint8), connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA]
    cores = np.bincount(labels[core], minlength=len(sizes))
    kept = (cores >= _LEAST_CORE * sizes) & (sizes >= _LEAST_PIXELS)
    border = candidates & ~thin(candidates, 1)
    rise = _rise(share)[border]
    kept &= np.bincount(labels[border], rise, len(sizes)) >= _LEAST_RISE * np.bincount(labels[border], minlength=len(sizes))
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def thickness(mask: Mask) -> float:
    """Half the width of the widest stroke, in pixels."""
    return float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())


def thicken(mask: Mask, pixels: int) -> Mask:
    """The mask with every pixel up to this distance added."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0, np.bool_)


def thin(mask: Mask, pixels: int) -> Mask:
    """The mask without pixels closer than this to the outside."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel) > 0, np.bool_)
