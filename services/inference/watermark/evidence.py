"""Evidence that translucent paint is a watermark, and the choice between two findings of the same mark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.inference.watermark.marks import COVERED, DetectedMark
from services.inference.watermark.refinement import Overlay
from services.inference.watermark.report import Kind
from services.inference.watermark.strokes import THIN, thickness
from services.inference.watermark.text import MOST_WITHOUT_PLACE, PAINT, PLACES

_SURE, _SURE_WITHOUT_TEXT, _LIKELY, _MOST_WITHOUT_BOTH = 0.6, 0.7, 0.4, 0.55
_WHITE, _BLACK, _SATURATED = 205, 30, 110  # levels; the last is between the largest and the smallest channel
_TILT = (12.0, 78.0)  # degrees
_LONG, _NARROW = 0.25, 0.5  # of the picture's width; a mark's width relative to its length
_SHAPES = 3
_EVEN, _EVEN_TOO = "paint of one opacity to the pixel", 0.1
_MARGIN, _SMALL = 0.08, 0.25  # of the picture's sides
_SAME = 0.3  # of the larger box


def combine_marks(text: Sequence[DetectedMark], overlays: Sequence[Overlay], size: tuple[int, int]) -> list[DetectedMark]:
    """The marks of a picture of `size` (height, width), without duplicates: lines of text, and translucent paint, which may be such a line.

    Paint takes precedence over the strokes of the same line, since its opacity is known at each pixel.
    """
    marks: list[DetectedMark] = []
    read: set[int] = set()
    for overlay in overlays:
        lines = [number for number, line in enumerate(text) if _share(line, overlay) > _SAME]
        read.update(lines)
        marks.extend(_judged(overlay, [text[number] for number in lines], size))
    marks.extend(line for number, line in enumerate(text) if number not in read)
    return [mark for mark in marks if mark.confidence >= _LIKELY]


def _share(line: DetectedMark, overlay: Overlay) -> float:
    """Share of the larger one's box that lies in both."""
    across = min(line.box.right, overlay.box.right) - max(line.box.left, overlay.box.left)
    down = min(line.box.bottom, overlay.box.bottom) - max(line.box.top, overlay.box.top)
    return max(0, across) * max(0, down) / max(line.box.area, overlay.box.area)


def _judged(overlay: Overlay, lines: Sequence[DetectedMark], size: tuple[int, int]) -> list[DetectedMark]:
    paint, place = _paint(overlay), _place(overlay, size)
    if lines and not overlay.edges_known and not (overlay.blend.shows_through and thickness(overlay.cover > COVERED) >= THIN):
        # Thin letters are all edge: their strokes are known better than their cover of each pixel.
        return [_supported(line, paint | place) for line in lines]
    # For text that was outlined by a network, the edges are known.
    reads = bool(lines) or overlay.edges_known
    if reads:
        place["reads as text"] = 0.2
    elif not overlay.blend.correlation:
        # Nothing shows through it and it does not read as text: any small even thing looks like that.
        return []
    # Paint alone is not enough: glass, smoke and foam are translucent, too. Nor is place, if nothing shows through.
    weights = paint | place
    # Darkening may be a shadow anywhere, even in a corner, unless it reads as text.
    enough = place and overlay.blend.shows_through and (reads or max(overlay.blend.colour) > _BLACK)
    score = min(0.99 if enough else _MOST_WITHOUT_BOTH, sum(weights.values()))
    # Reflections and labels are translucent and in corners, too; few are white or of a strong colour.
    kind, least = (Kind.TEXT, _SURE) if reads else (Kind.OVERLAY, _SURE_WITHOUT_TEXT)
    return [DetectedMark(kind, overlay.box, overlay.cover > COVERED, score, tuple(weights), sure=score >= least, overlay=overlay)]


def _supported(line: DetectedMark, weights: dict[str, float]) -> DetectedMark:
    """The line of text with the evidence of its paint added."""
    added = {name: weight for name, weight in weights.items() if name not in line.evidence}
    if _EVEN in added and any(evidence in line.evidence for evidence in PAINT):
        # This repeats the same evidence: a name plate's letters are of one paint, too.
        added[_EVEN] = _EVEN_TOO
    placed = {*line.evidence, *added} & set(PLACES)
    score = min(0.99 if placed else MOST_WITHOUT_PLACE, line.confidence + sum(added.values()))
    return replace(line, confidence=score, evidence=(*line.evidence, *added), sure=score >= _SURE)


def _paint(overlay: Overlay) -> dict[str, float]:
    if overlay.blend.correlation == 0:
        weights = {_EVEN: 0.35}
        if overlay.shapes > 1:
            weights["in several pieces"] = 0.05
        return weights
    colour = overlay.blend.colour
    if not overlay.blend.shows_through:
        return {"the picture may show through": 0.15}
    weights = {"the picture shows through": 0.4}
    if min(colour) >= _WHITE:
        weights["white paint"] = 0.2
    elif max(colour) - min(colour) >= _SATURATED:
        weights["paint of a strong colour"] = 0.15
    elif max(colour) <= _BLACK:
        # Shadows darken like this, and so does dark print in changing light.
        weights = {"the picture shows through": 0.2}
    else:
        weights = {"the picture shows through": 0.25}
    if overlay.shapes >= _SHAPES:
        weights["in several pieces"] = 0.1
    return weights


def _place(overlay: Overlay, size: tuple[int, int]) -> dict[str, float]:
    height, width = size
    box = overlay.box
    weights: dict[str, float] = {}
    points = np.argwhere(overlay.cover > COVERED).astype(np.float64)
    spread, axes = np.linalg.eigh(np.cov(points.T))
    tilt = abs(math.degrees(math.atan2(axes[0, 1], axes[1, 1])))
    tilt = min(tilt, 180 - tilt)
    # The length of a uniform bar with this spread.
    length = math.sqrt(12 * spread[1])
    if _TILT[0] <= tilt <= _TILT[1] and length > _LONG * width and spread[0] < _NARROW**2 * spread[1]:
        # Letters on a shirt are of one opacity and tilted, too.
        weights["tilted"] = 0.2 if overlay.blend.correlation else 0.1
    at_side = box.left < _MARGIN * width or box.right > (1 - _MARGIN) * width
    at_end = box.top < _MARGIN * height or box.bottom > (1 - _MARGIN) * height
    if at_side and at_end and box.height < _SMALL * height and box.width < 2 * _SMALL * width:
        weights["small in a corner"] = 0.3
    return weights
