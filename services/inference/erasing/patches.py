"""Filling a mask with what the rest of the picture has, without a network.

Only windows around the masked places are looked at, each with its surroundings; long shapes are filled piece by piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.erasing.completion import complete
from services.inference.erasing.smooth import membrane
from services.inference.watermark import inpainting
from services.inference.watermark.box import Box

Pixels8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_JOIN = 8  # pixels: places this close are filled together
_CELL, _WIDTHS = 256, 3.0  # a piece: pixels, or this many times the width of what is masked
_AROUND = 64, 640  # pixels of surroundings, at least and at most; between them, twice the width of what is masked
_THIN, _BESIDE = 8, 48  # pixels: width up to which shapes are continued by frequencies, and their surroundings
_BLOCK, _MOST_BLOCKS = 16, 8_000  # pixels; blocks with thin shapes that are continued by frequencies at most: that takes up to 13 ms each
_TILE = 1024  # pixels
_RING = 12  # pixels around a hole that show whether it is in a smooth place
_GRAIN = 3.2, 12.0  # levels from the local mean: of all pixels, and of all but two in a hundred
_MIRRORED = 16  # pixels
_OVERLAP = 16  # pixels of the next piece that are filled with one, so that they agree
_KNOWN = 0.5  # of a pixel of a smaller copy
_LARGEST = 4_000_000  # pixels of a window that is not divided


def fill(pixels: Pixels8, mask: Mask, check: Callable[[], None], report: Callable[[float], None] = lambda _done: None) -> Pixels8:
    """The picture, height x width x 3, with its masked pixels filled; the others are unchanged, and masked pixels have no influence.

    `check` is called again and again, and raises to stop; `report` gets the share of masked pixels that are filled. Raises ValueError if
    everything is masked.
    """
    if not mask.any():
        return pixels.copy()
    if mask.all():
        raise ValueError("nothing of the picture is left to fill the mask from")
    result, unknown = pixels.copy(), mask.copy()
    count = left = int(mask.sum())
    thick = _thick(mask)
    thin = mask & ~thick
    few = _blocks(thin) <= _MOST_BLOCKS
    continued, pieces = (_continued, _pieces(thin)) if few else (membrane, _tiles(thin))
    for piece, box, _ in pieces:
        check()
        window = box.grown(_BESIDE, mask.shape[1], mask.shape[0])
        filled = continued(result[window.window], unknown[window.window])
        result[box.window][piece] = filled[box.within(window).window][piece]
        unknown[box.window][piece] = False
        left -= int(piece.sum())
        report(1 - left / count)
    for piece, box, thickness in _pieces(thick):
        check()
        around = max(_AROUND[0], min(_AROUND[1], round(2 * thickness)))
        window = box.grown(around, mask.shape[1], mask.shape[0])
        near = box.grown(_OVERLAP, mask.shape[1], mask.shape[0]).within(window).window
        hole = np.zeros((window.height, window.width), np.bool_)
        hole[near] = unknown[window.window][near]
        filled = _filled(result[window.window], hole, unknown[window.window], mask[window.window], check)
        result[box.window][piece] = filled[box.within(window).window][piece]
        unknown[box.window][piece] = False
        left -= int(piece.sum())
        report(1 - left / count)
    return result


def _thick(mask: Mask) -> Mask:
    """The parts of the mask that are wider than what is thin."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THIN + 1, _THIN + 1))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(mask & (cv2.dilate(opened, kernel) > 0), np.bool_)


def _blocks(mask: Mask) -> int:
    """How many blocks of the picture have something of the mask."""
    across = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], _BLOCK), axis=0)
    return int(np.count_nonzero(np.logical_or.reduceat(across, np.arange(0, mask.shape[1], _BLOCK), axis=1)))


def _filled(pixels: Pixels8, hole: Mask, unknown: Mask, mask: Mask, check: Callable[[], None]) -> Pixels8:
    """A window with its hole filled from unmasked pixels. Other unknown pixels are shown as a smooth continuation."""
    if mask.size > _LARGEST:
        return _filled_small(pixels, hole, unknown, mask, check)
    if not hole.any():
        return pixels
    if _is_smooth(pixels, unknown):
        return inpainting.with_grain(membrane(pixels, unknown), pixels, unknown)
    shown = membrane(pixels, unknown) if (unknown & ~hole).any() else pixels
    found = complete(shown, hole, ~mask, check)
    return membrane(pixels, unknown) if found is None else found


