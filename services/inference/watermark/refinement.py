"""Translucent marks at full size: from shapes on a small copy of a picture to the paint's cover of each pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.blending import Blend, measure, purify_colour, smooth_below
from services.inference.watermark.box import Box
from services.inference.watermark.cover import smoothest_cover
from services.inference.watermark.strokes import Mask, Pixels8, Plane, thicken, thin

LEAST_SIZE = 10  # pixels
MOST_TRIED = 0.85  # opacity: opaque paint hides everything, so smoothness is no evidence for it
OPACITIES = np.linspace(0.1, 1.1, 50)
WINDOW = 0.15  # of the opacity
MOST_MISFIT = 0.35  # of what the paint adds
LEAST_CORRELATION, USUAL_MISFIT = 0.85, 0.1
_REFINEMENTS = 40
_LEAST_REFINED = 0.7  # mean cover in a shape
_MOST_LOOKED_AT, _MOST_REFINED = 300_000, 1_500_000  # pixels
_RIM = 1  # pixels
_MOST_EVEN, _EVENNESS = 12_000, 0.08  # pixels; of the opacity
_LETTER, _BESIDE = 1.0, 6  # of the largest shape, along the line that the shapes make; pixels, across it


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A mark of one paint. `cover` has the size of `box`. The paint's correlation is 0 if nothing was visible through it."""

    box: Box
    cover: Plane
    blend: Blend
    shapes: int
    edges_known: bool = False
    """Whether the cover is exact in the edges, too: then nothing has to be filled."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A mark on the small copy."""

    shapes: Mask
    blend: Blend
    count: int

    @property
    def strength(self) -> float:
        """Strength of the evidence for it."""
        return self.blend.correlation**4 * float(np.sqrt(self.shapes.sum())) / (USUAL_MISFIT + self.blend.misfit)


def refine_mark(pixels: Pixels8, candidate: Candidate, region: Mask | None, check: Callable[[], None]) -> Overlay | None:
    """The mark at full size. A large one is examined on a smaller copy first, which rules out most false ones."""
    height, width = pixels.shape[:2]
    shapes = candidate.shapes
    rows, columns = np.nonzero(shapes)
    scale = width / shapes.shape[1], height / shapes.shape[0]
    margin = round(_LETTER * min(scale) * _extent(shapes)) + 5
    box = Box(
        int(columns.min() * scale[0]), int(rows.min() * scale[1]), round((columns.max() + 1) * scale[0]), round((rows.max() + 1) * scale[1])
    ).grown(margin, width, height)
    overlay = None
    for most in (_MOST_LOOKED_AT, _MOST_REFINED):
        overlay = _refined_in(pixels, candidate, region, box, margin, most, check)
        if overlay is None or box.area <= most:
            break
    return overlay


def _refined_in(
    pixels: Pixels8, candidate: Candidate, region: Mask | None, box: Box, margin: int, most: int, check: Callable[[], None]
) -> Overlay | None:
    """The mark in a box: its cover with the measured paint, found in the channel that the paint changes most.

    The cover of a mark larger than `most` pixels is found on a smaller copy, which makes the rim to fill wider.
    """
    blend = candidate.blend
    crop = np.ascontiguousarray(pixels[box.window])
    inside = np.ones(crop.shape[:2], np.bool_) if region is None else region[box.window]
    if box.area > most:
        share = (most / box.area) ** 0.5
        size = max(1, round(box.width * share)), max(1, round(box.height * share))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
        inside = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    guess = _part(candidate.shapes, pixels.shape[:2], box, crop.shape[:2])
    # The small copy gives the opacity of thin shapes too roughly.
    if blend.misfit == USUAL_MISFIT:
        core = thin(guess > 0.5, _RIM) & inside
        opacities, _, _ = needed_opacities(crop, core.astype(np.int32), 1, np.array([blend.colour], np.float32))
        blend = replace(blend, opacity=float(opacities[0, 0].clip(OPACITIES[0], MOST_TRIED)))
    channel, colour = clearest(crop, blend)
    cover = smoothest_cover(crop[..., channel].astype(np.float32), colour[channel], blend.opacity, _REFINEMENTS, check, guess)
    allowed = _along(guess > 0.5, round(margin * crop.shape[1] / box.width)) & inside
    # Along a line that was found, a shape needs less evidence: letters touch the picture's own edges.
    shapes = _of_paint(crop, (cover > 0.5) & allowed, blend, cover, 2 * WINDOW)
    measured = measure(crop, shapes)
    if measured is not None:
        # The better estimate now excludes more of the picture's own shapes.
        measured = purify_colour(crop, shapes, measured)
        shapes = _of_paint(crop, shapes, measured, cover, WINDOW)
        measured = measure(crop, shapes)
    if measured is None or not (measured.correlation >= LEAST_CORRELATION or measured.shows_through):
        measured = _even(crop, shapes, blend)
    if measured is None:
        return None
    # Only a rim is partly covered.
    cover[~thicken(shapes, _RIM) | ~allowed] = 0
    cover[thin(shapes, _RIM)] = 1
    if cover.shape != (box.height, box.width):
        cover = np.asarray(cv2.resize(cover, (box.width, box.height)), np.float32)
    rows, columns = np.nonzero(cover)
    inner = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    count = cv2.connectedComponents(shapes.astype(np.uint8))[0] - 1
    return Overlay(
        inner.translate(box.left, box.top),
        cover[inner.window],
        purify_colour(crop, shapes, measured) if measured.correlation else measured,
        count,
    )


