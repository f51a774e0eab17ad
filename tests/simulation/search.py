"""Runs the schedules of many seeds, one after the other."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

from tests.simulation.simulation import simulate

_COLLECTED = 50
"""Schedules after which memory is freed: the collector would take a sixth of the time."""


def fresh_seed() -> int:
    """The first of many seeds that nobody has tried."""
    return time.time_ns() // 1_000_000


def search(first: int, seconds: float) -> Iterator[tuple[int, str]]:
    """Seeds, and what was wrong with the schedule of each, if anything, for so many seconds."""
    ends_at, seed = time.monotonic() + seconds, first
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        while time.monotonic() < ends_at:
            try:
                problem, _ = simulate(seed)
            except Exception as error:  # noqa: BLE001 - a defect of the simulation, or of what it runs
                problem = repr(error)
            yield seed, problem
            seed += 1
            if seed % _COLLECTED == 0:
                gc.collect()
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