def _is_smooth(pixels: Pixels8, unknown: Mask) -> bool:
    """Whether around what is unknown there is grain at most, and no edge that would break off."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RING + 1, 2 * _RING + 1))
    near = (cv2.dilate(unknown.astype(np.uint8), kernel) > 0) & (cv2.dilate(unknown.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    if not near.any():
        return False
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Masked pixels have no influence.
    known = (~unknown).astype(np.float32)
    mean = cv2.GaussianBlur(gray * known, (0, 0), 2) / np.maximum(cv2.GaussianBlur(known, (0, 0), 2), 1e-3)
    deviation = np.abs(gray - mean)[near]
    return bool(deviation.mean() < _GRAIN[0] and np.percentile(deviation, 98) < _GRAIN[1])


def _filled_small(pixels: Pixels8, hole: Mask, unknown: Mask, mask: Mask, check: Callable[[], None]) -> Pixels8:
    """The same on a smaller copy, from which only the hole is taken."""
    height, width = mask.shape
    scale = math.sqrt(_LARGEST / mask.size)
    size = min(width, max(1, int(width * scale))), min(height, max(1, int(height * scale)))
    seen = pixels.copy()
    seen[unknown] = 0
    share = np.asarray(cv2.resize((~unknown).astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    dark = cv2.resize(seen, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = np.rint(dark / np.maximum(share, 1e-2)[..., np.newaxis]).clip(0, 255).astype(np.uint8)
    within, masked = (cv2.resize(each.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for each in (hole, mask))
    lost = share < _KNOWN
    found = _filled(small, np.asarray(within & lost), np.asarray(lost), np.asarray(masked | lost), check)
    result = seen
    result[hole] = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)[hole]
    return result


def _pieces(mask: Mask) -> Iterator[tuple[Mask, Box, float]]:
    """Parts of the mask that are filled one after the other, each with its box, and its largest width in pixels."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _JOIN + 1, 2 * _JOIN + 1))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask.astype(np.uint8), kernel))
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label][:4])
        whole = Box(left, top, left + width, top + height)
        part = mask[whole.window] & (labels[whole.window] == label)
        thickness = 2 * float(cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 3).max())
        for cell in _cells(whole, max(_CELL, round(_WIDTHS * thickness))):
            piece = part[cell.within(whole).window]
            if piece.any():
                rows, columns = (np.flatnonzero(piece.any(axis=axis)) for axis in (1, 0))
                tight = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
                yield piece[tight.window], tight.translate(cell.left, cell.top), thickness


def _tiles(mask: Mask) -> Iterator[tuple[Mask, Box, float]]:
    """As `_pieces`, of a mask with very many of them: all that a tile of the picture has is one."""
    for tile in _cells(Box(0, 0, mask.shape[1], mask.shape[0]), _TILE):
        if mask[tile.window].any():
            yield mask[tile.window], tile, _THIN


def _cells(box: Box, largest: int) -> Iterator[Box]:
    """The box in equal rectangles, as few as possible."""
    columns, rows = (np.linspace(0, size, -(-size // largest) + 1).round().astype(int).tolist() for size in (box.width, box.height))
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield Box(left, top, right, bottom).translate(box.left, box.top)


def _continued(pixels: Pixels8, unknown: Mask) -> Pixels8:
    """A window with what is unknown continued from around it (Genser et al. 2018, "Spectral Constrained Frequency Selective
    Extrapolation"). For thin shapes that comes closer to the picture than patches, and is faster.
    """
    # At a border it may diverge, unless the picture goes on.
    seen = cv2.copyMakeBorder(pixels, _MIRRORED, _MIRRORED, _MIRRORED, _MIRRORED, cv2.BORDER_REFLECT_101)
    known = np.pad(np.where(unknown, 0, 255).astype(np.uint8), _MIRRORED, mode="reflect")
    filled = np.zeros_like(seen)
    cv2.xphoto.inpaint(np.ascontiguousarray(seen, np.uint8), known, filled, cv2.xphoto.INPAINT_FSR_FAST)
    return np.asarray(filled[_MIRRORED:-_MIRRORED, _MIRRORED:-_MIRRORED], np.uint8)
