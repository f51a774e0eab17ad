"""Collages: the rectangles of a template's cells, and which part of a picture each of them shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from services.inference.montage.templates import Cell, Template
from services.inference.montage.tiles import Cut, side
from services.pictures.geometry import Size
from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels of the canvas."""

    left: int
    top: int
    width: int
    height: int


def rectangles(template: Template, size: Size, gap: int) -> Sequence[Rectangle]:
    """The cells on a canvas, with gaps between them and around them. Edges are rounded, so that cells of one row end alike.

    Raises FIELD_INVALID for a gap that leaves no room for them.
    """
    columns, rows = _edges(template.columns, size[0], gap), _edges(template.rows, size[1], gap)
    return [_rectangle(cell, columns, rows) for cell in template.cells]


def _edges(shares: Sequence[int], length: int, gap: int) -> Sequence[tuple[int, int]]:
    """First and last edge of each column, or row."""
    room = length - gap * (len(shares) + 1)
    if room * min(shares) < sum(shares):
        raise DarkroomError(
            ErrorReason.FIELD_INVALID,
            f"gap: gaps of {gap} pixels leave no room for {len(shares)} cells in {length} pixels.",
            field="gap",
        )
    ends = [room * end / sum(shares) for end in accumulate(shares, initial=0)]
    return [
        (_rounded(start + gap * (number + 1)), _rounded(end + gap * (number + 1))) for number, (start, end) in enumerate(pairwise(ends))
    ]


def _rectangle(cell: Cell, columns: Sequence[tuple[int, int]], rows: Sequence[tuple[int, int]]) -> Rectangle:
    left, right = columns[cell.column][0], columns[cell.column + cell.columns - 1][1]
    top, bottom = rows[cell.row][0], rows[cell.row + cell.rows - 1][1]
    return Rectangle(left, top, right - left, bottom - top)


def cell_cut(size: Size, box: Size, *, whole: bool, zoom: float, pan: tuple[float, float]) -> Cut:
    """The content of a cell of the size `box`: a picture scaled to cover it, or with `whole` to fit in, then enlarged by `zoom`.

    `pan` is -100 for the left, or upper, end of what is over, 0 for the middle, and 100 for the other end.
    """
    ratios = box[0] / size[0], box[1] / size[1]
    scale = (min(ratios) if whole else max(ratios)) * zoom
    large = [side(own * scale) for own in size]
    if not whole:
        large = [max(own, most) for own, most in zip(large, box, strict=True)]
    elif zoom == 1:
        large = [min(own, most) for own, most in zip(large, box, strict=True)]
    kept = [min(own, most) for own, most in zip(large, box, strict=True)]
    left, top = (_rounded((own - part) * (100 + share) / 200) for own, part, share in zip(large, kept, pan, strict=True))
    return Cut((large[0], large[1]), left, top, kept[0], kept[1])


def _rounded(pixels: float) -> int:
    return math.floor(pixels + 0.5)
