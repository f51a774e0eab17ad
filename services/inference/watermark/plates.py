"""Plates and bands: a level rectangle of one paint around a line of text, with round corners or without, or from side to side.

It is looked for once the letters are gone. Its upper and lower border are the two rows between which one paint explains what is seen on
both sides of them (`borders`), its ends those columns that the same paint explains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from services.inference.ocr.detection import Line
from services.inference.watermark.blending import measure
from services.inference.watermark.borders import Fit, best_fit, explained_border, fit_border, telling
from services.inference.watermark.box import Box
from services.inference.watermark.lettering import bounds, to_fill, translucent
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import Mask, Pixels8

_LEVEL = 3.0  # degrees
_ABOVE = 2.5  # of the line's height: as far is the border
_TRIED = 10  # rows above and below, columns on each side
_APART = 2  # pixels on both sides of a border
_BAD = 2.0  # times what is explained, a border that is not
_LEAST_AGREEING, _LEAST_AT_END = 0.75, 0.7
_GOES_ON = 8  # pixels: a shorter part is no evidence
_LEAST_OPACITY = 0.08
_FAINT = 0.25  # opacity
_PURE, _COLOURED = 10, 60  # levels: from black and white; between channels
_HIDES = 0.85  # opacity from which what is below is not known
_SAME = 0.1  # difference of two measurements of an opacity
_MARGIN = 8  # pixels
_STEPS = (2, 1, 1)  # pixels
_RADII = (0.0, 0.08, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)  # of the plate's height


@dataclass(frozen=True, slots=True, eq=False)
class _Plate:
    """The pixels of a plate, and its paint."""

    shape: Mask
    fit: Fit


def plate_marks(pixels: Pixels8, lines: Sequence[Line], region: Mask, check: Callable[[], None]) -> Iterator[DetectedMark]:
    """The plates around lines of an sRGB crop whose letters are gone, as marks to be removed, in `region`. They are sure if the picture
    shows through them."""
    for line in lines:
        # A plate may go from side to side, but it is not much higher than its text.
        reach = math.ceil((_ABOVE + 1) * line.height) + _MARGIN
        rows = slice(max(0, round(line.y) - reach), min(len(pixels), round(line.y) + reach))
        part, within = np.ascontiguousarray(pixels[rows]), region[rows]
        plate = _found(part, replace(line, y=line.y - rows.start), within, check) if within.any() else None
        if plate is None:
            continue
        measured = measure(part, plate.shape)
        sure = measured is not None and measured.shows_through and abs(measured.opacity - plate.fit.opacity) < _SAME
        if not sure and not _likely(plate.fit):
            continue
        through = plate.fit.opacity < _HIDES
        mark = translucent(part, plate.shape, plate.fit, within) if through else to_fill(plate.shape, within)
        yield replace(mark, kind=Kind.PLATE, evidence=("a plate of one paint around text",), sure=sure).translate(0, rows.start)


def _found(pixels: Pixels8, line: Line, region: Mask, check: Callable[[], None]) -> _Plate | None:
    if abs((line.tilt + 90) % 180 - 90) > _LEVEL:
        return None
    limits = bounds(region)
    text = Box(
        max(limits.left, round(line.x - line.length / 2)),
        max(limits.top, round(line.y - 0.35 * line.height)),
        min(limits.right, round(line.x + line.length / 2)),
        min(limits.bottom, round(line.y + 0.35 * line.height)),
    )
    if text.width < 4 or text.height < 1:
        return None
    found = _rows(pixels, text, limits, line.height, check)
    if found is None:
        return None
    rows, fit = found
    columns = _columns(pixels, rows, text, limits, fit)
    return None if columns is None else _refined(pixels, Box(columns[0], rows[0], columns[1], rows[1]), limits, fit, check)


def _likely(fit: Fit) -> bool:
    """Whether a plate may be one although the picture does not surely show through it."""
    plain = _PURE < max(fit.colour) < 255 - _PURE and max(fit.colour) - min(fit.colour) < _COLOURED
    return fit.opacity >= _HIDES or (fit.opacity >= _FAINT and not plain)


def _rows(pixels: Pixels8, text: Box, limits: Box, height: float, check: Callable[[], None]) -> tuple[tuple[int, int], Fit] | None:
    """The first row and that after the last one, and the paint between them."""
    reach = round(_ABOVE * height)
    first, last = max(limits.top, text.top - reach), min(limits.bottom, text.bottom + reach)
    strip = np.ascontiguousarray(pixels[:, text.left : text.right])
    steps = _steps(strip)
    best: tuple[float, tuple[int, int], Fit] | None = None
    for top in _strongest(steps, first, text.top + 1):
        check()
        for bottom in _strongest(steps, text.bottom, last + 1):
            shape = np.zeros(strip.shape[:2], np.bool_)
            shape[top:bottom] = True
            fit = best_fit(strip, shape)
            if fit is None or fit.agreeing < _LEAST_AGREEING or fit.opacity < _LEAST_OPACITY:
                continue
            merit = _merit(strip, shape, fit)
            if best is None or merit > best[0]:
                best = merit, (top, bottom), fit
    return None if best is None else best[1:]


def _columns(pixels: Pixels8, rows: tuple[int, int], text: Box, limits: Box, fit: Fit) -> tuple[int, int] | None:
    """The first column and that after the last one; those of the picture's sides have no border."""
    strip = np.ascontiguousarray(pixels[rows[0] : rows[1]])
    steps = _steps(np.asarray(strip.transpose(1, 0, 2)))
    ends: list[int] = []
    for first, last, side in ((limits.left, text.left + 1, 0), (text.right, limits.right + 1, strip.shape[1])):
        places = {column: _end(strip, column, fit, first_side=side == 0) for column in _strongest(steps, first, last)}
        # Within a plain plate anything is explained: a border is where much changes.
        best = max(places, key=lambda column: (places[column] - 0.5) * steps[column], default=None)
        open_ended = (limits.left if side == 0 else limits.right) == side
        if best is not None and places[best] >= _LEAST_AT_END:
            farther = [column for column, share in places.items() if share >= _LEAST_AT_END] + [side] * open_ended
            ends.append(_farthest(pixels, rows, best, sorted(farther, key=lambda column: abs(column - best)), side, fit))
        elif open_ended:
            ends.append(side)
        else:
            return None
    return ends[0], ends[1]


