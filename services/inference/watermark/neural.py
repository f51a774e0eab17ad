"""Filling a mask with a network that sees windows of a fixed size.

A shallow hole is filled at full resolution, window by window, each of which sees what was filled before it. A hole whose middle is far
from everything known is filled on a smaller copy, so that a window shows the network enough of its surroundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import cv2
import numpy as np

from services.inference.watermark.blending import smooth_below
from services.inference.watermark.box import Box
from services.inference.watermark.strokes import Mask, Pixels8, thicken, thickness

SIDE = 512
"""Height and width in pixels of what the network takes."""

Network = Callable[[Pixels8], Pixels8]
"""Takes uint8 [1, 512, 512, 4], sRGB and a mask (255: fill, 0: known); gives uint8 [1, 512, 512, 3]. It may block."""

_CELL = 256  # most pixels of a window that are filled: the rest is their surroundings
_DEEPEST = 80  # pixels from what is known; LaMa was trained on holes of up to about a third of a picture's side


def reach(mask: Mask) -> int:
    """How many pixels around the mask `fill` uses."""
    return math.ceil(SIDE / 2 / _scale(mask))


def fill(pixels: Pixels8, mask: Mask, network: Network, check: Callable[[], None]) -> Pixels8:
    """The crop, of one or three channels, with its mask filled; everything else is unchanged. `check` is called between windows.

    Masked pixels are shown to the network as a smooth continuation of their surroundings, so that nothing of a mark comes back.
    """
    shown = np.array(np.broadcast_to(smooth_below(pixels, mask), (*mask.shape, 3)))
    unknown = mask.copy()
    for part, box in _holes(mask):
        scale = _scale(part)
        if scale == 1:
            _fill_cells(shown, unknown, part, box, _CELL, network, check)
        else:
            _fill_small(shown, unknown, part, box, scale, network, check)
    result = pixels.copy()
    result[mask] = shown[mask] if pixels.shape[2] == 3 else np.round(shown[mask].mean(axis=1, keepdims=True))
    return result


def _scale(part: Mask) -> float:
    return min(1.0, _DEEPEST / max(1.0, thickness(np.pad(part, 1))))


def _holes(mask: Mask) -> Iterator[tuple[Mask, Box]]:
    """The parts that are filled together, each with its box; shapes that fit into one cell are joined."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thicken(mask, 1).astype(np.uint8))
    groups: list[tuple[list[int], Box]] = []
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label][:4])
        box = Box(left, top, left + width, top + height)
        for number, (members, other) in enumerate(groups):
            joined = box.union(other)
            if max(joined.width, joined.height) <= _CELL:
                groups[number] = [*members, label], joined
                break
        else:
            groups.append(([label], box))
    for members, box in groups:
        yield mask[box.window] & np.isin(labels[box.window], members), box


def _fill_small(shown: Pixels8, unknown: Mask, part: Mask, box: Box, scale: float, network: Network, check: Callable[[], None]) -> None:
    """`_fill_cells` on a copy that is smaller by `scale`, or by less if everything fits into one window."""
    around = box.grown(math.ceil(SIDE / 2 / scale), unknown.shape[1], unknown.shape[0])
    longest = max(around.width, around.height)
    scale, cell = (min(1.0, SIDE / longest), SIDE) if scale * longest <= SIDE else (scale, _CELL)
    size = max(1, round(around.width * scale)), max(1, round(around.height * scale))
    inner = box.within(around).window
    whole = np.zeros((around.height, around.width), np.bool_)
    whole[inner] = part
    small = np.ascontiguousarray(cv2.resize(shown[around.window], size, interpolation=cv2.INTER_AREA), np.uint8)
    small_part = _shrunk(whole, size)
    rows, columns = np.nonzero(small_part)
    small_box = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    small_unknown = _shrunk(unknown[around.window], size)
    _fill_cells(small, small_unknown, small_part[small_box.window], small_box, cell, network, check)
    large = np.asarray(cv2.resize(small, (around.width, around.height), interpolation=cv2.INTER_CUBIC), np.uint8)
    shown[box.window][part] = large[inner][part]
    unknown[box.window][part] = False


def _shrunk(mask: Mask, size: tuple[int, int]) -> Mask:
    """The mask scaled down; partly masked pixels are masked."""
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0, np.bool_)


def _fill_cells(shown: Pixels8, unknown: Mask, part: Mask, box: Box, largest: int, network: Network, check: Callable[[], None]) -> None:
    """Fill a part, the pixels of a box, in place, in cells of at most `largest` pixels, and remove it from `unknown`."""
    height, width = unknown.shape
    for cell in _cells(box, largest):
        inside = part[cell.within(box).window]
        if not inside.any():
            continue
        check()
        window = _window(cell, width, height)
        picture = np.dstack([shown[window.window], unknown[window.window].astype(np.uint8) * np.uint8(255)])
        # A picture smaller than a window is continued by its mirror image, including marks.
        padded = cv2.copyMakeBorder(picture, 0, SIDE - window.height, 0, SIDE - window.width, cv2.BORDER_REFLECT)
        answer = network(np.asarray(padded, np.uint8)[np.newaxis])[0]
        shown[cell.window][inside] = answer[cell.within(window).window][inside]
        unknown[cell.window][inside] = False


def _cells(box: Box, largest: int) -> Iterator[Box]:
    """The box in equal rectangles, as few as possible."""
    columns, rows = (np.linspace(0, size, -(-size // largest) + 1).round().astype(int).tolist() for size in (box.width, box.height))
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield Box(left, top, right, bottom).translate(box.left, box.top)


def _window(cell: Box, width: int, height: int) -> Box:
    """As much of the crop around a cell as the network takes, with the cell in the middle unless the crop ends sooner."""
    left, top = (
        max(0, min((start + end - SIDE) // 2, size - SIDE))
        for start, end, size in ((cell.left, cell.right, width), (cell.top, cell.bottom, height))
    )
    return Box(left, top, min(width, left + SIDE), min(height, top + SIDE))
