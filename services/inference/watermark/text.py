"""Lines of text laid over a picture, distinguished from text that the picture shows.

A network finds text. A sign, a label or a shirt has text too, so each line needs evidence that it was laid over: its tilt, its
place, that the picture shows through it, that it is of one neutral colour. Evidence adds up; only a line with enough of it is sure.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.ocr.detection import Line, lines
from services.inference.watermark import blending, paper
from services.inference.watermark.box import Box
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import PAINTS, Mask, Pixels8, Strokes, find_letters, thicken, thin

PAINT = ("white or black paint of one opacity", "paint of one colour and opacity")
"""Evidence of a line that is paint."""
_LEAST_ASPECT = 1.8
_SURE, _WORTH = 0.6, 0.25
MOST_WITHOUT_PLACE = 0.55
"""However much a line looks like paint: rows of windows and letters on glass are light and even, too, in places unusual for marks."""
PLACES = ("tilted", "small in a corner", "small at the edge", "large across the middle")
"""Evidence of a line in a usual place for marks."""
_TILT = (12, 78)  # degrees
_MARGIN, _SMALL = 0.08, 0.075  # shares of the picture's sides: how far from the border, how high
_LONG = 0.25  # of the picture's width: a tilted line laid across the picture is longer than a tilted label
_REACH = 0.9  # of a line's height
_MISFIT, _MISFIT_TALL = 0.42, 0.25  # of what paint adds
_TALL = 48  # pixels
_BINS, _FILLED_BINS, _LARGEST_SHARE = 16, 0.7, 0.55


def find_text(pixels: Pixels8, text: npt.NDArray[np.uint8]) -> list[DetectedMark]:
    """The lines of text in a picture (sRGB) that are or may be marks. `text` is its `ocr.detection.text_map`."""
    document = paper.tone(pixels) is not None or paper.is_drawn(pixels)
    found = []
    for line in lines(text, _LEAST_ASPECT):
        mark = _examined(pixels, line, document)
        if mark is not None:
            found.append(mark)
    return found


def _examined(pixels: Pixels8, line: Line, document: bool) -> DetectedMark | None:
    height, width = pixels.shape[:2]
    # Beyond both ends: the network omits a sign such as © before a name.
    reach = line.length + 2 * _REACH * line.height
    corners = cv2.boxPoints(((line.x, line.y), (reach, line.height * 1.15), line.tilt))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = Box(max(0, math.floor(left)), max(0, math.floor(top)), min(width, math.ceil(right)), min(height, math.ceil(bottom)))
    around = box.grown(round(1.5 * line.height) + 8, width, height)
    crop = np.ascontiguousarray(pixels[around.window])
    region = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(region, np.round(corners - (around.left, around.top)).astype(np.int32), 1)
    inner = box.within(around)
    visible = np.zeros_like(region)
    visible[inner.window] = region[inner.window]
    found = find_letters(crop, visible > 0, round(line.height))
    if found is None or not _reads_like_text(found.mask, line, around):
        return None
    strokes = found.mask
    weights = _evidence(crop, found, line, box, (height, width), document)
    score = min(0.99 if weights.keys() & set(PLACES) else MOST_WITHOUT_PLACE, sum(weights.values()))
    if score < _WORTH:
        return None
    return DetectedMark(Kind.TEXT, box, strokes[inner.window], score, tuple(weights), sure=score >= _SURE)


def _evidence(crop: Pixels8, strokes: Strokes, line: Line, box: Box, size: tuple[int, int], document: bool) -> dict[str, float]:
    """Evidence for a mark, with weights."""
    height, width = size
    weights: dict[str, float] = {}
    tilted = _TILT[0] <= abs(line.tilt) <= _TILT[1]
    if tilted:
        weights["tilted"] = 0.45 if line.length > _LONG * width and line.length > 3 * line.height else 0.2
    elif document:
        # Upright text on paper is the paper's own text.
        return {}
    elif abs(line.tilt) <= 0.7:
        weights["level"] = 0.1
    blend = blending.measure(crop, strokes.mask)
    if blend is not None and blend.shows_through:
        weights["the picture shows through"] = 0.3
    # The strokes of large letters are known well, if they are letters.
    if _paint_misfit(crop, strokes) <= (_MISFIT if line.height < _TALL else _MISFIT_TALL):
        neutral = strokes.paint in ("white", "black")
        weights[PAINT[not neutral]] = 0.25 if neutral else 0.2
    at_side = box.left < _MARGIN * width or box.right > (1 - _MARGIN) * width
    at_end = box.top < _MARGIN * height or box.bottom > (1 - _MARGIN) * height
    if at_side and at_end and line.height < _SMALL * height:
        weights["small in a corner"] = 0.3
    elif at_end and line.height < _SMALL * height:
        weights["small at the edge"] = 0.1
    elif abs(line.x / width - 0.5) < 0.15 and abs(line.y / height - 0.5) < 0.2 and line.length > 0.4 * width:
        weights["large across the middle"] = 0.15
    return weights


def _reads_like_text(strokes: Mask, line: Line, around: Box) -> bool:
    """Whether the strokes fill the line from end to end in several pieces, as letters do, unlike an edge of the picture."""
    rows, columns = np.nonzero(strokes)
    angle = math.radians(line.tilt)
    along = ((columns + around.left - line.x) * math.cos(angle) + (rows + around.top - line.y) * math.sin(angle)) / line.length + 0.5
    filled = np.unique((along.clip(0, 0.999) * _BINS).astype(int)).size / _BINS
    sizes = cv2.connectedComponentsWithStats(strokes.astype(np.uint8), connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    return filled >= _FILLED_BINS and float(sizes.max()) <= _LARGEST_SHARE * float(sizes.sum())


def _paint_misfit(crop: Pixels8, strokes: Strokes) -> float:
    """How far the strokes are from one paint of one opacity: the unexplained share of what the paint adds."""
    core = thin(strokes.mask, 1)
    core = core if core.sum() > 20 else strokes.mask
    below = blending.smooth_below(crop, thicken(strokes.mask, 2))[core].astype(np.float32)
    added = crop[core].astype(np.float32) - below
    towards = np.array(PAINTS[strokes.paint], np.float32) - below
    opacity = float((towards * added).sum() / max(1.0, float((towards**2).sum())))
    paint = opacity * towards
    return float(np.abs(added - paint).mean() / max(1.0, float(np.abs(paint).mean()))) if opacity > 0 else math.inf
