"""What one look finds for all loops, and whom it wakes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.clock import system_clock
from services.platform.database import Database
from services.platform.process import end
from services.tasks.domain.lifecycle.due_work import DueWorkFinder
from services.tasks.model.records import DueWork
from services.tasks.store.due import DueStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import DEADLINE, LEASE, Scene
from tests.virtual_time import run_in_virtual_time

AGE = timedelta(seconds=2)
MINUTE = timedelta(minutes=1)
NOTHING = DueWork([], has_events=False, has_leases=False, has_deadlines=False, has_deliveries=False)


@pytest.fixture
def due(clean_engine: AsyncEngine) -> DueStore:
    return DueStore(Database(clean_engine))


async def test_only_what_is_due_is_found(scene: Scene, due: DueStore, clock: MovableClock) -> None:
    async def found() -> DueWork:
        return await due.read(["system", "picture"], events_until=clock() - AGE, now=clock())

    async def lanes() -> list[str]:
        return list((await found()).lanes)

    assert await found() == NOTHING
    task = await scene.create(webhook_url="https://example.com/hook")
    assert await found() == DueWork(["system"], has_events=False, has_leases=False, has_deadlines=False, has_deliveries=False)
    clock.advance(AGE.total_seconds())
    assert (await found()).has_events
    await scene.store.events_relayed(await scene.store.take_events(limit=9, retry_at=clock() + MINUTE, now=clock()))
    assert [taken.id for taken in await scene.take()] == [task.id]
    assert await found() == NOTHING
    clock.advance(LEASE.total_seconds())
    assert (await found()).has_leases
    await scene.fail(task, run_at=clock() + MINUTE)
    assert await lanes() == []
    assert not (await found()).has_leases
    assert (await found()).has_retries
    clock.advance(MINUTE.total_seconds())
    assert await lanes() == ["system"]
    clock.advance(DEADLINE.total_seconds())
    assert (await found()).has_deadlines
    await scene.expire(task)
    last = await found()
    assert (last.lanes, last.has_deadlines, last.has_deliveries) == ([], False, True)


async def test_each_is_told_at_its_own_interval(due: DueStore, clock: MovableClock) -> None:
    often, seldom = list[DueWork](), list[DueWork]()
    finder = DueWorkFinder(due, ["system"], AGE, clock)
    finder.on_look(0.0, often.append)
    finder.on_look(60.0, seldom.append)
    for _ in range(3):
        assert not await finder.step()
    assert (often, seldom) == ([NOTHING] * 3, [NOTHING])


def test_at_rest_it_looks_a_quarter_as_often() -> None:
    async def looks_in(seconds: float) -> int:
        before = store.looks
        await asyncio.sleep(seconds)
        return store.looks - before

    async def at_rest_and_busy() -> tuple[int, int]:
        finder = DueWorkFinder(store, ["system"], AGE, system_clock)
        finder.on_look(0.5, lambda found: None)
        running = asyncio.create_task(finder.loop().run())
        await asyncio.sleep(60)
        resting = await looks_in(8)
        finder.note_event()
        busy = await looks_in(4)
        await end(running)
        return resting, busy

    store = Counted()
    resting, busy = run_in_virtual_time(at_rest_and_busy())
    assert 3 <= resting <= 5
    assert busy >= 7


class Counted:
    """In the place of the store; never finds anything."""

    looks = 0

    async def read(self, lanes: object, **times: object) -> DueWork:
        self.looks += 1
        return NOTHING
