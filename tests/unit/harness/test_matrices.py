"""What a run has of a matrix of tests."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from tests.harness.matrices import cases_of_each_run, matrix

_FORMATS = {"a JPEG": b"\xff\xd8", "a PNG": b"\x89P", "a GIF": b"GI"}


@pytest.mark.parametrize("lengths", [[39, 33], [3, 70], [5, 5], [1, 4], [7]])
def test_one_column_is_whole_and_every_value_is_met(lengths: list[int]) -> None:
    chosen = cases_of_each_run(lengths)
    assert {case[0] for case in chosen if not any(case[1:])} == set(range(lengths[0]))
    assert {case[1] for case in chosen if case[1:]} == set(range(lengths[-1])) or len(lengths) == 1
    assert len(chosen) <= lengths[0] + max(lengths)


@pytest.mark.parametrize("lengths", [[39, 33], [33, 39], [5, 10], [4, 4]])
def test_more_diagonals_meet_each_value_with_as_many_others(lengths: list[int]) -> None:
    chosen = cases_of_each_run(lengths, diagonals=4)
    for place, length in enumerate(lengths):
        assert all(len({case[1 - place] for case in chosen if case[place] == value}) >= 4 for value in range(length))


@pytest.mark.parametrize("lengths", [[4, 3, 2], [5, 5, 5], [2, 2, 2, 2, 2, 2], [8, 1, 6]])
def test_of_three_factors_every_pair_of_values_is_met(lengths: list[int]) -> None:
    chosen = cases_of_each_run(lengths)
    for one, other in combinations(range(len(lengths)), 2):
        assert {(case[one], case[other]) for case in chosen} == set(product(range(lengths[one]), range(lengths[other])))
    assert {case for case in chosen if not any(case[1:])} == {(place, *(0,) * (len(lengths) - 1)) for place in range(lengths[0])}
    largest, next_ = sorted(lengths)[:-3:-1]
    assert len(chosen) <= 2 * largest * next_


def test_the_rest_is_thorough() -> None:
    @matrix("side, data", [4, 8.5, None], _FORMATS)
    def test() -> None: ...

    (mark,) = test.pytestmark  # type: ignore[attr-defined]
    names, cases = mark.args
    assert names == "side, data"
    assert [case.values for case in cases] == list(product([4, 8.5, None], _FORMATS.values()))
    in_each_run = [case.id for case in cases if not case.marks]
    assert in_each_run == ["4-a JPEG", "4-a PNG", "8.5-a JPEG", "8.5-a GIF", "None-a JPEG"]
    assert {mark.name for case in cases for mark in case.marks} == {"thorough"}
