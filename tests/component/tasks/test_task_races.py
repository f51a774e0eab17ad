"""Transitions that exclude each other, at the same time: exactly one wins, and the books are right afterwards."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.errors import ErrorReason
from services.tasks.model.state import TaskState
from services.tasks.store import order
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, Scene

ROUNDS = 20


async def test_a_task_is_started_once(scene: Scene) -> None:
    for _ in range(ROUNDS):
        task = await scene.create()
        admitted = await asyncio.gather(*(scene.start(task) for _ in range(5)))
        [winner] = [start for start in admitted if start is not None]
        assert winner.attempt == 1
        assert len(await scene.store.attempts(task.id)) == 1


async def test_cancel_and_complete_exclude_each_other(scene: Scene) -> None:
    states = set()
    for _ in range(ROUNDS):
        task = await scene.running()
        cancelled, completed = await asyncio.gather(scene.cancel(task), scene.complete(task))
        assert (cancelled is None) != (completed is None)
        after = await scene.now(task)
        states.add(after.state)
        assert after.output_file_ids == ([] if cancelled else [11])
        terminal = [event for event in await scene.events(task) if event.state.terminal]
        assert [event.state for event in terminal] == [after.state]
    assert states <= {TaskState.CANCELLED, TaskState.SUCCEEDED}


async def test_an_end_that_has_waited_for_a_start_ends_its_attempt(scene: Scene, clean_engine: AsyncEngine) -> None:
    for end in (scene.cancel, scene.expire):
        task = await scene.create()
        async with clean_engine.connect() as starting:
            now = scene.clock()
            start = {"lane": "system", "places": 1, "run_ids": [uuid.uuid4()], "workers": ["worker"], "max_running": 9}
            await starting.execute(order.TAKE, {**start, "lease_until": now, "now": now})
            ending = asyncio.create_task(end(task))
            await _somebody_waits_for_a_lock(clean_engine)
            await starting.commit()
        assert await ending
        [attempt] = await scene.store.attempts(task.id)
        assert (attempt.worker, attempt.outcome, attempt.end_time is None) == ("worker", (await scene.now(task)).state, False)


async def test_complete_and_reaping_exclude_each_other(scene: Scene, clock: MovableClock) -> None:
    for _ in range(ROUNDS):
        task = await scene.running()
        clock.advance(31)
        reaped, completed = await asyncio.gather(
            scene.fail(task, reason=ErrorReason.WORKER_LOST, lease_ended_by=clock()), scene.complete(task)
        )
        assert (reaped is None) != (completed is None)
        assert (await scene.now(task)).state is (TaskState.QUEUED if reaped else TaskState.SUCCEEDED)
        await scene.cancel(task)


async def test_reapers_at_once_end_an_attempt_once(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running()
    clock.advance(31)
    reaped = await asyncio.gather(*(scene.fail(task, reason=ErrorReason.WORKER_LOST, lease_ended_by=clock()) for _ in range(5)))
    assert sum(one is not None for one in reaped) == 1
    assert (await scene.now(task)).last_sequence == 3


async def test_a_deadline_and_a_result_exclude_each_other(scene: Scene) -> None:
    for _ in range(ROUNDS):
        task = await scene.running()
        expired, again, completed = await asyncio.gather(scene.expire(task), scene.expire(task), scene.complete(task))
        assert [expired, again, completed].count(None) == 2
        assert (await scene.now(task)).state is (TaskState.SUCCEEDED if completed else TaskState.FAILED)
        assert [event.state.terminal for event in await scene.events(task)].count(True) == 1
    await scene.create(max_open=1)


async def test_replicas_at_once_take_each_task_once(scene: Scene) -> None:
    tasks = {(await scene.create()).id for _ in range(50)}
    taken = await asyncio.gather(*(scene.take(12) for _ in range(6)))
    assert sorted(task.id for batch in taken for task in batch) == sorted(tasks)


async def test_creates_at_once_never_pass_the_limit(scene: Scene) -> None:
    created = await asyncio.gather(*(scene.create(max_open=7) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in created) == 7
    assert len(await scene.store.page(ACCOUNT, states=[], before_id=10**15, limit=100)) == 7


async def test_a_burst_of_everything_leaves_the_count_of_open_tasks_right(scene: Scene) -> None:
    tasks = [await scene.running() for _ in range(ROUNDS)]
    ends = [end(task) for task in tasks for end in (scene.cancel, scene.complete, scene.fail)]
    await asyncio.gather(*ends)
    still_open = [task for task in await scene.store.page(ACCOUNT, states=[], before_id=10**15, limit=100) if not task.state.terminal]
    limit = len(still_open) + 1
    await scene.create(max_open=limit)
    with pytest.raises(AssertionError):
        await scene.create(max_open=limit)


async def test_relays_at_once_take_each_event_once(scene: Scene, store: TaskStore, clock: MovableClock) -> None:
    for _ in range(40):
        await scene.create()
    later = clock.now.replace(hour=13)
    taken = await asyncio.gather(*(store.take_events(limit=15, retry_at=later, now=clock()) for _ in range(5)))
    keys = [(outgoing.event.task_id, outgoing.event.sequence) for batch in taken for outgoing in batch]
    assert len(keys) == len(set(keys)) == 40
    await store.events_relayed(taken[0])
    clock.now = later
    again = await store.take_events(limit=100, retry_at=later.replace(hour=14), now=clock())
    assert len(again) == 40 - len(taken[0])


async def _somebody_waits_for_a_lock(engine: AsyncEngine) -> None:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    async with asyncio.timeout(30), engine.connect() as connection:
        while not await connection.scalar(waiting):
            await connection.rollback()
            await asyncio.sleep(0.01)
