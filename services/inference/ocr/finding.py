"""Where a picture has text, if it is large, and its text as well.

The network that finds lines is shown a small copy, which shows where large letters are, and parts of a larger one for the small print.
Its outputs for the parts are combined before lines are formed, so that no line is cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from itertools import islice

import cv2
import numpy as np

from services.inference.media.resampling import resize
from services.inference.ocr import detection
from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.recognition import MOST_LINES, SIDE, Recogniser

_ALL = 2.0  # of the smaller side: a line may fill the picture
_LEAST = 8  # pixels: nothing smaller can be read
_FAST_SIDE = 960
_OVERLAP = 192  # pixels of neighbouring parts
_RIM = 32  # pixels at a part's edge, where the network sees too little, that the neighbour knows better
_WORTH = 1.25  # times as large as the small copy: then parts show more
_LARGE = 72  # pixels of the larger copy: higher lines are seen better on the small one
_SAME = 0.5  # of a line's box


class Finding(Enum):
    """How much time is taken: the longest side of what is looked at in parts, in pixels; 0: nothing is."""

    FAST = 0
    BALANCED = 3200
    BEST = 6400


async def found_lines(recogniser: Recogniser, pixels: Pixels8, finding: Finding) -> list[Line]:
    """The lines of a picture (sRGB, height x width x 3), at most 2,000."""
    height, width = pixels.shape[:2]
    if min(height, width) < _LEAST:
        return []
    side = SIDE if finding.value else _FAST_SIDE
    text = await recogniser.text_map(pixels, side)
    lines = await asyncio.to_thread(_lines, text, 1.0)
    scale = min(1.0, finding.value / max(height, width))
    if max(height, width) * scale < _WORTH * side:
        return lines
    large = await asyncio.to_thread(resize, pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    in_parts = await asyncio.to_thread(_lines, await _map_in_parts(recogniser, large), scale)
    return _joined([line for line in lines if line.height * scale >= _LARGE], in_parts)


async def _map_in_parts(recogniser: Recogniser, pixels: Pixels8) -> Pixels8:
    """The network's output for parts of the picture at its own size."""
    height, width = pixels.shape[:2]
    whole = np.zeros((height, width), np.uint8)
    for top, bottom in _spans(height):
        for left, right in _spans(width):
            said = await recogniser.text_map(np.ascontiguousarray(pixels[top:bottom, left:right]), SIDE)
            rows, columns = _inner(top, bottom, height), _inner(left, right, width)
            part = whole[rows, columns]
            np.maximum(part, said[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left], out=part)
    return whole


def _spans(size: int) -> Iterator[tuple[int, int]]:
    """Parts of a side that overlap, as few as possible."""
    count = max(1, -(-(size - _OVERLAP) // (SIDE - _OVERLAP)))
    length = min(size, SIDE)
    for start in np.linspace(0, size - length, count).round().astype(int).tolist():
        yield start, start + length


def _inner(start: int, stop: int, size: int) -> slice:
    return slice(start + (_RIM if start else 0), stop - (_RIM if stop < size else 0))


def _lines(text: Pixels8, scale: float) -> list[Line]:
    """The lines in what the network said of a copy of that scale, in pixels of the picture."""
    found = islice(detection.lines(text, largest=_ALL), MOST_LINES)
    return [replace(line, x=line.x / scale, y=line.y / scale, length=line.length / scale, height=line.height / scale) for line in found]


def _joined(large: list[Line], small: list[Line]) -> list[Line]:
    """Large lines, and small ones that are no parts of them."""
    boxes = [_box(line) for line in large]
    return [*large, *(line for line in small if not any(_covers(box, line) for box in boxes))][:MOST_LINES]


def _box(line: Line) -> cv2.typing.RotatedRect:
    return (line.x, line.y), (line.length, line.height), line.tilt


def _covers(box: cv2.typing.RotatedRect, line: Line) -> bool:
    _, shared = cv2.rotatedRectangleIntersection(box, _box(line))
    return shared is not None and cv2.contourArea(cv2.convexHull(shared)) >= _SAME * line.length * line.height
