"""The text of a redrawn page: its own text that remains without the mark, and text read in its picture.

Runs are dictionaries with the fields of `pages.Run`. `box` is the visible part of the page in its own coordinates (left, bottom, right,
top), which its pictures (height x width x 3) show.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from services.inference.ocr.detection import Line, Pixels8
from services.inference.ocr.recognition import RecognisedLine
from services.inference.watermark.report import Kind, Mark

Runs = list[dict[str, Any]]

_LEVEL = 3.0  # degrees
_REPEATS = 4
_SKEW = 15.0  # degrees by which a page may lie askew in a scanner
_INK, _LEFT = 40, 0.35  # levels of contrast, and the share of it below which a run's ink is gone
_BASELINE = 0.2  # of a line's height above its lower edge
_POINTS_OF_A_LINE, _COVERED = 9, 3


def without_mark(runs: Runs, box: Sequence[float], before: Pixels8, after: Pixels8, removed: Sequence[Mark]) -> Runs:
    """The runs of a page that are not its marks.

    A mark's runs are tilted against the page, and begin in its box or repeat across a page with a tiled mark; or their ink went with it.
    """
    skew = _skew(runs)
    counted = Counter(run["text"].strip() for run in runs if _tilted(run, skew))
    repeated = {text for text, count in counted.items() if count >= _REPEATS and any(mark.kind is Kind.TILED for mark in removed)}
    return [
        run
        for run in runs
        if not (_tilted(run, skew) and run["text"].strip() in repeated)
        and not any(_belongs(run, mark, box, (before, after), skew) for mark in removed)
    ]


def coverage_test(runs: Runs, box: Sequence[float], shape: Sequence[int]) -> Callable[[Line], bool]:
    """A function that says whether the page already has the text of a line in the picture."""
    places = [_place(run, box, shape) for run in runs]

    def has(line: Line) -> bool:
        steps = np.linspace(-0.5, 0.5, _POINTS_OF_A_LINE) * line.length
        angle = math.radians(line.tilt)
        xs, ys = line.x + steps * math.cos(angle), line.y + steps * math.sin(angle)
        inside = np.zeros(_POINTS_OF_A_LINE, np.bool_)
        for x, y, length, size, turn in places:
            along = (xs - x) * math.cos(turn) + (ys - y) * math.sin(turn)
            below = (ys - y) * math.cos(turn) - (xs - x) * math.sin(turn)
            inside |= (along >= 0) & (along <= length) & (below >= -size) & (below <= 0.4 * size)
        return int(inside.sum()) >= _COVERED

    return has


def recognised_runs(found: Sequence[RecognisedLine], box: Sequence[float], shape: Sequence[int]) -> Runs:
    """A run for each word of the lines that were read in the picture, with the space after it."""
    return [run for each in found for run in _words(each, box, shape)]


def _words(found: RecognisedLine, box: Sequence[float], shape: Sequence[int]) -> Iterator[dict[str, Any]]:
    left, _, right, top = box
    points = (right - left) / shape[1]
    line = found.line
    cosine, sine = math.cos(math.radians(line.tilt)), math.sin(math.radians(line.tilt))
    down = (0.5 - _BASELINE) * line.height
    for word in found.reading.words:
        along = (word.begin - 0.5) * line.length
        x, y = line.x + along * cosine - down * sine, line.y + along * sine + down * cosine
        yield {
            "text": word.text,
            "x": left + x * points,
            "y": top - y * points,
            "size": line.height * points,
            "length": max(0.01, word.end - word.begin) * line.length * points,
            "tilt": -line.tilt,
        }


def _belongs(run: dict[str, Any], mark: Mark, box: Sequence[float], pictures: tuple[Pixels8, Pixels8], skew: float) -> bool:
    x, y, length, size, turn = _place(run, box, pictures[0].shape)
    edges = mark.box
    if _tilted(run, skew) and edges.left - size <= x <= edges.right + size and edges.top - size <= y <= edges.bottom + size:
        return True
    corners = [
        (x + along * math.cos(turn) + up * math.sin(turn), y + along * math.sin(turn) - up * math.cos(turn))
        for along in (0, length)
        for up in (0, size)
    ]
    columns, rows = (slice(max(0, math.floor(min(values))), math.ceil(max(values))) for values in zip(*corners, strict=True))
    if columns.start >= edges.right or columns.stop <= edges.left or rows.start >= edges.bottom or rows.stop <= edges.top:
        return False
    was, remains = (_contrast(picture[rows, columns]) for picture in pictures)
    return was > _INK and remains < _LEFT * was


def _tilted(run: dict[str, Any], skew: float) -> bool:
    return bool(abs((run["tilt"] - skew + 45) % 90 - 45) >= _LEVEL)


def _contrast(pixels: Pixels8) -> float:
    if not pixels.size:
        return 0.0
    low, high = np.percentile(pixels, (2, 98))
    return float(high - low)


def _skew(runs: Runs) -> float:
    """Common tilt of the page's lines, in degrees."""
    folded: list[float] = [(run["tilt"] + 45) % 90 - 45 for run in runs]
    return statistics.median([tilt for tilt in folded if abs(tilt) < _SKEW] or [0.0])


def _place(run: dict[str, Any], box: Sequence[float], shape: Sequence[int]) -> tuple[float, float, float, float, float]:
    """Start of the baseline, length and size in pixels; and the direction in radians, clockwise as seen."""
    left, _, right, top = box
    pixels = shape[1] / (right - left)
    return (run["x"] - left) * pixels, (top - run["y"]) * pixels, run["length"] * pixels, run["size"] * pixels, -math.radians(run["tilt"])
