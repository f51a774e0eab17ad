"""The shapes of groups on a scanned page: a line of letters, a ring, a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.ocr.detection import Line
from services.inference.watermark.box import Box
from services.inference.watermark.page_groups import Group
from services.inference.watermark.strokes import Mask

_TILT = (12.0, 78.0)  # degrees
_FILLED, _PIECES = (0.15, 0.75), 3  # of its rectangle; letters
_CELL = 0.85  # of its upright rectangle: more than a letter fills
_STROKE = (0.05, 0.5)  # thickness, of the height of a line
_BINS, _FULL_BINS, _FULL = 12, 0.7, 0.4  # along a line: parts in which the letters reach over so much of its height
_RING_BINS, _RING, _RIM = 72, 0.85, 0.88  # angles; share of them; of the radius
_FRAME, _FRAMED = 0.1, 0.85  # of the shorter side; share of the frame


@dataclass(frozen=True, slots=True)
class GroupLine(Line):
    """A line that is the narrowest rectangle around a group."""

    @property
    def is_slanted(self) -> bool:
        """Whether it is far from level and from upright."""
        return _TILT[0] <= abs(self.tilt) <= _TILT[1]

    def band(self, box: Box, along: float, over: float) -> Mask:
        """The pixels of a box that are within so many lengths of the middle along the line, and so many heights across it."""
        down, across = np.ogrid[box.top - self.y : box.bottom - self.y, box.left - self.x : box.right - self.x]
        angle = math.radians(self.tilt)
        far, off = across * math.cos(angle) + down * math.sin(angle), down * math.cos(angle) - across * math.sin(angle)
        return np.asarray((np.abs(far) <= along * self.length) & (np.abs(off) <= over * self.height), np.bool_)


def line_of(group: Group) -> GroupLine:
    """The narrowest rectangle around a group."""
    rows, columns = np.nonzero(group.mask)
    step = max(1, rows.size // 20_000)
    (x, y), (width, height), angle = cv2.minAreaRect(np.stack([columns, rows], axis=1)[::step].astype(np.float32))
    if width < height:
        width, height, angle = height, width, angle + 90
    tilt = (angle + 90) % 180 - 90
    return GroupLine(x + group.box.left, y + group.box.top, max(width, 1.0), max(height, 1.0), tilt)


def is_line(group: Group, line: GroupLine) -> bool:
    """Whether a group is letters side by side: in several pieces, as high from end to end, with strokes of a letter's weight."""
    mask = group.mask.astype(np.uint8)
    area = int(mask.sum())
    if not _FILLED[0] <= area / (line.length * line.height) <= _FILLED[1] or line.height > 0.6 * line.length:
        return False
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    stats = stats[stats[:, cv2.CC_STAT_AREA] > 0.02 * area]
    filled = stats[:, cv2.CC_STAT_AREA] / (stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT])
    if len(stats) < _PIECES or float(np.median(filled)) > _CELL:
        return False
    depth = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), cv2.DIST_L2, 3)
    # The middle of strokes: a quarter of a bar's pixels are deeper than three quarters of half its width.
    stroke = 2 * float(np.percentile(depth[depth > 0], 75)) / 0.75
    if not _STROKE[0] <= stroke / line.height <= _STROKE[1]:
        return False
    rows, columns = np.nonzero(mask)
    angle = math.radians(line.tilt)
    x, y = columns + group.box.left - line.x, rows + group.box.top - line.y
    along, over = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    bins = ((along / line.length + 0.5) * _BINS).astype(np.int64).clip(0, _BINS - 1)
    full = sum(bool(np.ptp(over[bins == number]) > _FULL * line.height) for number in np.unique(bins))
    return full >= _FULL_BINS * _BINS


def is_ring(points: npt.NDArray[np.float32]) -> bool:
    """Whether points (x, y) lie all around a circle."""
    (x, y), radius = cv2.minEnclosingCircle(points)
    away = points - np.array((x, y), np.float32)
    outer = np.hypot(away[:, 0], away[:, 1]) > _RIM * radius
    bins = ((np.arctan2(away[outer, 1], away[outer, 0]) / (2 * np.pi) + 0.5) * _RING_BINS).astype(np.int64) % _RING_BINS
    return np.unique(bins).size >= _RING * _RING_BINS


def is_frame(points: npt.NDArray[np.float32], line: GroupLine, group: Group) -> bool:
    """Whether a group's points (x, y, from its box's corner) lie along all four sides of its rectangle."""
    angle = math.radians(line.tilt)
    x, y = points[:, 0] + group.box.left - line.x, points[:, 1] + group.box.top - line.y
    along, over = (x * math.cos(angle) + y * math.sin(angle)) / line.length, (y * math.cos(angle) - x * math.sin(angle)) / line.height
    near, slim = _FRAME, _FRAME * line.height / line.length
    sides = [along[over < near - 0.5], along[over > 0.5 - near], over[along < slim - 0.5], over[along > 0.5 - slim]]
    filled = [np.unique(((side + 0.5) * 2 * _BINS).astype(np.int64)).size / (2 * _BINS) for side in sides]
    return min(filled) >= _FRAMED
