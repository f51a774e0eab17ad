"""Translucent marks of any shape: what one paint, taken off, leaves the picture smoother.

Nothing is known of such a mark but that it is paint of one colour and opacity with a sharp edge. Paints of a few colours and opacities are
tried on a small copy (`cover.smoothest_cover`). Of the shapes that one of them covers wholly, and their surroundings not at all, those are
taken that agree on one opacity, which a picture's own do not; near ones make a mark; and a mark counts where what is seen in it follows
the picture around it as paint makes it (`blending.measure`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.blending import Blend, measure, purified, smooth_below
from services.inference.watermark.box import Box
from services.inference.watermark.cover import smoothest_cover
from services.inference.watermark.strokes import PAINTS, Mask, Pixels8, Plane, luminance, thickened, thinned

_SEARCH_SIDE = 360  # pixels of the copy that paints are tried on
_ITERATIONS, _REFINEMENTS = 80, 40
_COLOURS = tuple(colour for name, colour in PAINTS.items() if name not in ("white", "black"))
_TRIALS: tuple[tuple[int | None, float, float, tuple[tuple[int, int, int], ...]], ...] = (
    (None, 255.0, 0.3, ((255, 255, 255),)),
    (None, 255.0, 0.6, ((255, 255, 255),)),
    (None, 0.0, 0.3, ((0, 0, 0),)),
    (None, 0.0, 0.6, ((0, 0, 0),)),
    (0, 0.0, 0.5, _COLOURS),
    (1, 0.0, 0.5, _COLOURS),
    (2, 0.0, 0.5, _COLOURS),
)
"""Channel (None: luminance), level of the paint, opacity, and whole colours to explain shapes with. Coloured paint darkens a channel."""
_LEAST_SIZE = 10  # pixels of that copy
_LEAST_INSIDE, _LEAST_REFINED, _MOST_OUTSIDE = 0.8, 0.7, 0.3  # mean cover in a shape, of it at full size, and around it
_MOST_AREA = 0.3
_OPACITIES = np.linspace(0.1, 1.1, 50)
_WINDOW = 0.15  # of the opacity
_MOST_MISFIT = 0.35  # of what the paint adds
_REACH = (4, 20)  # pixels from a shape to the next one of the same mark
_LEAST_CORRELATION = 0.85
_SEEDS, _CANDIDATES = 2, 4
_USUAL_MISFIT = 0.1
_CORNER = 0.25  # of the height, and half of it of the width
_MOST_REFINED = 1_500_000  # pixels
_RIM = 1  # pixels
_MOST_TRIED = 0.85  # opacity: an opaque paint hides all, so no smoothness speaks for it
_MOST_EVEN, _EVENNESS = 12_000, 0.08  # pixels; of the opacity
_LETTER, _BESIDE = 1.0, 6  # of the largest shape, along the line that the shapes make; pixels, across it
_SMALL = 900  # pixels of that copy


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """A mark of one paint. `cover` has the size of `box`. The paint's correlation is 0 where nothing was to be seen through it."""

    box: Box
    cover: Plane
    blend: Blend
    shapes: int


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A mark on the small copy."""

    shapes: Mask
    blend: Blend
    count: int

    @property
    def strength(self) -> float:
        """How much speaks for it."""
        return self.blend.correlation**4 * float(np.sqrt(self.shapes.sum())) / (_USUAL_MISFIT + self.blend.misfit)


def find_overlays(pixels: Pixels8, region: Mask | None, check: Callable[[], None]) -> list[Overlay]:
    """The translucent marks of an sRGB picture, in `region` if that is given; the strongest first, none twice."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SEARCH_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels, np.uint8)
    allowed = np.ones(small.shape[:2], np.bool_)
    if region is not None:
        allowed = cv2.resize(region.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    candidates: list[_Candidate] = []
    for channel, level, opacity, colours in _TRIALS:
        plane = luminance(small) if channel is None else small[..., channel].astype(np.float32)
        cover = smoothest_cover(plane[..., np.newaxis], np.full(1, level, np.float32), opacity, _ITERATIONS, check)
        candidates.extend(_marks(small, cover, allowed, colours))
    for candidate in sorted(candidates, key=lambda one: -one.strength)[:_SEEDS]:
        # With the paint known, the rest of the mark shows as well.
        channel, colour = _clearest(small, candidate.blend)
        single = small[..., channel : channel + 1].astype(np.float32)
        cover = smoothest_cover(single, np.full(1, colour[channel], np.float32), candidate.blend.opacity, _ITERATIONS, check)
        candidates.extend(_marks(small, cover, allowed, (colour,)))
    found: list[Overlay] = []
    taken = np.zeros(small.shape[:2], np.bool_)
    for candidate in sorted(candidates, key=lambda one: -one.strength)[: 3 * _CANDIDATES]:
        if len(found) < _CANDIDATES and not (candidate.shapes & taken).any():
            taken |= thickened(candidate.shapes, 3)
            overlay = _refined(pixels, candidate, region, check)
            if overlay is not None:
                found.append(overlay)
    return found


def _clearest(pixels: Pixels8, blend: Blend) -> tuple[int, tuple[float, ...]]:
    """The channel that a paint changes most, and the paint's colour."""
    return int(np.abs(np.array(blend.colour) - pixels.reshape(-1, 3).mean(axis=0)).argmax()), blend.colour


def _marks(small: Pixels8, cover: Plane, allowed: Mask, colours: Sequence[tuple[float, ...]]) -> Iterator[_Candidate]:
    """Groups of near shapes of one paint that shows what is below it."""
    labels, count = _solid_shapes(cover, allowed)
    if not count:
        return
    opacities, misfits, weights = _needed(small, labels, count, np.array(colours, np.float32))
    fits = (misfits <= _MOST_MISFIT) & (opacities > _OPACITIES[0]) & (opacities < _OPACITIES[-1])
    windows = np.abs(opacities[..., np.newaxis] - _OPACITIES) <= _WINDOW * _OPACITIES
    votes = (windows & fits[..., np.newaxis]) * weights[:, np.newaxis]
    best_colour, best_opacity = divmod(int(votes.sum(axis=1).argmax()), _OPACITIES.size)
    chosen = np.concatenate([[False], (windows[best_colour, :, best_opacity] & fits[best_colour])])
    voted = Blend(
        tuple(map(float, colours[best_colour])), min(_MOST_TRIED, float(_OPACITIES[best_opacity])), _LEAST_CORRELATION, _USUAL_MISFIT
    )
    for shapes, number in _groups(chosen[labels], labels):
        blend = measure(small, shapes)
        if blend is not None and blend.correlation >= _LEAST_CORRELATION:
            yield _Candidate(shapes, blend, number)
        elif shapes.sum() <= _SMALL and (not allowed.all() or _in_corner(shapes)):
            # Too few places to measure on the small copy. Away from the corners such a mark would not be sure anyway.
            yield _Candidate(shapes, voted, number)


def _in_corner(shapes: Mask) -> bool:
    """Whether all of it lies in one of the picture's corners."""
    height, width = shapes.shape
    rows, columns = np.nonzero(shapes)
    at_end = rows.max() < _CORNER * height or rows.min() > (1 - _CORNER) * height
    at_side = columns.max() < 2 * _CORNER * width or columns.min() > (1 - 2 * _CORNER) * width
    return bool(at_end and at_side)


def _solid_shapes(cover: Plane, allowed: Mask) -> tuple[npt.NDArray[np.int32], int]:
    """The shapes that are covered wholly and end sharply, numbered from 1, and how many they are."""
    solid = (cover > 0.5) & allowed
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8), connectivity=8)
    number = np.zeros(count, np.int32)
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if not _LEAST_SIZE <= area <= _MOST_AREA * cover.size or not _is_free(left, top, width, height, cover.shape):
            continue
        around = Box(left, top, left + width, top + height).grown(4, cover.shape[1], cover.shape[0]).window
        shape = labels[around] == label
        ring = thickened(shape, 3) & ~thickened(shape, 1) & ~solid[around]
        inside, outside = float(cover[around][shape].mean()), float(cover[around][ring].mean()) if ring.any() else 1.0
        if inside >= _LEAST_INSIDE and outside <= _MOST_OUTSIDE:
            number[label] = number.max() + 1
    return number[labels], int(number.max())


