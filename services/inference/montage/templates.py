"""The templates of collages, by the names of `CollageTemplate` in lower case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle of a template's grid: its first row and column, and how many of them it has."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Template:
    """A grid, and its cells in the order in which pictures fill them."""

    columns: Sequence[int]
    """Their widths, as shares."""
    rows: Sequence[int]
    """Their heights, as shares."""
    cells: Sequence[Cell]


def _grid(columns: Sequence[int], rows: Sequence[int]) -> Template:
    """A template without cells that span several rows or columns."""
    return Template(columns, rows, [Cell(row, column) for row in range(len(rows)) for column in range(len(columns))])


def _row(row: int, *columns: int) -> list[Cell]:
    """The cells of one row, by how many columns each has."""
    return [Cell(row, sum(columns[:number]), columns=count) for number, count in enumerate(columns)]


TEMPLATES: Mapping[str, Template] = {
    "2_h_equal": _grid((1, 1), (1,)),
    "2_v_equal": _grid((1,), (1, 1)),
    "2_h_left_large": _grid((2, 1), (1,)),
    "2_h_right_large": _grid((1, 2), (1,)),
    "3_left_large": Template((2, 1), (1, 1), [Cell(0, 0, rows=2), Cell(0, 1), Cell(1, 1)]),
    "3_right_large": Template((1, 2), (1, 1), [Cell(0, 0), Cell(1, 0), Cell(0, 1, rows=2)]),
    "3_top_large": Template((1, 1), (2, 1), [*_row(0, 2), *_row(1, 1, 1)]),
    "3_h_equal": _grid((1, 1, 1), (1,)),
    "3_v_equal": _grid((1,), (1, 1, 1)),
    "4_grid": _grid((1, 1), (1, 1)),
    "4_left_large": Template((2, 1), (1, 1, 1), [Cell(0, 0, rows=3), Cell(0, 1), Cell(1, 1), Cell(2, 1)]),
    "4_top_large": Template((1, 1, 1), (2, 1), [*_row(0, 3), *_row(1, 1, 1, 1)]),
    "4_bottom_large": Template((1, 1, 1), (1, 2), [*_row(0, 1, 1, 1), *_row(1, 3)]),
    "5_top2_bottom3": Template((1,) * 6, (1, 1), [*_row(0, 3, 3), *_row(1, 2, 2, 2)]),
    "5_top3_bottom2": Template((1,) * 6, (1, 1), [*_row(0, 2, 2, 2), *_row(1, 3, 3)]),
    "5_left_large": Template((2, 1), (1, 1, 1, 1), [Cell(0, 0, rows=4), *(Cell(row, 1) for row in range(4))]),
    "5_center_large": Template((1, 2, 1), (1, 1), [Cell(0, 0), Cell(0, 1, rows=2), Cell(0, 2), Cell(1, 0), Cell(1, 2)]),
    "6_grid_2x3": _grid((1, 1), (1, 1, 1)),
    "6_grid_3x2": _grid((1, 1, 1), (1, 1)),
    "6_top_large": Template((1,) * 5, (2, 1), [*_row(0, 5), *_row(1, 1, 1, 1, 1, 1)]),
    "7_mosaic": Template((1, 1, 1), (1, 1, 1), [*_row(0, 2, 1), *_row(1, 1, 1, 1), *_row(2, 1, 2)]),
    "8_mosaic": Template((1,) * 4, (1, 1, 1), [*_row(0, 2, 1, 1), *_row(1, 1, 1, 2), *_row(2, 2, 2)]),
    "9_grid": _grid((1, 1, 1), (1, 1, 1)),
}
