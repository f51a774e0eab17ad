"""Memory is handed out in order, once, and comes back however its use ends."""

from __future__ import annotations

import asyncio

import pytest

from services.inference.contract.memory_budget import MemoryBudget, default_budget
from services.platform.errors import DarkroomError, ErrorReason


class Use:
    """Something that takes memory until it is told to end."""

    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self.waited, self.has, self.ending = False, False, asyncio.Event()
        self._budget, self._size = budget, size
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._budget.reserve(self._size, self._waits):
            self.has = True
            await self.ending.wait()
        self.has = False

    def _waits(self) -> None:
        self.waited = True

    async def end(self) -> None:
        self.ending.set()
        await self.task
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_fits_goes_on_at_once_and_what_does_not_waits() -> None:
    budget = MemoryBudget(100)
    first, second, third = Use(budget, 60), Use(budget, 40), Use(budget, 1)
    await settled()
    assert [(use.has, use.waited) for use in (first, second, third)] == [(True, False), (True, False), (False, True)]
    await second.end()
    assert third.has
    await first.end()
    await third.end()
    assert budget.free == 100


async def test_a_large_request_is_not_overtaken_by_small_ones() -> None:
    budget = MemoryBudget(100)
    first, large, small = Use(budget, 50), Use(budget, 80), Use(budget, 10)
    await settled()
    assert (first.has, large.has, small.has) == (True, False, False)
    await first.end()
    assert (large.has, small.has) == (True, True)
    await large.end()
    await small.end()
    assert budget.free == 100


async def test_what_no_longer_waits_lets_the_next_one_go_on() -> None:
    budget = MemoryBudget(100)
    first, large, small = Use(budget, 50), Use(budget, 80), Use(budget, 10)
    await settled()
    large.task.cancel()
    await settled()
    assert small.has
    await first.end()
    await small.end()
    assert budget.free == 100


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_memory_that_is_handed_out_as_its_waiter_is_cancelled_is_not_lost(turns: int) -> None:
    budget = MemoryBudget(100)
    first, second = Use(budget, 100), Use(budget, 100)
    await settled()
    # The second is cancelled before, while or after the first hands out what it had.
    first.ending.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    second.task.cancel()
    await asyncio.gather(first.task, second.task, return_exceptions=True)
    await settled()
    assert budget.free == 100


async def test_what_could_never_fit_is_refused_at_once() -> None:
    budget = MemoryBudget(100 << 20)
    with pytest.raises(DarkroomError) as refused:
        async with budget.reserve(300 << 20, lambda: None):
            raise AssertionError("there is no room")
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    assert refused.value.message == "The file needs about 300 MiB of memory, and a worker has 100 MiB."
    assert budget.free == 100 << 20


def test_the_default_is_a_sensible_share_of_this_machine() -> None:
    assert 256 << 20 <= default_budget() < 1 << 45
