"""Where a picture has text: a network marks the middle of each line, from which the line is measured.

Differentiable binarization (Liao et al. 2020, https://arxiv.org/abs/1911.08947), with PP-OCR's own parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.resampling import resize

Pixels8 = npt.NDArray[np.uint8]

DETECTION_SIDE = 1280
"""Default for the longest side of the picture that the network gets, in pixels."""
_STRIDE = 32  # pixels: the network takes whole multiples
_LARGEST_ENLARGEMENT = 2.0

_THRESHOLD, _LEAST_MEAN = 0.3 * 255, 0.5 * 255
_UNCLIP = 1.6
_LEAST_FILL = 0.55
_SMALLEST, _LARGEST = 7, 0.35  # height of a line: pixels, share of the picture's smaller side


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: centre, length and height in pixels, tilt in degrees from -90 to 90, clockwise as seen."""

    x: float
    y: float
    length: float
    height: float
    tilt: float


def network_input(pixels: Pixels8, longest: int = DETECTION_SIDE) -> Pixels8:
    """The picture as the network takes it: uint8 [1, H, W, 3], H and W whole multiples of 32, its last pixels repeated."""
    height, width = pixels.shape[:2]
    scale = min(longest / max(height, width), _LARGEST_ENLARGEMENT)
    small = resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
    padding = [(0, -size % _STRIDE) for size in small.shape[:2]]
    return np.pad(small, (*padding, (0, 0)), mode="edge")[np.newaxis]


def text_map(answer: Pixels8, height: int, width: int, longest: int = DETECTION_SIDE) -> Pixels8:
    """The network's answer to `network_input` of a picture, as height x width: 255 where text is certain."""
    scale = min(longest / max(height, width), _LARGEST_ENLARGEMENT)
    inner = np.ascontiguousarray(answer[0, : max(1, round(height * scale)), : max(1, round(width * scale)), 0])
    return resize(inner, width, height)


def lines(text: Pixels8, least_aspect: float = 1.0, largest: float = _LARGEST) -> Iterator[Line]:
    """The lines in a `text_map` that are at least `least_aspect` times as long as high, and not higher than that share of the picture."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((text > _THRESHOLD).astype(np.uint8))
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area < 3 * _SMALLEST:
            continue
        window = slice(top, top + height), slice(left, left + width)
        part = labels[window] == label
        if cv2.mean(text[window], part.view(np.uint8))[0] < _LEAST_MEAN:
            continue
        (x, y), (across, down), angle = cv2.minAreaRect(_ends(part) + np.array((left, top), np.float32))
        if across < down:
            across, down, angle = down, across, angle + 90
        across, down = across + 1, down + 1
        grown = _UNCLIP * across * down / (across + down)
        if area < _LEAST_FILL * across * down or across < least_aspect * down:
            continue
        line = Line(x, y, across + grown, down + grown, (angle + 90) % 180 - 90)
        if _SMALLEST <= line.height <= largest * min(text.shape):
            yield line


def _ends(part: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """The first and last pixel of each row, x and y: all of a region that a rectangle around it depends on."""
    rows = np.arange(len(part))
    first, last = part.argmax(axis=1), part.shape[1] - 1 - part[:, ::-1].argmax(axis=1)
    return np.column_stack([np.concatenate([first, last]), np.concatenate([rows, rows])]).astype(np.float32)
