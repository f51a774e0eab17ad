"""Which pixels of a line of text a mark has painted: what a network finds that was trained on lines turned level, all of about one size
(`models/strokes`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.ocr.detection import Line
from services.inference.watermark.strokes import Pixels8, Plane
from services.inference.watermark.text_lines import AskNetwork

_STRIDE = 16  # pixels: the network takes whole multiples
_LONGEST, _MOST_SEEN = 4096, 1_500_000  # pixels
_SHARP = 0.7  # scale down to which interpolation needs no average of pixels
_LEAST = 0.002  # probability


@dataclass(frozen=True, slots=True)
class _View:
    """How the network sees a line: its height in pixels, and how much it sees from the line's middle and beyond its ends, in heights."""

    height: int
    above: float = 1.0
    beside: float = 1.1


_VIEWS = _View(40), _View(72)
"""The smaller one distinguishes letters from the picture, the larger one has their edges."""
_AROUND = _View(32, above=1.45, beside=2.2)
"""For an emblem, which is larger than its name."""


def paint_probability(pixels: Pixels8, line: Line, ask: AskNetwork) -> Plane:
    """How probable it is that each pixel of an sRGB crop is painted, 0 to 1; 0 away from the line."""
    return _probable(np.mean([_seen(pixels, line, view, ask) for view in _VIEWS], axis=0))


def painted_around(pixels: Pixels8, line: Line, ask: AskNetwork) -> Plane:
    """The same for what is farther from the line, where the network is wrong more often."""
    return _probable(_seen(pixels, line, _AROUND, ask))


def painted_everywhere(pixels: Pixels8, line: Line, ask: AskNetwork) -> Plane:
    """The same for a whole crop with many lines like this one."""
    height, width = pixels.shape[:2]
    turn = math.radians(line.tilt)
    along, over = abs(math.cos(turn)), abs(math.sin(turn))
    sheet = Line(width / 2, height / 2, width * along + height * over, line.height, line.tilt)
    above = (width * over + height * along) / (2 * line.height)
    most = math.sqrt(_MOST_SEEN / (sheet.length * 2 * above * line.height)) * line.height
    views = [_View(min(view.height, int(most)), above, 0.0) for view in _VIEWS]
    return _probable(np.mean([_seen(pixels, sheet, view, ask) for view in views], axis=0))


def _probable(logits: Plane) -> Plane:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _seen(pixels: Pixels8, line: Line, view: _View, ask: AskNetwork) -> Plane:
    """Logits of the probability, for the whole crop."""
    level, size = _levelled(line, view)
    answer = ask(_level_picture(pixels, level, size)[np.newaxis])[0, ..., 0].astype(np.float32) / 255
    logits = np.log((answer + _LEAST) / (1 + _LEAST - answer))
    back = np.asarray(cv2.invertAffineTransform(level), np.float64)
    none = math.log(_LEAST)
    return np.asarray(cv2.warpAffine(logits, back, pixels.shape[1::-1], flags=cv2.INTER_LINEAR, borderValue=none), np.float32)


def _levelled(line: Line, view: _View) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """The map (2 x 3) from the crop to a level picture of the line, and that picture's width and height."""
    length = line.length + 2 * view.beside * line.height
    scale = min(view.height / line.height, _LONGEST / length)
    size = tuple(math.ceil(side * scale / _STRIDE) * _STRIDE for side in (length, 2 * view.above * line.height))
    turn = math.radians(line.tilt)
    across, down = scale * math.cos(turn), scale * math.sin(turn)
    level = np.array([[across, down, size[0] / 2], [-down, across, size[1] / 2]])
    level[:, 2] -= level[:, :2] @ (line.x, line.y)
    return level, (size[0], size[1])


def _level_picture(pixels: Pixels8, level: npt.NDArray[np.float64], size: tuple[int, int]) -> Pixels8:
    scale = math.sqrt(abs(float(np.linalg.det(level[:, :2]))))
    if scale < _SHARP:
        smaller = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
        level = level.copy()
        level[:, :2] /= [small / side for small, side in zip(smaller, pixels.shape[1::-1], strict=True)]
        pixels = np.asarray(cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.warpAffine(pixels, level, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
