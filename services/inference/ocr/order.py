"""The order in which lines of text are read: columns one after the other, top to bottom.

A recursive X-Y cut (Nagy and Seth 1984): a gap from top to bottom separates columns if both have several lines, so that the cells of a row
stay together; else the widest horizontal gap separates what is above from what is below.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

Extent = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_GUTTER = 1.0  # of the usual line height: the least gap between columns
_LEAST_LINES = 3  # of a column


def reading_order(extents: Sequence[Extent]) -> list[int]:
    """Indices into `extents`, the positions of the lines with y growing downwards."""
    if not extents:
        return []
    gutter = _GUTTER * statistics.median(bottom - top for _, top, _, bottom in extents)
    ordered: list[int] = []
    waiting = [list(range(len(extents)))]
    while waiting:
        block = waiting.pop()
        parts = _parts(block, extents, gutter)
        if len(parts) == 1:
            ordered += sorted(block, key=lambda index: extents[index][0])
        else:
            waiting += reversed(parts)
    return ordered


def _parts(block: list[int], extents: Sequence[Extent], gutter: float) -> list[list[int]]:
    """The block cut in two, or whole if it is one row."""
    position, gap = _widest_gap(block, extents, 0)
    if gap >= gutter:
        left, right = _cut(block, extents, 0, position)
        if min(_rows(left, extents), _rows(right, extents)) >= _LEAST_LINES:
            return [left, right]
    position, gap = _widest_gap(block, extents, 1)
    if gap <= 0:
        return [block]
    return _cut(block, extents, 1, position)


def _cut(block: list[int], extents: Sequence[Extent], axis: int, position: float) -> list[list[int]]:
    """Lines that begin before a position, and the others."""
    return [[index for index in block if (_span(extents[index], axis)[0] < position) is before] for before in (True, False)]


def _widest_gap(block: list[int], extents: Sequence[Extent], axis: int) -> tuple[float, float]:
    """Where the widest gap between lines ends, and its width, across (0) or down (1). Lines overlapping by up to a third are separate."""
    spans = sorted(_span(extents[index], axis) for index in block)
    reached, best = spans[0][1], (0.0, 0.0)
    for begin, end in spans[1:]:
        if begin - reached > best[1]:
            best = begin, begin - reached
        reached = max(reached, end)
    return best


def _span(extent: Extent, axis: int) -> tuple[float, float]:
    begin, end = extent[axis], extent[axis + 2]
    inset = (end - begin) / 6 if axis else 0.0
    return begin + inset, end - inset


def _rows(block: list[int], extents: Sequence[Extent]) -> int:
    """Number of rows of lines; lines next to each other count once."""
    rows, reached = 0, float("-inf")
    for index in sorted(block, key=lambda each: extents[each][1]):
        top, bottom = _span(extents[index], 1)
        if top >= reached:
            rows, reached = rows + 1, bottom
    return rows
