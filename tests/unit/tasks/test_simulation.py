"""Schedules of replicas, workers and what befalls them (`tests/simulation`): none loses a task, a slot, an end or a credit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from unittest.mock import patch

import pytest

from services.inference.worker.exchange import Exchange
from services.inference.worker.lease import Lease
from services.tasks.domain.lifecycle.attempts import Reaper
from services.tasks.domain.lifecycle.exchange import LaneExchange
from services.tasks.domain.lifecycle.worker_stream import WorkerStream
from services.tasks.model import Task
from services.tasks.store.order import OrderStore
from tests.harness.simulation_seed import SIMULATION_SEED
from tests.simulation.search import search
from tests.simulation.simulation import simulate

_SECONDS, _LONG_SECONDS = 20.0, 120.0
_LAST_LINES = 100
_MOST_SEEDS = 2000


@pytest.mark.parametrize("seconds", [_SECONDS, pytest.param(_LONG_SECONDS, marks=pytest.mark.thorough)])
def test_no_schedule_goes_wrong(seconds: float, record_property: Callable[[str, object], None]) -> None:
    first = SIMULATION_SEED + int(seconds) * 1_000_000
    count = 0
    for seed, problem in search(first, seconds):
        count += 1
        if problem:
            _, record = simulate(seed, traces=True)
            last = "\n".join(record[-_LAST_LINES:])
            pytest.fail(f"{problem}\n\nReplay it: python -m tests.simulation --seed {seed}\n\n{last}", pytrace=False)
    record_property("schedules", f"{count} from seed {first}")
    assert count


def test_a_seed_gives_the_same_schedule_each_time() -> None:
    one, other = simulate(17, traces=True), simulate(17, traces=True)
    assert one == other
    assert len(one[1]) > 50


async def _nothing(*_: object) -> bool:
    return False


def _repeats_no_ends(self: Exchange, begin: Callable[[Exchange], None] = Exchange._begin) -> None:
    begin(self)
    self._unsaid = []


async def _frees_only_if_none_is_held(self: LaneExchange, speaking: Collection[WorkerStream]) -> None:
    for stream in speaking:
        if not stream.again:
            continue
        asked, stream.again = stream.again, []
        if not await self._attempts.renew_leases(asked):
            stream.free += asked


def _hears_of_its_own_lane_only(self: LaneExchange, task: Task, on_change: Callable[..., None] = LaneExchange.on_change) -> None:
    if task.lane == self._lane:
        on_change(self, task)


def _looks_for_handed_back_tasks_later(self: LaneExchange, task: Task, on_change: Callable[..., None] = LaneExchange.on_change) -> None:
    looked_at = self._looked_at
    on_change(self, task)
    self._looked_at = looked_at


async def _goes_on_while_it_stops(self: Lease, work: Awaitable[None], _closing: asyncio.Event, protect: Any = Lease.protect) -> Any:
    return await protect(self, work, asyncio.Event())


async def _starts_one_too_many(
    self: OrderStore, *given: Any, take: Callable[..., Awaitable[Any]] = OrderStore.take, max_running: int, **named: Any
) -> Any:
    return await take(self, *given, max_running=max_running + 1, **named)


_LOST, _LEAKED, _LEFT = "has waited for", "known to be|has waited for", "nobody works on it"


@pytest.mark.parametrize(
    ("owner", "method", "broken", "problem"),
    [
        (LaneExchange, "on_look", lambda self: None, _LOST),
        (WorkerStream, "give_back", lambda self, run_id: None, _LEAKED),
        (Reaper, "step", _nothing, _LEFT),
        (Exchange, "_begin", _repeats_no_ends, _LEFT),
        (LaneExchange, "on_change", _looks_for_handed_back_tasks_later, _LOST),
        (Lease, "protect", _goes_on_while_it_stops, "still runs task"),
        *(
            pytest.param(*rare, marks=pytest.mark.thorough)
            for rare in (
                (LaneExchange, "on_change", _hears_of_its_own_lane_only, _LOST),
                (LaneExchange, "on_waiting", lambda self: None, _LOST),
                (LaneExchange, "_find_again", _frees_only_if_none_is_held, _LEAKED),
                (WorkerStream, "ask_again", lambda self, run_id: None, _LEAKED),
                (OrderStore, "take", _starts_one_too_many, "tasks under way"),
            )
        ),
    ],
)
def test_a_defect_is_found(owner: type, method: str, broken: Callable[..., Any], problem: str) -> None:
    with patch.object(owner, method, broken):
        problems = (found for seed in range(_MOST_SEEDS) if (found := simulate(seed)[0]))
        assert re.search(problem, next(problems))
