"""Tests of every combination of some values, of which a run has a few that miss no value, nor any pair where there are three kinds.

    @matrix("tool, format", TOOLS, FORMATS)
    def test_every_tool_writes_every_format(tool: str, format: str) -> None: ...

Each run has every tool with the first format, and every format with some tool; `make test-all` has every tool with every format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from itertools import combinations, product
from typing import Any

import pytest

Case = tuple[int, ...]
"""The places of its values in their factors."""


def matrix(names: str, *factors: Iterable[Any], diagonals: int = 1) -> pytest.MarkDecorator:
    """Mark a test to be run with every combination of the factors' values. `names` are those of its arguments, with commas between.

    A factor that is a mapping has names for its values. All but `cases_of_each_run` are marked `thorough`.
    """
    columns = [list(_named(factor, name.strip())) for name, factor in zip(names.split(","), factors, strict=True)]
    chosen = cases_of_each_run([len(column) for column in columns], diagonals)
    cases = []
    for case in product(*(range(len(column)) for column in columns)):
        ids, values = zip(*(column[place] for column, place in zip(columns, case, strict=True)), strict=True)
        cases.append(pytest.param(*values, id="-".join(ids), marks=() if case in chosen else (pytest.mark.thorough,)))
    return pytest.mark.parametrize(names, cases)


def cases_of_each_run(lengths: list[int], diagonals: int = 1) -> set[Case]:
    """All values of the first factor with the first of every other; and of two factors so many `diagonals`, each of which meets every value
    with another one of the other factor, and of three or more every pair of values."""
    column = {(place, *(0,) * (len(lengths) - 1)) for place in range(lengths[0])}
    if len(lengths) > 2:
        return column | set(_pairs(lengths, column))
    return column | set(_diagonals(lengths, diagonals))


def _diagonals(lengths: list[int], number: int) -> Iterator[Case]:
    if len(lengths) != 2:
        return
    short, long = sorted(lengths)
    for start, place in product(range(number), range(long)):
        # Far from each other, so that one value does not meet neighbours only, which are often alike.
        other = (place + 1 + start * short // number) % short
        yield (place, other) if lengths[0] == long else (other, place)


def _pairs(lengths: list[int], already: set[Case]) -> Iterator[Case]:
    """Cases that have every pair of values that `already` lacks: each time one that has the most of them."""
    missing = {pair for case in product(*map(range, lengths)) for pair in _pairs_of(case)}
    missing -= {pair for case in already for pair in _pairs_of(case)}
    candidates = list(product(*map(range, lengths)))
    while missing:
        best = max(candidates, key=lambda case: len(missing & _pairs_of(case)))
        missing -= _pairs_of(best)
        yield best


def _pairs_of(case: Case) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    return set(combinations(enumerate(case), 2))


def _named(factor: Iterable[Any], name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(factor, Mapping):
        yield from factor.items()
        return
    for place, value in enumerate(factor):
        yield (str(value) if value is None or isinstance(value, str | int | float | Enum) else f"{name}{place}"), value
