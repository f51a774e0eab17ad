"""Text that is to be removed: in a box that a person has drawn, or wherever a picture has some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from services.inference.media.colour import strips
from services.inference.ocr.detection import Line
from services.inference.watermark import blending
from services.inference.watermark.blending import Blend
from services.inference.watermark.borders import Fit
from services.inference.watermark.box import Box
from services.inference.watermark.inpainting import is_detailed
from services.inference.watermark.line_paint import SAME_OPACITY, TRANSLUCENT, Solution, solutions
from services.inference.watermark.marks import COVERED, DetectedMark
from services.inference.watermark.one_paint import step_of, with_soft_edges
from services.inference.watermark.refinement import Overlay
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import Mask, Pixels8
from services.inference.watermark.text_lines import AskNetwork

_HALO = 4  # pixels: reach of a stroke's soft edge


def text_marks(
    pixels: Pixels8, lines: Sequence[Line], region: Mask, opaque: Mask | None, ask: AskNetwork, check: Callable[[], None]
) -> list[DetectedMark]:
    """The text in `region` of an sRGB crop, in these lines; none if its letters cannot be distinguished from the picture. `ask` finds
    strokes.

    `opaque` is the area that looks like a mark in the region as a whole: an emblem next to a name, or a mark of which the name alone reads
    as text.
    """
    return [
        _removed(np.ascontiguousarray(pixels[view.window]), each, region[view.window]).translate(view.left, view.top)
        for view, each in solutions(pixels, lines, region, opaque, ask, check)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class OutlinedText:
    """A line of text, or several of one mark, as it would be removed, and its paint if the picture surely shows through it."""

    mark: DetectedMark
    overlay: Overlay | None


def outlined_text(pixels: Pixels8, lines: Sequence[Line], ask: AskNetwork, check: Callable[[], None]) -> list[OutlinedText]:
    """The text in these lines of an sRGB picture, whether it is a mark or the picture's own."""
    everywhere = np.ones(pixels.shape[:2], np.bool_)
    found: list[OutlinedText] = []
    for view, solution in solutions(pixels, lines, everywhere, None, ask, check):
        part, whole = np.ascontiguousarray(pixels[view.window]), everywhere[view.window]
        measured = blending.measure(part, solution.shapes)
        same = measured is not None and abs(measured.opacity - solution.fit.opacity) < SAME_OPACITY
        overlay = None
        if measured is not None and same and measured.shows_through and solution.fit.opacity < TRANSLUCENT:
            overlay = translucent(part, solution.shapes, solution.fit, whole).translate(view.left, view.top).overlay
            assert overlay is not None
            blend = replace(overlay.blend, correlation=measured.correlation, misfit=measured.misfit)
            overlay = replace(overlay, blend=blend)
        found.append(OutlinedText(_removed(part, solution, whole).translate(view.left, view.top), overlay))
    return found


def _removed(pixels: Pixels8, solution: Solution, region: Mask) -> DetectedMark:
    # On smooth ground the pixels next to the mark are better known than those below it.
    if solution.fit.opacity < TRANSLUCENT and is_detailed(pixels, solution.shapes):
        return translucent(pixels, solution.shapes, solution.fit, region)
    return to_fill(solution.shapes if solution.also is None else solution.shapes | solution.also, region)


def translucent(pixels: Pixels8, shapes: Mask, fit: Fit, region: Mask) -> DetectedMark:
    """Shapes of a paint through which the picture shows, with their soft edges, as a mark to be removed."""
    cover = with_soft_edges(pixels, shapes, fit.colour, fit.opacity)
    cover[~region] = 0
    # From a share of the step in the logarithm to a share of the opacity.
    step = np.float32(step_of(fit.opacity))
    for rows in strips(cover.shape[0]):
        cover[rows] = (1 - np.exp(-step * cover[rows])) / np.float32(fit.opacity)
    box = bounds(cover > 0)
    blend = Blend(fit.colour, fit.opacity, fit.agreeing)
    count = cv2.connectedComponents(shapes.astype(np.uint8))[0] - 1
    overlay = Overlay(box, cover[box.window], blend, count, edges_known=True)
    return DetectedMark(Kind.BOX, box, overlay.cover > COVERED, 1.0, overlay=overlay)


def to_fill(strokes: Mask, region: Mask) -> DetectedMark:
    """Strokes to be filled, as a mark to be removed."""
    limits, box = bounds(region), bounds(strokes)
    box = Box(
        max(limits.left, box.left - _HALO),
        max(limits.top, box.top - _HALO),
        min(limits.right, box.right + _HALO),
        min(limits.bottom, box.bottom + _HALO),
    )
    return DetectedMark(Kind.BOX, box, strokes[box.window], 1.0)


def bounds(mask: Mask) -> Box:
    """The smallest box that holds a mask, which is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
