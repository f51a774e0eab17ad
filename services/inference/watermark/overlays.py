"""Translucent marks of any shape: paint whose removal leaves the picture smoother.

All that is known of such a mark is that it is paint of one colour and opacity with a sharp edge. Paints of a few colours and opacities are
tried on a small copy (`cover.smoothest_cover`). Among the shapes that one of them covers fully, and their surroundings not at all, those
that
agree on one opacity are taken, since a picture's own shapes do not. Nearby ones form a mark, and a mark counts if its pixels follow the
surrounding picture as they do under paint (`blending.measure`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.watermark.blending import Blend, measure
from services.inference.watermark.box import Box
from services.inference.watermark.cover import smoothest_cover
from services.inference.watermark.refinement import (
    LEAST_CORRELATION,
    LEAST_SIZE,
    MOST_MISFIT,
    MOST_TRIED,
    OPACITIES,
    USUAL_MISFIT,
    WINDOW,
    Candidate,
    Overlay,
    clearest,
    needed_opacities,
    refine_mark,
)
from services.inference.watermark.strokes import PAINTS, Mask, Pixels8, Plane, luminance, thicken

_SEARCH_SIDE = 360  # pixels of the copy on which paints are tried
_ITERATIONS = 80
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
"""Channel (None: luminance), level of the paint, opacity, and full colours that may explain shapes. Coloured paint darkens a channel."""
_LEAST_INSIDE, _MOST_OUTSIDE = 0.8, 0.3  # mean cover in a shape, and around it
_MOST_AREA = 0.3
_REACH = (4, 20)  # pixels from a shape to the next one of the same mark
_SEEDS, _CANDIDATES = 2, 4
_CORNER = 0.25  # of the height, and half as much of the width
_SMALL = 900  # pixels of that copy


def find_overlays(pixels: Pixels8, region: Mask | None, check: Callable[[], None]) -> list[Overlay]:
    """The translucent marks of an sRGB picture, in `region` if given; strongest first, without duplicates."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SEARCH_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels, np.uint8)
    allowed = np.ones(small.shape[:2], np.bool_)
    if region is not None:
        allowed = cv2.resize(region.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    candidates: list[Candidate] = []
    for channel, level, opacity, colours in _TRIALS:
        plane = luminance(small) if channel is None else small[..., channel].astype(np.float32)
        cover = smoothest_cover(plane, level, opacity, _ITERATIONS, check)
        candidates.extend(_marks(small, cover, allowed, colours))
    for candidate in sorted(candidates, key=lambda one: -one.strength)[:_SEEDS]:
        # Once the paint is known, the rest of the mark shows, too.
        channel, colour = clearest(small, candidate.blend)
        cover = smoothest_cover(small[..., channel].astype(np.float32), colour[channel], candidate.blend.opacity, _ITERATIONS, check)
        candidates.extend(_marks(small, cover, allowed, (colour,)))
    found: list[Overlay] = []
    taken = np.zeros(small.shape[:2], np.bool_)
    for candidate in sorted(candidates, key=lambda one: -one.strength)[: 3 * _CANDIDATES]:
        if len(found) < _CANDIDATES and not (candidate.shapes & taken).any():
            taken |= thicken(candidate.shapes, 3)
            overlay = refine_mark(pixels, candidate, region, check)
            if overlay is not None:
                found.append(overlay)
    return found


def _marks(small: Pixels8, cover: Plane, allowed: Mask, colours: Sequence[tuple[float, ...]]) -> Iterator[Candidate]:
    """Groups of nearby shapes of one paint that shows what is below it."""
    labels, count = _solid_shapes(cover, allowed)
    if not count:
        return
    opacities, misfits, weights = needed_opacities(small, labels, count, np.array(colours, np.float32))
    fits = (misfits <= MOST_MISFIT) & (opacities > OPACITIES[0]) & (opacities < OPACITIES[-1])
    windows = np.abs(opacities[..., np.newaxis] - OPACITIES) <= WINDOW * OPACITIES
    votes = (windows & fits[..., np.newaxis]) * weights[:, np.newaxis]
    best_colour, best_opacity = divmod(int(votes.sum(axis=1).argmax()), OPACITIES.size)
    chosen = np.concatenate([[False], (windows[best_colour, :, best_opacity] & fits[best_colour])])
    voted = Blend(tuple(map(float, colours[best_colour])), min(MOST_TRIED, float(OPACITIES[best_opacity])), LEAST_CORRELATION, USUAL_MISFIT)
    for shapes, number in _groups(chosen[labels], labels):
        blend = measure(small, shapes)
        if blend is not None and blend.correlation >= LEAST_CORRELATION:
            yield Candidate(shapes, blend, number)
        elif shapes.sum() <= _SMALL and (not allowed.all() or _in_corner(shapes)):
            # Too few places to measure on the small copy. Away from the corners, such a mark would not be sure anyway.
            yield Candidate(shapes, voted, number)


def _in_corner(shapes: Mask) -> bool:
    """Whether the shapes lie entirely in one of the picture's corners."""
    height, width = shapes.shape
    rows, columns = np.nonzero(shapes)
    at_end = rows.max() < _CORNER * height or rows.min() > (1 - _CORNER) * height
    at_side = columns.max() < 2 * _CORNER * width or columns.min() > (1 - 2 * _CORNER) * width
    return bool(at_end and at_side)


def _solid_shapes(cover: Plane, allowed: Mask) -> tuple[npt.NDArray[np.int32], int]:
    """The shapes that are fully covered and have sharp edges, numbered from 1, and their number."""
    solid = (cover > 0.5) & allowed
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8), connectivity=8)
    number = np.zeros(count, np.int32)
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if not LEAST_SIZE <= area <= _MOST_AREA * cover.size or not _is_free(left, top, width, height, cover.shape):
            continue
        around = Box(left, top, left + width, top + height).grown(4, cover.shape[1], cover.shape[0]).window
        shape = labels[around] == label
        ring = thicken(shape, 3) & ~thicken(shape, 1) & ~solid[around]
        inside, outside = float(cover[around][shape].mean()), float(cover[around][ring].mean()) if ring.any() else 1.0
        if inside >= _LEAST_INSIDE and outside <= _MOST_OUTSIDE:
            number[label] = number.max() + 1
    return number[labels], int(number.max())


def _is_free(left: int, top: int, width: int, height: int, shape: tuple[int, ...]) -> bool:
    """Whether a shape touches the picture's border on at most one side: one that touches more is the picture's own."""
    return (left == 0) + (top == 0) + (left + width == shape[1]) + (top + height == shape[0]) <= 1


def _groups(chosen: Mask, labels: npt.NDArray[np.int32]) -> Iterator[tuple[Mask, int]]:
    """Groups of shapes that are close together for their size, and the number of shapes in each."""
    reaches = np.zeros(chosen.shape, np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(chosen.astype(np.uint8), connectivity=8)
    for left, top, width, height, _ in stats[1:].tolist():
        reach = min(_REACH[1], max(_REACH[0], max(width, height) // 2))
        cv2.rectangle(reaches, (left - reach, top - reach), (left + width + reach, top + height + reach), 1, -1)
    count, group = cv2.connectedComponents(reaches)
    for number in range(1, count):
        shapes = chosen & (group == number)
        yield shapes, int(np.unique(labels[shapes]).size)
