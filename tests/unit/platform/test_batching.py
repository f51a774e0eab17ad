"""Calls at the same time are done together, and each gets what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from services.platform.batching import Batcher
from services.platform.errors import DarkroomError, ErrorReason

_caller: ContextVar[str] = ContextVar("caller", default="nobody")


class Doubling:
    """Doubles numbers when it is let, and remembers in which batches they came."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.callers: list[str] = []
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(numbers))
        self.callers.append(_caller.get())
        await self.go_on.wait()
        if self.error is not None and (isinstance(self.error, DarkroomError) or -1 in numbers):
            raise self.error
        return [number * 2 for number in numbers]


@pytest.fixture
async def doubling() -> Doubling:
    return Doubling()


async def _calls(batched: Batcher[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batched(number)) for number in numbers]
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_batch_is_under_way_is_the_next_one(doubling: Doubling) -> None:
    batched = Batcher(doubling, largest=10)
    first = await _calls(batched, 1)
    while not doubling.batches:
        await asyncio.sleep(0)
    others = await _calls(batched, 2, 3, 4)
    doubling.go_on.set()
    assert await asyncio.gather(*first, *others) == [2, 4, 6, 8]
    assert doubling.batches == [[1], [2, 3, 4]]


async def test_a_batch_waits_for_as_many_calls_as_the_one_before_had(doubling: Doubling) -> None:
    doubling.go_on.set()
    batched = Batcher(doubling, largest=10, spacing=3600)
    assert await asyncio.gather(*await _calls(batched, 1, 2, 3)) == [2, 4, 6]  # At once.
    calls = [call for number in (4, 5, 6) for call in await _calls(batched, number)]
    async with asyncio.timeout(10):
        assert await asyncio.gather(*calls) == [8, 10, 12]
    assert doubling.batches == [[1, 2, 3], [4, 5, 6]]


async def test_a_batch_does_not_wait_for_long_when_fewer_call(doubling: Doubling) -> None:
    doubling.go_on.set()
    batched = Batcher(doubling, largest=10, spacing=0.2)
    await asyncio.gather(*await _calls(batched, 1, 2, 3, 4, 5))
    assert await asyncio.gather(*await _calls(batched, 6, 7)) == [12, 14]
    assert doubling.batches == [[1, 2, 3, 4, 5], [6, 7]]


async def test_callers_that_were_parted_come_together_again(doubling: Doubling) -> None:
    doubling.go_on.set()
    batched = Batcher(doubling, largest=10, spacing=1.0)
    await asyncio.gather(*await _calls(batched, *range(10)))
    await asyncio.gather(*await _calls(batched, 10))  # The others are too late.
    calls = [call for number in range(11, 20) for call in await _calls(batched, number)]
    await asyncio.gather(*calls)
    assert doubling.batches == [list(range(10)), [10], list(range(11, 20))]


async def test_callers_that_take_turns_come_together(doubling: Doubling) -> None:
    batched = Batcher(doubling, largest=10, spacing=3600)
    first = await _calls(batched, 1, 2)
    while not doubling.batches:
        await asyncio.sleep(0)
    second = await _calls(batched, 3, 4, 5)
    doubling.go_on.set()
    again = [call for number in (await asyncio.gather(*first)) for call in await _calls(batched, number)]
    async with asyncio.timeout(10):
        await asyncio.gather(*second, *again)
    assert doubling.batches == [[1, 2], [3, 4, 5, 2, 4]]


async def test_a_call_does_not_wait_after_one_that_was_alone(doubling: Doubling) -> None:
    doubling.go_on.set()
    batched = Batcher(doubling, largest=10, spacing=3600)
    async with asyncio.timeout(10):
        assert [await batched(number) for number in (1, 2, 3)] == [2, 4, 6]


async def test_no_batch_is_larger_than_allowed(doubling: Doubling) -> None:
    doubling.go_on.set()
    assert await asyncio.gather(*await _calls(Batcher(doubling, largest=2), 1, 2, 3, 4, 5)) == [2, 4, 6, 8, 10]
    assert doubling.batches == [[1, 2], [3, 4], [5]]


async def test_a_call_by_itself_has_its_context_and_a_batch_none(doubling: Doubling) -> None:
    doubling.go_on.set()
    batched = Batcher(doubling, largest=10)
    _caller.set("somebody")
    await batched(1)
    await asyncio.gather(*await _calls(batched, 2, 3))
    assert doubling.callers == ["somebody", "nobody"]


async def test_the_fault_of_one_is_not_that_of_the_others(doubling: Doubling) -> None:
    doubling.go_on.set()
    doubling.error = ValueError("a negative number")
    results = await asyncio.gather(*await _calls(Batcher(doubling, largest=10), 1, -1, 3), return_exceptions=True)
    assert results == [2, doubling.error, 6]
    assert doubling.batches == [[1, -1, 3], [1], [-1], [3]]


async def test_what_is_away_is_away_for_all_and_asked_once(doubling: Doubling) -> None:
    doubling.go_on.set()
    doubling.error = DarkroomError(ErrorReason.UNAVAILABLE, "away")
    results = await asyncio.gather(*await _calls(Batcher(doubling, largest=10), 1, 2), return_exceptions=True)
    assert results == [doubling.error, doubling.error]
    assert doubling.batches == [[1, 2]]


async def test_a_cancelled_call_leaves_the_others_alone(doubling: Doubling) -> None:
    batched = Batcher(doubling, largest=10)
    first, second = await _calls(batched, 1, 2)
    while not doubling.batches:
        await asyncio.sleep(0)
    first.cancel()
    doubling.go_on.set()
    assert await second == 4
    assert await batched(3) == 6
