from __future__ import annotations

import itertools

import pytest

from models.backend.batching import plan_batches, plan_runs


@pytest.mark.parametrize(
    ("shapes", "limit", "expected"),
    [
        ([(1, 8, 8)], 4, [[0]]),
        ([(1, 8, 8), (1, 8, 8), (1, 8, 8)], 4, [[0, 1, 2]]),
        ([(1, 8, 8), (1, 8, 9), (1, 8, 8)], 4, [[0, 2], [1]]),
        ([(2, 8, 8), (2, 8, 8), (1, 8, 8)], 4, [[0, 1], [2]]),
        ([(3, 8, 8), (2, 8, 8), (1, 8, 8)], 4, [[0], [1, 2]]),
        ([(6, 8, 8), (1, 8, 8)], 4, [[0], [1]]),
        ([(1, 8, 8), (1, 8, 8)], 1, [[0], [1]]),
        ([], 4, []),
    ],
)
def test_which_requests_run_together(shapes: list[tuple[int, ...]], limit: int, expected: list[list[int]]) -> None:
    assert list(plan_batches(shapes, limit)) == expected


def test_whatever_arrives_every_request_runs_once_with_its_likes() -> None:
    sizes = [(rows, side, side, 3) for rows in (1, 2, 5) for side in (8, 16)]
    for shapes in itertools.product(sizes, repeat=4):
        batches = list(plan_batches(shapes, 4))

        assert sorted(index for batch in batches for index in batch) == [0, 1, 2, 3]
        for batch in batches:
            assert len({shapes[index][1:] for index in batch}) == 1
            assert len(batch) == 1 or sum(shapes[index][0] for index in batch) <= 4


@pytest.mark.parametrize(
    ("rows", "limit", "expected"),
    [
        (1, 8, [(1, 1)]),
        (3, 8, [(3, 4)]),
        (5, 8, [(5, 8)]),
        (11, 8, [(8, 8), (3, 4)]),
        (5, 2, [(2, 2), (2, 2), (1, 1)]),
        (2, 1, [(1, 1), (1, 1)]),
    ],
)
def test_a_gpu_runs_batches_of_few_sizes(rows: int, limit: int, expected: list[tuple[int, int]]) -> None:
    assert list(plan_runs(rows, (1, 2, 4, 8), limit)) == expected