def _farthest(pixels: Pixels8, rows: tuple[int, int], end: int, others: Sequence[int], side: int, fit: Fit) -> int:
    """The end farthest out to which the upper and the lower border go on: an upright edge of the picture may look like an end."""
    for other in others:
        at_side = other == side and abs(other - end) < _GOES_ON
        if abs(other - side) >= abs(end - side) or (abs(other - end) < _GOES_ON and not at_side):
            continue
        # Only these columns, so that there are no upright borders.
        part = np.ascontiguousarray(pixels[:, slice(other, end) if side == 0 else slice(end, other)])
        beyond = np.zeros(part.shape[:2], np.bool_)
        beyond[rows[0] : rows[1]] = True
        well, badly = telling(part, beyond, fit)
        if (well >= badly) if at_side else (well >= max(_LEAST_AT_END * (well + badly), abs(other - end) / 2)):
            end = other
    return end


def _end(strip: Pixels8, column: int, fit: Fit, *, first_side: bool) -> float:
    """The share of a column that the paint explains as the plate's first or last one."""
    shape = np.zeros(strip.shape[:2], np.bool_)
    shape[:, slice(column, None) if first_side else slice(None, column)] = True
    well, badly = explained_border(strip, shape, fit)
    return well / max(1, well + badly)


def _refined(pixels: Pixels8, box: Box, limits: Box, fit: Fit, check: Callable[[], None]) -> _Plate | None:
    """The same to the pixel, with its corners."""
    radius, shape = 0.0, _rounded(pixels.shape, box, 0.0)
    merit = _merit(pixels, shape, fit)
    for tried in _RADII[1:]:
        other = _rounded(pixels.shape, box, tried)
        better = _merit(pixels, other, fit)
        if better > merit:
            merit, radius, shape = better, tried, other
    for step in _STEPS:
        check()
        for other_box in _neighbours(box, step, limits, pixels.shape[1]):
            other = _rounded(pixels.shape, other_box, radius)
            better = _merit(pixels, other, fit)
            if better > merit:
                merit, box, shape = better, other_box, other
    fit = fit_border(pixels, shape, fit.colour) or fit
    return _Plate(shape, fit) if fit.agreeing >= _LEAST_AGREEING else None


def _neighbours(box: Box, step: int, limits: Box, width: int) -> Iterator[Box]:
    """The box with one side moved; what reaches a side of the picture goes on beyond it."""
    for side in ("left", "top", "right", "bottom"):
        if (side, getattr(box, side)) in {("left", 0), ("right", width)}:
            continue
        for by in (-step, step):
            moved = replace(box, **{side: getattr(box, side) + by})
            if moved.left >= limits.left and moved.top >= limits.top and moved.right <= limits.right and moved.bottom <= limits.bottom:
                yield moved


def _rounded(shape: tuple[int, ...], box: Box, radius: float) -> Mask:
    """A rectangle with round corners; `radius` as a share of its height."""
    mask = np.zeros(shape[:2], np.bool_)
    mask[box.window] = True
    size = min(radius * box.height, box.width / 2)
    if size < 1:
        return mask
    rows, columns = np.ogrid[: box.height, : box.width]
    down = np.maximum(size - rows - 0.5, rows + 0.5 - (box.height - size)).clip(0, None)
    across = np.maximum(size - columns - 0.5, columns + 0.5 - (box.width - size)).clip(0, None)
    mask[box.window] = down * down + across * across <= size * size
    return mask


def _merit(pixels: Pixels8, shape: Mask, fit: Fit) -> float:
    well, badly = explained_border(pixels, shape, fit)
    return well - _BAD * badly


def _steps(strip: Pixels8) -> npt.NDArray[np.float32]:
    """How much changes at the border between each two rows, on average; the first and last have none."""
    levels = strip.astype(np.float32)
    steps = np.zeros(len(strip) + 1, np.float32)
    if len(strip) >= 2 * _APART:
        # From the second row above a border to the second one below it: the soft edge lies between.
        far = 2 * _APART - 1
        steps[_APART:-_APART] = np.abs(levels[far:] - levels[:-far]).mean(axis=(1, 2))
    return steps


def _strongest(steps: npt.NDArray[np.float32], first: int, last: int) -> list[int]:
    """The places of the largest steps between two places."""
    places = [at for at in range(max(1, first), min(len(steps) - 1, last)) if steps[at] >= steps[at - 1] and steps[at] >= steps[at + 1]]
    return sorted(places, key=lambda at: -steps[at])[:_TRIED]