def _is_free(left: int, top: int, width: int, height: int, shape: tuple[int, ...]) -> bool:
    """Whether a shape ends before the picture does on all sides but one at most: what runs out of it on more is the picture's own."""
    return (left == 0) + (top == 0) + (left + width == shape[1]) + (top + height == shape[0]) <= 1


def _needed(
    small: Pixels8, labels: npt.NDArray[np.int32], count: int, colours: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each colour and shape the opacity that it needs and what that leaves over, and the weight of each shape."""
    below = smooth_below(small, thickened(labels > 0, 2)).astype(np.float32)
    step = small - below
    opacities, misfits = np.zeros((2, len(colours), count))
    for number, colour in enumerate(colours):
        towards = colour - below
        # Where the picture nearly has the paint's colour, a shape says nothing.
        needed = _sums((towards * step).sum(axis=2), labels, count) / np.maximum(1.0, _sums((towards**2).sum(axis=2), labels, count))
        paint = np.concatenate([[0], needed])[labels][..., np.newaxis] * towards
        aside = sum(_sums(channel, labels, count) ** 2 for channel in np.moveaxis(step - paint, 2, 0))
        added = sum(_sums(channel, labels, count) ** 2 for channel in np.moveaxis(paint, 2, 0))
        opacities[number], misfits[number] = needed, np.sqrt(aside / np.maximum(added, 1.0))
    weights = np.sqrt(np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64))
    return opacities, misfits, weights


def _sums(plane: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    """Of a plane over each shape."""
    return np.asarray(np.bincount(labels.ravel(), plane.ravel(), count + 1)[1:], np.float64)


def _groups(chosen: Mask, labels: npt.NDArray[np.int32]) -> Iterator[tuple[Mask, int]]:
    """Shapes that lie near one another for their size, and how many they are."""
    reaches = np.zeros(chosen.shape, np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8), connectivity=8)
    for left, top, width, height, _ in stats[1:].tolist():
        reach = min(_REACH[1], max(_REACH[0], max(width, height) // 2))
        cv2.rectangle(reaches, (left - reach, top - reach), (left + width + reach, top + height + reach), 1, -1)
    count, group = cv2.connectedComponents(reaches)
    for number in range(1, count):
        shapes = chosen & (group == number)
        yield shapes, int(np.unique(labels[shapes]).size)


def _refined(pixels: Pixels8, candidate: _Candidate, region: Mask | None, check: Callable[[], None]) -> Overlay | None:
    """The mark at full size: its cover with the paint that was measured, in the channel which that changes most."""
    height, width = pixels.shape[:2]
    shapes, blend = candidate.shapes, candidate.blend
    rows, columns = np.nonzero(shapes)
    scale = width / shapes.shape[1], height / shapes.shape[0]
    margin = round(_LETTER * min(scale) * _extent(shapes)) + 5
    box = Box(
        int(columns.min() * scale[0]), int(rows.min() * scale[1]), round((columns.max() + 1) * scale[0]), round((rows.max() + 1) * scale[1])
    ).grown(margin, width, height)
    crop = np.ascontiguousarray(pixels[box.window])
    guess: Plane = np.asarray(cv2.resize(shapes.astype(np.float32), (width, height)), np.float32)[box.window]
    inside = np.ones(guess.shape, np.bool_) if region is None else region[box.window]
    if box.area > _MOST_REFINED:
        # The cover of a very large mark is found on a smaller copy; its rim is filled as wide as that makes it.
        share = (_MOST_REFINED / box.area) ** 0.5
        size = max(1, round(box.width * share)), max(1, round(box.height * share))
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
        guess = np.asarray(cv2.resize(guess, size), np.float32)
        inside = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    # The small copy tells the opacity of thin shapes too roughly.
    if blend.misfit == _USUAL_MISFIT:
        core = thinned(guess > 0.5, _RIM) & inside
        opacities, _, _ = _needed(crop, core.astype(np.int32), 1, np.array([blend.colour], np.float32))
        blend = replace(blend, opacity=float(opacities[0, 0].clip(_OPACITIES[0], _MOST_TRIED)))
    channel, colour = _clearest(crop, blend)
    plane, level = crop[..., channel : channel + 1].astype(np.float32), np.full(1, colour[channel], np.float32)
    cover = smoothest_cover(plane, level, blend.opacity, _REFINEMENTS, check, guess)
    allowed = _along(guess > 0.5, round(margin * crop.shape[1] / box.width)) & inside
    # Along a line that was found, a shape has less to prove: letters touch the picture's own edges.
    shapes = _of_paint(crop, (cover > 0.5) & allowed, blend, cover, 2 * _WINDOW)
    measured = measure(crop, shapes)
    if measured is not None:
        # What is known better now tells some more of the picture's own shapes from the mark's.
        measured = purified(crop, shapes, measured)
        shapes = _of_paint(crop, shapes, measured, cover, _WINDOW)
        measured = measure(crop, shapes)
    if measured is None or not (measured.correlation >= _LEAST_CORRELATION or measured.shows_through):
        measured = _even(crop, shapes, blend)
    if measured is None:
        return None
    # Only a rim is covered in part.
    cover[~thickened(shapes, _RIM) | ~allowed] = 0
    cover[thinned(shapes, _RIM)] = 1
    if cover.shape != (box.height, box.width):
        cover = np.asarray(cv2.resize(cover, (box.width, box.height)), np.float32)
    rows, columns = np.nonzero(cover)
    inner = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    count = cv2.connectedComponents(shapes.astype(np.uint8))[0] - 1
    return Overlay(
        inner.moved(box.left, box.top), cover[inner.window], purified(crop, shapes, measured) if measured.correlation else measured, count
    )


def _even(crop: Pixels8, shapes: Mask, blend: Blend) -> Blend | None:
    """The paint of small shapes on ground too plain to show through them, or opaque, if it is of one opacity to the pixel."""
    core = thinned(shapes, 1)
    if not _LEAST_SIZE <= core.sum() <= _MOST_EVEN:
        return None
    below = smooth_below(crop, thickened(shapes, 2))[core].astype(np.float32)
    towards = np.array(blend.colour, np.float32) - below
    needed = (towards * (crop[core] - below)).sum(axis=1) / np.maximum(1.0, (towards**2).sum(axis=1))
    opacity = float(np.median(needed))
    even = float(np.abs(needed - opacity).mean()) <= _EVENNESS * opacity
    return replace(blend, opacity=min(1.0, opacity), correlation=0.0) if even and opacity > _OPACITIES[0] else None


def _extent(shapes: Mask) -> int:
    """The larger side of the largest shape."""
    return int(cv2.connectedComponentsWithStats(shapes.astype(np.uint8), connectivity=8)[2][1:, 2:4].max())


def _along(shapes: Mask, margin: int) -> Mask:
    """The smallest rectangle, turned as it may be, that holds all shapes, and `margin` pixels around it."""
    points = np.argwhere(shapes)[:, ::-1].astype(np.float32)
    centre, (across, down), angle = cv2.minAreaRect(points)
    lying = across >= down
    # On along the line there may be more letters; beside it there is nothing.
    size = (across + 2 * (margin if lying else _BESIDE), down + 2 * (_BESIDE if lying else margin))
    inside = np.zeros(shapes.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(cv2.boxPoints((centre, size, angle))).astype(np.int32), 1)
    return inside > 0


def _of_paint(pixels: Pixels8, solid: Mask, blend: Blend, cover: Plane, window: float) -> Mask:
    """The shapes that are covered wholly and need about the opacity of the paint, within a share of it."""
    count, labels = cv2.connectedComponents(solid.astype(np.uint8), connectivity=8)
    if count == 1:
        return solid
    opacities, misfits, _ = _needed(pixels, labels.astype(np.int32), count - 1, np.array([blend.colour], np.float32))
    sizes = np.bincount(labels.ravel(), minlength=count)[1:]
    inside = np.bincount(labels.ravel(), cover.ravel(), count)[1:] / sizes
    kept = (np.abs(opacities[0] - blend.opacity) <= window * blend.opacity) & (misfits[0] <= _MOST_MISFIT)
    kept &= (sizes >= _LEAST_SIZE) & (inside >= _LEAST_REFINED)
    return np.asarray(np.concatenate([[False], kept])[labels], np.bool_)
