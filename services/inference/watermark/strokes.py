"""Telling the strokes of a mark from the picture below it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

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
"""The colours that marks are drawn in, or near to. White and black come first: another one has to fit clearly better."""
_PREFERENCE = 0.7
_MOST_ASIDE = 0.6  # of what the paint adds: how far a pixel may lie from the line between the picture and the paint
_KERNELS = (9, 17, 31, 61, 101)  # pixels: the median has to be wider than two strokes, and no wider than the picture is smooth
_BINS = 50
_WINDOW = 0.3  # of the opacity: how far a stroke's core strays from it
_FAINTEST = 0.08
_EDGE = 0.4  # share of the opacity down to which pixels beside a core belong to the stroke
_STRONGEST = 1.7  # over that it is something else, such as print on the paper that the mark is on
_LEAST_PURITY = 0.55
_COVERAGE = (0.004, 0.6)
_LEAST_CORE = 0.35  # of a stroke's pixels
_LEAST_RISE = 0.6  # of the opacity, across a stroke's border
_LEAST_PIXELS = 24
_NOISE = 8.0  # levels
THIN = 3.5
"""Half a stroke's width in pixels, up to which it is all edge, and filled better than un-blended."""


def luminance(pixels: Pixels8) -> Plane:
    """Rec. 601 luma of height x width x 3, or the one channel there is; 0 to 255."""
    if pixels.shape[2] == 1:
        return pixels[..., 0].astype(np.float32)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """The pixels of a mark, and the name of its paint (`PAINTS`)."""

    mask: Mask
    paint: str


def find_strokes(pixels: Pixels8, region: Mask, size: int) -> Strokes | None:
    """The mark in `region` of an sRGB crop, None where it cannot be told from the picture.

    Marks are paint of one colour and opacity. Over a median-filtered copy, which has no strokes, each pixel gets the opacity that a paint
    would need there. The opacity that is much more frequent inside the region than around it is the mark's, and the
    connected shapes that mostly have it are its strokes. `size` is the region's smaller side in pixels, which bounds how thick they
    can be.
    """
    surround = ~region
    if surround.sum() < 64:
        return None
    best: tuple[float, Strokes] | None = None
    for kernel in _KERNELS:
        if kernel > max(_KERNELS[0], size):
            break
        below = cv2.medianBlur(pixels, kernel).astype(np.float32)
        for name, colour in PAINTS.items():
            opacity = _needed_opacity(pixels, below, np.array(colour, np.float32))
            found = _of_one_opacity(opacity, region, surround)
            if found is None:
                continue
            score = found[0] * (1.0 if name in ("white", "black") else _PREFERENCE)
            if best is None or score > best[0]:
                best = score, Strokes(found[1], name)
    return None if best is None else best[1]


def _needed_opacity(pixels: Pixels8, below: npt.NDArray[np.float32], colour: npt.NDArray[np.float32]) -> Plane:
    towards, added = colour - below, pixels - below
    # Where the picture nearly has the paint's colour, paint does not show and nothing can be said.
    length = (towards**2).sum(axis=2)
    opacity = (towards * added).sum(axis=2) / (length + 900)
    aside = (added**2).sum(axis=2) - opacity**2 * length
    opacity[aside > (_MOST_ASIDE * opacity) ** 2 * length + 3 * _NOISE**2] = 0
    return np.asarray(opacity, np.float32)


def _of_one_opacity(opacity: Plane, region: Mask, surround: Mask) -> tuple[float, Mask] | None:
    """The shapes of the most excessive opacity inside a region, and how much they stand out."""
    edges = np.linspace(0, 1.2, _BINS + 1)
    inside, outside = np.histogram(opacity[region], edges)[0], np.histogram(opacity[surround], edges)[0]
    expected = outside * (region.sum() / surround.sum())
    centres = (edges[:-1] + edges[1:]) / 2
    choice: tuple[float, float, float] | None = None
    for centre in centres[centres > _FAINTEST]:
        window = np.abs(centres - centre) <= _WINDOW * centre
        excess, total = float((inside - expected)[window].sum()), float(inside[window].sum())
        purity = excess / total if total else 0.0
        # Strong paint is less likely to be the picture's own than a faint tone.
        score = excess * purity * float(np.sqrt(centre))
        if purity >= _LEAST_PURITY and (choice is None or score > choice[0]):
            choice = score, float(centre), purity
    if choice is None:
        return None
    level = choice[1]
    core = (np.abs(opacity - level) <= _WINDOW * level) & region
    strokes = _shapes_of(core, (opacity > _EDGE * level) & (opacity < _STRONGEST * level) & region, opacity / level)
    coverage = strokes.sum() / region.sum()
    if not _COVERAGE[0] <= coverage <= _COVERAGE[1]:
        return None
    even = float(core[strokes].mean())
    # What lies between dark letters looks like light ones, but goes on beyond the region.
    rim = region & ~thinned(region, 2)
    closed = 1.05 - min(1.0, float(strokes[rim].mean()) / float(coverage)) if rim.any() else 1.0
    return float(np.sqrt(strokes.sum())) * even * closed * _steepness(strokes, opacity / level) ** 2, strokes


def _steepness(strokes: Mask, share: Plane) -> float:
    """How much of the opacity is gained within two pixels across the border: paint has an edge all round, a shade has not."""
    border = strokes & ~thinned(strokes, 1)
    inner = cv2.dilate(share.clip(0, 1), np.ones((5, 5), np.uint8))
    outer = cv2.erode(share.clip(0, 1), np.ones((5, 5), np.uint8))
    return float((inner - outer)[border].mean()) if border.any() else 0.0


def _shapes_of(core: Mask, candidates: Mask, share: Plane) -> Mask:
    """The connected candidates of which enough is core, and which end as sharply as paint does."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((candidates | core).astype(np.uint8), connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA]
    cores = np.bincount(labels[core], minlength=len(sizes))
    kept = (cores >= _LEAST_CORE * sizes) & (sizes >= _LEAST_PIXELS)
    border = candidates & ~thinned(candidates, 1)
    rise = (cv2.dilate(share.clip(0, 1), np.ones((5, 5), np.uint8)) - cv2.erode(share.clip(0, 1), np.ones((5, 5), np.uint8)))[border]
    kept &= np.bincount(labels[border], rise, len(sizes)) >= _LEAST_RISE * np.bincount(labels[border], minlength=len(sizes))
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)


def thickness(mask: Mask) -> float:
    """Half the width of the widest stroke, in pixels."""
    return float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())


def thickened(mask: Mask, pixels: int) -> Mask:
    """With every pixel up to so many pixels away."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0, np.bool_)


def thinned(mask: Mask, pixels: int) -> Mask:
    """Without every pixel closer than this to the outside."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel) > 0, np.bool_)
