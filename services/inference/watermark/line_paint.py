"""The paint of lines of text: which pixels of an sRGB crop it covers, its colour and its opacity.

A network outlines what is painted in a line (`paint_probability`), and one paint is fitted to the borders of that (`borders`).
With it, the cover of
all that is around the line is solved for (`one_paint`), the paint is fitted to the borders of the shapes that result, and both once more;
the same from what `strokes.find_letters` takes for letters. The one whose borders its paint explains best is chosen. Shapes next to
the line, such as an emblem before a name, belong to the mark if the same paint explains their borders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from services.inference.ocr.detection import Line
from services.inference.watermark import blending
from services.inference.watermark.borders import MOST_OPACITY, Fit, agreement, best_fit, explained_border, fit_border
from services.inference.watermark.box import Box
from services.inference.watermark.one_paint import covered_by
from services.inference.watermark.painted import paint_probability, painted_around, painted_everywhere
from services.inference.watermark.strokes import PAINTS, Mask, Pixels8, Plane, find_letters, thicken
from services.inference.watermark.text_lines import AskNetwork, text_mask

TRANSLUCENT = 0.78
"""Opacity below which the picture below is still known."""
REPEATED = 3
"""Lines that are alike, from which they are one mark."""
SAME_OPACITY = 0.15
"""Difference of two measurements of one paint."""
_MOST_EXAMINED, _MOST_SOLVED = 1_500_000, 400_000  # pixels
_ROUNDS = ((40, 20), (30, 20))
_SOLID = 0.5  # cover
_MOST_OUTSIDE = 0.25  # of a shape's pixels
_LEAST_SHAPE = 12  # pixels
_FULLEST = 0.8  # of a line: letters leave something between them
_LEAST_AGREEING, _LEAST_AGREEING_BESIDE = 0.6, 0.75
_REACH = 3.0  # of a line's height, around it
_UNSURE, _ABSENT = 0.3, 0.003  # that it is painted: where the network is not sure of a mark, and where there is none
_TOGETHER = 1.25  # times their merit: lines that are alike are one mark
_PARALLEL, _AS_HIGH = 5.0, 0.25  # degrees; of their height
_BAD = 2.0  # times what is explained, a border that is not
_OPAQUE = 0.6  # first estimate of opacity, which is too low
_UNDERESTIMATED = 1.15
_SHARED = 0.6  # of a line's pixels
_AROUND = 2  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A possible mark, and its paint."""

    shapes: Mask
    fit: Fit
    also: Mask | None = None
    """The area to fill as well, where it is not un-blended."""
    merit: float = 0.0
    """How well the paint explains the borders of all of it."""


def solutions(
    pixels: Pixels8, lines: Sequence[Line], region: Mask, opaque: Mask | None, ask: AskNetwork, check: Callable[[], None]
) -> list[tuple[Box, Solution]]:
    """The paint in `region` in these lines, each in a part of the crop. `opaque` is the area that looks like a mark in the whole region."""
    alike = alike_lines(lines)
    repeated, everywhere = None, Box(0, 0, region.shape[1], region.shape[0])
    if len(alike) >= REPEATED:
        repeated = _in_part(pixels, everywhere, alike[0], [region], lambda part, line, masks: _repeated(part, line, masks[0], ask))
    if repeated is not None and repeated.fit.agreeing >= _LEAST_AGREEING_BESIDE:
        return [(everywhere, repeated)]
    found: list[tuple[Box, Solution]] = []
    taken = np.zeros_like(region)
    for line in lines:
        check()
        view = around_line(line, region.shape)
        masks = [region, taken] if opaque is None else [region, taken, opaque]
        solution = _in_part(
            pixels,
            view,
            line,
            masks,
            lambda part, line, masks: _best(part, line, masks[0] & ~masks[1], masks[2] if len(masks) > 2 else None, ask, check),
        )
        if solution is not None:
            found.append((view, solution))
            # With the soft edges, which are no mark of their own.
            taken[view.window] |= thicken(solution.shapes, _AROUND)
    if repeated is not None and _TOGETHER * repeated.merit > sum(each.merit for _, each in found):
        return [(everywhere, repeated)]
    return found


