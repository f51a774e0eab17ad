"""The area to remove from a box that a person has drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.inference.ocr.detection import Line
from services.inference.watermark import paper
from services.inference.watermark.box import Box
from services.inference.watermark.inpainting import is_detailed
from services.inference.watermark.lettering import text_marks
from services.inference.watermark.line_paint import is_paint
from services.inference.watermark.marks import COVERED, DetectedMark
from services.inference.watermark.overlays import find_overlays
from services.inference.watermark.report import Kind
from services.inference.watermark.solids import find_solids
from services.inference.watermark.strokes import Mask, Pixels8, find_strokes_in_box, luminance, thicken
from services.inference.watermark.text_lines import Networks, lines_in, text_mask

_OPAQUE = 0.8
"""Opacity below which what is found over detail is more often the picture's than a mark."""
_PLATE, _ON_PLATE, _LETTER_GAP = 1.5, 0.9, 3  # times its letters; share of them; pixels
_FAINT = 0.3  # opacity
_HIGHEST = 1.2  # of a box's smaller side: height of a line
_RIVAL = 0.6  # of the area of the other


@dataclass(frozen=True, slots=True, eq=False)
class InBox:
    """Marks to be removed, and the lines of text in the box, which are their own or the picture's."""

    marks: Sequence[DetectedMark]
    lines: Sequence[Line]


def in_box(crop: Pixels8, region: Mask, box: Box, around: Box, networks: Networks | None, check: Callable[[], None]) -> InBox:
    """The area to remove from `box`, which is `region` of an sRGB crop at `around`: the translucent marks in it, else opaque paint, else
    everything.

    If marks are in different places, the larger one is taken: the smaller one is an accident of the picture.
    """
    lines: list[Line] = []
    if networks is not None and paper.tone(crop) is None:
        lines = [line for line in lines_in(crop, networks.text, check) if line.height <= _HIGHEST * min(box.width, box.height)]
        lines = [line for line in lines if (text_mask([line], region.shape) & region).any()]
    return InBox(_marks(crop, region, box, around, lines, networks, check), lines)


def _marks(
    crop: Pixels8, region: Mask, box: Box, around: Box, lines: Sequence[Line], networks: Networks | None, check: Callable[[], None]
) -> list[DetectedMark]:
    inner = box.within(around).window
    tone = paper.tone(crop)
    solids = find_solids(crop, region)
    if solids is not None and tone is not None and float(luminance(crop)[solids].mean()) < float(tone.mean()) - paper.PRINT:
        solids = None
    strokes = find_strokes_in_box(crop, region, min(box.width, box.height))
    opaque = _joined(solids, None if strokes is None else strokes.mask)
    if lines and networks is not None:
        text = text_marks(crop, lines, region, opaque, networks.strokes, check)
        if text and not _is_on(solids, text):
            return [mark.translate(around.left, around.top) for mark in text]
    if tone is None:
        # Where text was read, its letters would have been distinguished from the picture, and opaque paint is seldom without an edge.
        most = _FAINT if lines else _OPAQUE
        overlays = [each for each in find_overlays(crop, region, check) if each.blend.shows_through or each.blend.opacity < most]
        paint = np.zeros_like(region)
        for overlay in overlays:
            paint[overlay.box.window] |= overlay.cover > COVERED
        # If both have found the same mark, the translucent finding is the more informative one.
        least = 1.0 if opaque is None or not _alike(paint, opaque) else _RIVAL
        if overlays and (opaque is None or paint.sum() >= least * opaque.sum()):
            moved = [replace(overlay, box=overlay.box.translate(around.left, around.top)) for overlay in overlays]
            return [DetectedMark(Kind.BOX, overlay.box, overlay.cover > COVERED, 1.0, overlay=overlay) for overlay in moved]
        if opaque is None and lines:
            return []
        # Where text was read, its letters would have been distinguished from the picture.
        doubtful = solids is None and strokes is not None and (bool(lines) or not is_paint(crop, strokes.mask, _OPAQUE))
        if doubtful and strokes is not None and is_detailed(crop, strokes.mask):
            return []
    return [DetectedMark(Kind.BOX, box, None if opaque is None else opaque[inner], 1.0)]


def _is_on(solids: Mask | None, text: Sequence[DetectedMark]) -> bool:
    """Whether text is on a plate, which goes with it."""
    if solids is None:
        return False
    letters = np.zeros_like(solids)
    for mark in text:
        letters[mark.box.window] |= True if mark.strokes is None else mark.strokes
    around = thicken(solids, _LETTER_GAP) & letters
    return bool(solids.sum() > _PLATE * letters.sum() and around.sum() > _ON_PLATE * letters.sum())


def _joined(one: Mask | None, other: Mask | None) -> Mask | None:
    """Both together if they are of the same mark; else the larger one."""
    if one is None or other is None:
        return one if other is None else other
    return one | other if _alike(one, other) else max(one, other, key=np.count_nonzero)


def _alike(one: Mask, other: Mask) -> bool:
    """Whether most of the smaller one is part of the other."""
    return bool((one & other).sum() >= _RIVAL * min(one.sum(), other.sum()))