def _part(shapes: Mask, whole: tuple[int, ...], box: Box, size: tuple[int, ...]) -> Plane:
    """The shapes of the small copy of a picture of size `whole`, mapped into a box of that, at `size` (height, width) in pixels."""
    across, down = shapes.shape[1] / whole[1], shapes.shape[0] / whole[0]
    steps = box.width / size[1] * across, box.height / size[0] * down
    place = np.array(
        [[steps[0], 0, box.left * across + 0.5 * steps[0] - 0.5], [0, steps[1], box.top * down + 0.5 * steps[1] - 0.5]], np.float64
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(shapes.astype(np.float32), place, size[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _even(crop: Pixels8, shapes: Mask, blend: Blend) -> Blend | None:
    """The paint of small shapes that are opaque or on ground too plain to show through, if it is exactly of one opacity."""
    core = thin(shapes, 1)
    if not LEAST_SIZE <= core.sum() <= _MOST_EVEN:
        return None
    below = smooth_below(crop, thicken(shapes, 2))[core].astype(np.float32)
    towards = np.array(blend.colour, np.float32) - below
    needed = (towards * (crop[core] - below)).sum(axis=1) / np.maximum(1.0, (towards**2).sum(axis=1))
    opacity = float(np.median(needed))
    even = float(np.abs(needed - opacity).mean()) <= _EVENNESS * opacity
    return replace(blend, opacity=min(1.0, opacity), correlation=0.0) if even and opacity > OPACITIES[0] else None


def _extent(shapes: Mask) -> int:
    """The larger side of the largest shape."""
    return int(cv2.connectedComponentsWithStats(shapes.astype(np.uint8), connectivity=8)[2][1:, 2:4].max())


def _along(shapes: Mask, margin: int) -> Mask:
    """The smallest rectangle of any rotation that holds all shapes, extended by `margin` pixels lengthwise."""
    points = np.argwhere(shapes)[:, ::-1].astype(np.float32)
    centre, (across, down), angle = cv2.minAreaRect(points)
    lying = across >= down
    # Further along the line there may be more letters; next to it there is nothing.
    size = (across + 2 * (margin if lying else _BESIDE), down + 2 * (_BESIDE if lying else margin))
    inside = np.zeros(shapes.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(cv2.boxPoints((centre, size, angle))).astype(np.int32), 1)
    return inside > 0


def _of_paint(pixels: Pixels8, solid: Mask, blend: Blend, cover: Plane, window: float) -> Mask:
    """The shapes that are fully covered and need the opacity of the paint, within a share of it."""
    count, labels = cv2.connectedComponents(solid.astype(np.uint8), connectivity=8)
    if count == 1:
        return solid
    opacities, misfits, _ = needed_opacities(pixels, labels.astype(np.int32), count - 1, np.array([blend.colour], np.float32))
    sizes = np.bincount(labels.ravel(), minlength=count)[1:]
    inside = np.bincount(labels.ravel(), cover.ravel(), count)[1:] / sizes
    kept = (np.abs(opacities[0] - blend.opacity) <= window * blend.opacity) & (misfits[0] <= MOST_MISFIT)
    kept &= (sizes >= LEAST_SIZE) & (inside >= _LEAST_REFINED)
    return np.asarray(np.concatenate([[False], kept])[labels], np.bool_)


def clearest(pixels: Pixels8, blend: Blend) -> tuple[int, tuple[float, ...]]:
    """The channel that a paint changes most, and the paint's colour."""
    return int(np.abs(np.array(blend.colour) - pixels.reshape(-1, 3).mean(axis=0)).argmax()), blend.colour


def needed_opacities(
    small: Pixels8, labels: npt.NDArray[np.int32], count: int, colours: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each colour and shape, the opacity that it needs and the remaining error, and the weight of each shape."""
    inside = labels > 0
    numbers = labels[inside]
    below = smooth_below(small, thicken(inside, 2))[inside].astype(np.float32)
    step = small[inside] - below
    opacities, misfits = np.zeros((2, len(colours), count))
    for number, colour in enumerate(colours):
        towards = colour - below
        # Where the picture nearly has the paint's colour, a shape says nothing.
        needed = _sums((towards * step).sum(axis=1), numbers, count) / np.maximum(1.0, _sums((towards**2).sum(axis=1), numbers, count))
        paint = np.concatenate([[0], needed])[numbers][:, np.newaxis] * towards
        aside = sum(_sums(channel, numbers, count) ** 2 for channel in (step - paint).T)
        added = sum(_sums(channel, numbers, count) ** 2 for channel in paint.T)
        opacities[number], misfits[number] = needed, np.sqrt(aside / np.maximum(added, 1.0))
    weights = np.sqrt(np.bincount(numbers, minlength=count + 1)[1:].astype(np.float64))
    return opacities, misfits, weights


def _sums(values: npt.NDArray[np.floating[Any]], numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    """Sums of values over each shape, identified by `numbers`."""
    return np.asarray(np.bincount(numbers, values, count + 1)[1:], np.float64)