def _in_part(
    pixels: Pixels8,
    view: Box,
    line: Line,
    masks: Sequence[Mask],
    find: Callable[[Pixels8, Line, Sequence[Mask]], Solution | None],
) -> Solution | None:
    """The findings in a part of the crop, on a smaller copy if it is large."""
    part, masks = np.ascontiguousarray(pixels[view.window]), [mask[view.window] for mask in masks]
    full = part.shape[1::-1]
    scale = min(1.0, (_MOST_EXAMINED / (full[0] * full[1])) ** 0.5)
    line = Line((line.x - view.left) * scale, (line.y - view.top) * scale, line.length * scale, line.height * scale, line.tilt)
    if scale < 1:
        size = max(1, round(full[0] * scale)), max(1, round(full[1] * scale))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        masks = [_resized(mask, size) for mask in masks]
    solution = find(part, line, masks)
    if solution is None:
        return None
    also = None if solution.also is None else _resized(solution.also, full)
    return replace(solution, shapes=_resized(solution.shapes, full), also=also)


def around_line(line: Line, shape: tuple[int, ...]) -> Box:
    """The area examined for the mark of a line."""
    reach = line.length / 2 + _REACH * line.height
    across, down = (abs(turned(math.radians(line.tilt))) * reach + _REACH * line.height for turned in (math.cos, math.sin))
    height, width = shape[:2]
    return Box(
        max(0, int(line.x - across)),
        max(0, int(line.y - down)),
        min(width, math.ceil(line.x + across)),
        min(height, math.ceil(line.y + down)),
    )


def alike_lines(lines: Sequence[Line]) -> list[Line]:
    """The most lines that are as high and as much tilted as one of them."""
    groups = [
        [
            line
            for line in lines
            if abs((line.tilt - one.tilt + 90) % 180 - 90) < _PARALLEL and abs(line.height - one.height) < _AS_HIGH * one.height
        ]
        for one in lines
    ]
    return max(groups, key=len, default=[])


def _repeated(pixels: Pixels8, line: Line, region: Mask, ask: AskNetwork) -> Solution | None:
    """All that is painted with the paint of a line that is there several times, also where nothing was read."""
    cover = painted_everywhere(pixels, line, ask)
    shapes = (cover > _SOLID) & region
    fit = best_fit(pixels, shapes) if shapes.sum() >= _LEAST_SHAPE else None
    if fit is None or fit.agreeing < _LEAST_AGREEING:
        return None
    shapes = _beside(pixels, shapes, fit, _LEAST_AGREEING)
    if not shapes.any():
        return None
    solution = Solution(shapes, _measured(pixels, shapes, fit))
    return replace(solution, merit=_merit(pixels, solution, cover))


def _best(pixels: Pixels8, line: Line, region: Mask, opaque: Mask | None, ask: AskNetwork, check: Callable[[], None]) -> Solution | None:
    """The possible mark of a line whose borders its paint explains best."""
    place = text_mask([line], region.shape) & region
    cover, wide = paint_probability(pixels, line, ask), painted_around(pixels, line, ask)
    if _ABSENT < cover.max() <= _SOLID:
        return None
    found = find_letters(pixels, place, round(line.height)) if place.any() else None
    if found is not None and opaque is not None and (found.mask & opaque).sum() >= _SHARED * found.mask.sum():
        found, place = replace(found, mask=(found.mask | opaque) & region), place | (thicken(opaque, _AROUND) & region)
    candidates: list[Solution] = []
    outlined = _outlined(pixels, cover, wide, line, region)
    if outlined is not None:
        candidates.append(outlined)
        candidates.extend(_solved(pixels, outlined.shapes, outlined.fit, place | outlined.shapes, region, check))
    if found is not None:
        guess = Fit(tuple(map(float, PAINTS[found.paint])), min(MOST_OPACITY, _UNDERESTIMATED * found.opacity), 0.0)
        candidates.extend(replace(each, also=found.mask) for each in _solved(pixels, found.mask, guess, place, region, check))
        fit = None if candidates else best_fit(pixels, found.mask)
        if fit is not None and fit.opacity >= _OPAQUE and fit.agreeing >= _LEAST_AGREEING:
            # It is not known well enough to be un-blended.
            candidates.append(Solution(found.mask, replace(fit, opacity=max(fit.opacity, TRANSLUCENT))))
    cover = np.maximum(cover, wide)
    candidates = [replace(each, merit=_merit(pixels, each, cover)) for each in candidates]
    best = max(candidates, key=lambda each: each.merit, default=None)
    if best is None or best.merit == -math.inf:
        return None
    if opaque is not None:
        best = replace(best, shapes=best.shapes | _beside(pixels, opaque & region & ~thicken(best.shapes, _AROUND), best.fit))
    return best


