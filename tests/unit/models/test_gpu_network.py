"""How a model's process feeds the GPU's process, with a stand-in for that; tests/component/models/test_gpu_process.py has the real one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BACKEND = Path(__file__).resolve().parents[3] / "models" / "backend"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BACKEND))
    yield importlib.import_module("gpu_network")
    for name in ("gpu_network", "area", "batching"):
        sys.modules.pop(name, None)


def network(module: Any, room: int) -> tuple[Any, list[int]]:
    """A network that adds 1, on a GPU with memory for so many rows, and the numbers of rows that it was given."""
    given: list[int] = []

    class Network(module.GpuNetwork):
        def _run(self, shape: tuple[int, ...]) -> Any:
            given.append(shape[0])
            if shape[0] > room:
                raise module.GpuError("OutOfMemory: Available memory of 0 is smaller than requested bytes of 1")
            made = self._made.array(shape)
            made[...] = self._given.array(shape) + 1
            return made

    made = Network.__new__(Network)
    made._sizes, made._limit = (1, 2, 4, 8), 8
    made._given, made._made = module.Area.create(), module.Area.create()
    return made, given


def rows(count: int) -> Any:
    return np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1).repeat(5, axis=2)


def test_batches_are_padded_and_each_picture_gets_its_result(module: Any) -> None:
    made, given = network(module, 8)
    for count in (1, 3, 8, 11):
        np.testing.assert_array_equal(made.run(rows(count), lambda: False), rows(count) + 1)
    assert given == [1, 4, 8, 8, 4]


def test_where_memory_is_short_runs_are_halved_from_then_on(module: Any) -> None:
    made, given = network(module, 2)
    np.testing.assert_array_equal(made.run(rows(7), lambda: False), rows(7) + 1)
    np.testing.assert_array_equal(made.run(rows(3), lambda: False), rows(3) + 1)
    assert given == [8, 4, 2, 2, 2, 1, 2, 1]


def test_a_picture_that_does_not_fit_alone_is_an_error(module: Any) -> None:
    made, given = network(module, 0)
    with pytest.raises(module.GpuError, match="OutOfMemory"):
        made.run(rows(2), lambda: False)
    assert given == [2, 1]


def test_nothing_more_is_run_for_a_request_that_nobody_waits_for(module: Any) -> None:
    made, given = network(module, 8)
    with pytest.raises(module.GpuError, match="nobody waits"):
        made.run(rows(16), lambda: len(given) > 0)
    assert given == [8]
