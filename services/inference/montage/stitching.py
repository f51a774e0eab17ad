"""Pictures in a row, a column or a grid: where each of them goes, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.operations.v1.stitch_pb2 import (
    STITCH_ALIGNMENT_END,
    STITCH_ALIGNMENT_START,
    STITCH_DIRECTION_GRID,
    STITCH_DIRECTION_VERTICAL,
    STITCH_SIZING_CROP,
    STITCH_SIZING_ORIGINAL,
    STITCH_SIZING_STRETCH,
    Stitch,
)
from services.inference.montage.tiles import Cut, side
from services.pictures.geometry import Size

_COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Placement:
    """One of the pictures."""

    left: int
    top: int
    cut: Cut


@dataclass(frozen=True, slots=True)
class Layout:
    """The canvas, and the pictures on it in their order."""

    width: int
    height: int
    pictures: Sequence[Placement]


def laid_out(sizes: Sequence[Size], parameters: Stitch) -> Layout:
    """Where pictures of these sizes go."""
    if parameters.direction == STITCH_DIRECTION_GRID:
        return _grid(sizes, parameters)
    if parameters.direction == STITCH_DIRECTION_VERTICAL:
        return _turned(_row([size[::-1] for size in sizes], parameters))
    return _row(sizes, parameters)


def _row(sizes: Sequence[Size], parameters: Stitch) -> Layout:
    """From left to right. All are as high as the lowest, unless they keep their sizes."""
    height = min(size[1] for size in sizes)
    cuts = [_in_row(size, height, parameters.sizing) for size in sizes]
    whole, left, pictures = max(cut.height for cut in cuts), parameters.border, []
    for cut in cuts:
        pictures.append(Placement(left, parameters.border + _aligned(whole - cut.height, parameters.alignment), cut))
        left += cut.width + parameters.gap
    return Layout(left - parameters.gap + parameters.border, whole + 2 * parameters.border, pictures)


def _in_row(size: Size, height: int, sizing: int) -> Cut:
    if sizing == STITCH_SIZING_ORIGINAL:
        return Cut.all_of(size)
    if sizing == STITCH_SIZING_STRETCH:
        return Cut.all_of((size[0], height))
    if sizing == STITCH_SIZING_CROP:
        return Cut(size, 0, (size[1] - height) // 2, size[0], height)
    return Cut.all_of((side(size[0] * height / size[1]), height))


def _grid(sizes: Sequence[Size], parameters: Stitch) -> Layout:
    """Row by row, in cells of the size of the widest and of the highest."""
    usual = _median([size[0] for size in sizes]), _median([size[1] for size in sizes])
    cuts = [_in_grid(size, usual, parameters.sizing) for size in sizes]
    cell = max(cut.width for cut in cuts), max(cut.height for cut in cuts)
    columns = min(parameters.columns or _COLUMNS, len(sizes))
    rows = -(-len(sizes) // columns)
    pictures = []
    for number, cut in enumerate(cuts):
        row, column = divmod(number, columns)
        left = parameters.border + column * (cell[0] + parameters.gap) + _aligned(cell[0] - cut.width, parameters.alignment)
        top = parameters.border + row * (cell[1] + parameters.gap) + _aligned(cell[1] - cut.height, parameters.alignment)
        pictures.append(Placement(left, top, cut))
    width, height = (
        count * own + (count - 1) * parameters.gap + 2 * parameters.border for count, own in zip((columns, rows), cell, strict=True)
    )
    return Layout(width, height, pictures)


def _in_grid(size: Size, usual: Size, sizing: int) -> Cut:
    if sizing == STITCH_SIZING_ORIGINAL:
        return Cut.all_of(size)
    if sizing == STITCH_SIZING_STRETCH:
        return Cut.all_of(usual)
    if sizing == STITCH_SIZING_CROP:
        return _covering(size, usual)
    scale = min(1.0, usual[0] / size[0], usual[1] / size[1])
    return Cut.all_of((side(size[0] * scale), side(size[1] * scale)))


def _covering(size: Size, box: Size) -> Cut:
    """The middle of a picture that is scaled to cover a box."""
    scale = max(box[0] / size[0], box[1] / size[1])
    large = max(box[0], side(size[0] * scale)), max(box[1], side(size[1] * scale))
    return Cut(large, (large[0] - box[0]) // 2, (large[1] - box[1]) // 2, *box)


def _median(lengths: Sequence[int]) -> int:
    """The middle one; of two in the middle, the greater."""
    return sorted(lengths)[len(lengths) // 2]


def _aligned(room: int, alignment: int) -> int:
    if alignment == STITCH_ALIGNMENT_START:
        return 0
    return room if alignment == STITCH_ALIGNMENT_END else room // 2


def _turned(layout: Layout) -> Layout:
    """The same with x and y exchanged."""
    pictures = [
        Placement(each.top, each.left, Cut(each.cut.scaled_size[::-1], each.cut.top, each.cut.left, each.cut.height, each.cut.width))
        for each in layout.pictures
    ]
    return Layout(layout.height, layout.width, pictures)