def is_paint(pixels: Pixels8, shapes: Mask, opacity: float) -> bool:
    """Whether one paint, at least so opaque, explains the borders of most of the shapes."""
    fit = best_fit(pixels, shapes)
    return fit is not None and fit.opacity >= opacity and fit.agreeing >= _LEAST_AGREEING


def _merit(pixels: Pixels8, solution: Solution, cover: Plane) -> float:
    """Borders that its paint explains, times how sure the network is, less those that it does not; the network may be absent."""
    well, badly = explained_border(pixels, solution.shapes, solution.fit)
    surely = float(cover[solution.shapes].mean()) if cover.max() > _SOLID else 1.0
    return well * surely - _BAD * badly if surely >= _UNSURE else -math.inf


def _outlined(pixels: Pixels8, cover: Plane, wide: Plane, line: Line, region: Mask) -> Solution | None:
    """The network's outline, if one paint explains its borders, and neighbouring pixels of the same paint."""
    shapes = (cover > _SOLID) & region
    letters = _LEAST_SHAPE <= shapes.sum() <= _FULLEST * line.length * line.height
    fit = best_fit(pixels, shapes) if letters else None
    if fit is None or fit.agreeing < _LEAST_AGREEING:
        return None
    shapes |= _beside(pixels, (wide > _SOLID) & region & ~thicken(shapes, _AROUND), fit)
    return Solution(shapes, _measured(pixels, shapes, fit))


def _measured(pixels: Pixels8, shapes: Mask, fit: Fit) -> Fit:
    """The paint as the shapes' middle shows it, if that is about the same."""
    measured = blending.measure(pixels, shapes)
    if measured is None or not measured.shows_through or abs(measured.opacity - fit.opacity) >= SAME_OPACITY:
        return fit
    measured = blending.purify_colour(pixels, shapes, measured)
    return Fit(measured.colour, measured.opacity, fit.agreeing)


def _solved(pixels: Pixels8, start: Mask, guess: Fit, place: Mask, region: Mask, check: Callable[[], None]) -> Iterator[Solution]:
    """The mark in `place`, and what else is of its paint in `region`; nothing if no paint explains the borders of most of it."""
    small, size = pixels, pixels.shape[1::-1]
    scale = (_MOST_SOLVED / region.size) ** 0.5
    if scale < 1:
        size = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    place, region, shapes = (_resized(mask, size) for mask in (place, region, start))
    fit = guess
    for rounds in _ROUNDS:
        cover = covered_by(small, fit.colour, fit.opacity, shapes.astype(np.float32), rounds, check)
        shapes = _mostly_within(cover > _SOLID, place)
        better = fit_border(small, shapes, fit.colour)
        if better is None:
            return
        fit = better
    if fit.agreeing < _LEAST_AGREEING:
        return
    shapes |= _beside(small, _mostly_within((cover > _SOLID) & ~shapes, region), fit)
    yield Solution(_resized(shapes, pixels.shape[1::-1]), _measured(small, shapes, fit))


def _resized(mask: Mask, size: tuple[int, ...]) -> Mask:
    return mask if mask.shape[1::-1] == size else np.asarray(cv2.resize(mask.astype(np.float32), size) > 0.5, np.bool_)


def _mostly_within(shapes: Mask, where: Mask) -> Mask:
    """The part of the shapes in `where`, without those that extend beyond it, which are the picture's own."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(shapes.astype(np.uint8), connectivity=8)
    near = thicken(where, 1)
    sizes = stats[:, cv2.CC_STAT_AREA]
    kept = (np.bincount(labels[~near], minlength=count) < _MOST_OUTSIDE * sizes) & (sizes >= _LEAST_SHAPE)
    kept[0] = False
    return np.asarray(kept[labels] & near, np.bool_)


def _beside(pixels: Pixels8, shapes: Mask, fit: Fit, least: float = _LEAST_AGREEING_BESIDE) -> Mask:
    """The shapes that are of the same paint."""
    count, labels = cv2.connectedComponents(shapes.astype(np.uint8), connectivity=8)
    if count == 1:
        return shapes
    kept = agreement(pixels, shapes, fit, np.asarray(labels, np.int32), count) >= least
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)
