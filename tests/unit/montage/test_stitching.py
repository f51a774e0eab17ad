"""Where stitched pictures go, and how large they are."""

from __future__ import annotations

import pytest

from darkroom.operations.v1.stitch_pb2 import Stitch
from services.inference.montage.stitching import laid_out
from services.inference.montage.tiles import Cut

SIZES = [(100, 80), (60, 40), (90, 120)]
FIT, ORIGINAL, STRETCH, CROP = (f"STITCH_SIZING_{name}" for name in ("FIT", "ORIGINAL", "STRETCH", "CROP"))
VERTICAL, GRID = "STITCH_DIRECTION_VERTICAL", "STITCH_DIRECTION_GRID"


@pytest.mark.parametrize(
    ("sizing", "made"),
    [
        (FIT, [(50, 40), (60, 40), (30, 40)]),
        (ORIGINAL, SIZES),
        (STRETCH, [(100, 40), (60, 40), (90, 40)]),
        (CROP, [(100, 40), (60, 40), (90, 40)]),
    ],
)
def test_a_row(sizing: str, made: list[tuple[int, int]]) -> None:
    layout = laid_out(SIZES, Stitch(sizing=sizing, gap=7, border=11))
    cuts = [each.cut for each in layout.pictures]
    assert [(cut.width, cut.height) for cut in cuts] == made
    assert (layout.width, layout.height) == (sum(size[0] for size in made) + 2 * 7 + 2 * 11, max(size[1] for size in made) + 22)
    assert [each.left for each in layout.pictures] == [11, 11 + made[0][0] + 7, 11 + made[0][0] + 7 + made[1][0] + 7]
    assert [each.top for each in layout.pictures] == [11 + (max(size[1] for size in made) - size[1]) // 2 for size in made]


@pytest.mark.parametrize("sizing", [FIT, ORIGINAL, STRETCH, CROP])
def test_a_column_is_a_row_turned(sizing: str) -> None:
    row = laid_out([size[::-1] for size in SIZES], Stitch(sizing=sizing, gap=3, border=5))
    column = laid_out(SIZES, Stitch(sizing=sizing, gap=3, border=5, direction=VERTICAL))
    assert (column.width, column.height) == (row.height, row.width)
    for across, down in zip(row.pictures, column.pictures, strict=True):
        assert (down.left, down.top) == (across.top, across.left)
        assert (down.cut.width, down.cut.height, *down.cut.scaled_size) == (
            across.cut.height,
            across.cut.width,
            *across.cut.scaled_size[::-1],
        )


def test_a_column_is_as_wide_as_the_narrowest() -> None:
    layout = laid_out(SIZES, Stitch(direction=VERTICAL))
    assert [(each.cut.width, each.cut.height) for each in layout.pictures] == [(60, 48), (60, 40), (60, 80)]
    assert (layout.width, layout.height) == (60, 168)


@pytest.mark.parametrize(
    ("sizing", "made"),
    [
        (FIT, [(90, 72), (60, 40), (60, 80)]),
        (ORIGINAL, SIZES),
        (STRETCH, [(90, 80)] * 3),
        (CROP, [(90, 80)] * 3),
    ],
)
def test_a_grid_goes_by_the_median(sizing: str, made: list[tuple[int, int]]) -> None:
    layout = laid_out(SIZES, Stitch(direction=GRID, sizing=sizing, gap=4, border=6, alignment="STITCH_ALIGNMENT_START"))
    assert [(each.cut.width, each.cut.height) for each in layout.pictures] == made
    wide, high = max(size[0] for size in made), max(size[1] for size in made)
    assert (layout.width, layout.height) == (2 * wide + 4 + 12, 2 * high + 4 + 12)
    assert [(each.left, each.top) for each in layout.pictures] == [(6, 6), (10 + wide, 6), (6, 10 + high)]


def test_a_picture_is_cut_to_cover_the_median() -> None:
    assert laid_out(SIZES, Stitch(direction=GRID, sizing=CROP)).pictures[1].cut == Cut((120, 80), 15, 0, 90, 80)


def test_of_an_even_number_the_greater_middle_one_counts() -> None:
    layout = laid_out([(10, 10), (20, 20)], Stitch(direction=GRID))
    assert [each.cut.scaled_size for each in layout.pictures] == [(10, 10), (20, 20)]


@pytest.mark.parametrize(("columns", "count", "shape"), [(0, 4, (2, 2)), (3, 4, (3, 2)), (9, 4, (4, 1)), (2, 5, (2, 3))])
def test_columns_of_a_grid(columns: int, count: int, shape: tuple[int, int]) -> None:
    layout = laid_out([(10, 10)] * count, Stitch(direction=GRID, columns=columns))
    assert (layout.width, layout.height) == (10 * shape[0], 10 * shape[1])


@pytest.mark.parametrize(("alignment", "top"), [("START", 0), ("CENTER", 20), ("END", 40)])
def test_alignment(alignment: str, top: int) -> None:
    parameters = Stitch(sizing=ORIGINAL, alignment=f"STITCH_ALIGNMENT_{alignment}")
    assert laid_out([(10, 60), (10, 20)], parameters).pictures[1].top == top


def test_nothing_vanishes() -> None:
    layout = laid_out([(1, 1000), (1000, 1)], Stitch())
    assert [each.cut.scaled_size for each in layout.pictures] == [(1, 1), (1000, 1)]
