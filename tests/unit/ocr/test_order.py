"""The order of reading."""

from __future__ import annotations

import pytest

from services.inference.ocr.order import Extent, reading_order


def column(left: float, right: float, top: float, lines: int) -> list[Extent]:
    return [(left, top + 14 * line, right, top + 14 * line + 10) for line in range(lines)]


def test_columns_are_read_one_after_the_other_below_their_heading() -> None:
    page = [(20, 10, 380, 30), *column(20, 190, 60, 6), *column(210, 380, 63, 5), (20, 180, 380, 190)]
    assert reading_order(page) == list(range(len(page)))
    assert [page[index] for index in reading_order(page[::-1])] != page
    backwards = page[::-1]
    assert [backwards[index] for index in reading_order(backwards)] == page


def test_cells_of_a_row_stay_together() -> None:
    table = [(20, 10, 60, 20), (200, 11, 240, 21), (20, 30, 90, 40), (200, 29, 240, 39)]
    assert reading_order([table[index] for index in (3, 2, 1, 0)]) == [3, 2, 1, 0]


def test_lines_that_reach_into_each_other_a_little_are_lines() -> None:
    assert reading_order([(0, 19, 100, 32), (0, 0, 100, 13), (0, 10, 100, 22)]) == [1, 2, 0]


@pytest.mark.parametrize("extents", [[], [(0, 0, 10, 10)], [(0, 0, 10, 10)] * 3])
def test_what_has_no_order_is_given_once(extents: list[Extent]) -> None:
    assert sorted(reading_order(extents)) == list(range(len(extents)))


def test_many_lines() -> None:
    page = column(0, 100, 0, 1500)
    assert reading_order(page) == list(range(1500))
