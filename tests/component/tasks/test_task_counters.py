"""The counters that order and admission go by are what counting the tasks gives, whatever happened at the same time."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.tasks.model import Task
from services.tasks.model.records import PolicyChange
from services.tasks.model.state import TaskState
from services.tasks.store.policies import PolicyStore
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene

ACCOUNTS = (7_001, 7_002, 7_003)
LANES = ("system", "neural")

DIFFERENCES = text("""
WITH by_account AS (
  SELECT account_id,
    count(*) FILTER (WHERE state IN ('QUEUED', 'RUNNING')) AS open,
    count(*) FILTER (WHERE state = 'RUNNING') AS running
  FROM task GROUP BY account_id
), by_lane AS (
  SELECT lane, account_id, count(*) FILTER (WHERE state = 'QUEUED' AND run_at IS NULL) AS queued FROM task GROUP BY lane, account_id
)
SELECT 'account_policy' AS counter, kept.account_id, kept.open, counted.open, kept.running, counted.running
FROM account_policy AS kept FULL JOIN by_account AS counted USING (account_id)
WHERE (kept.open, kept.running) IS DISTINCT FROM (counted.open::int, counted.running::int)
UNION ALL
SELECT 'lane_account', account_id, kept.queued, counted.queued, NULL, NULL
FROM lane_account AS kept FULL JOIN by_lane AS counted USING (lane, account_id)
WHERE kept.queued IS DISTINCT FROM counted.queued::int OR kept.waiting IS DISTINCT FROM (kept.queued > 0)
""")


async def differences(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(DIFFERENCES)).all())


@pytest.mark.cases(1)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_counters_are_exact_after_a_storm(scene: Scene, clean_engine: AsyncEngine, clock: MovableClock, seed: int) -> None:
    chance = random.Random(seed)
    tasks: list[Task] = []
    policies = PolicyStore(Database(clean_engine))

    async def create() -> None:
        tasks.append(await scene.create(account_id=chance.choice(ACCOUNTS), lane=chance.choice(LANES), priority=chance.randrange(3)))

    async def take() -> None:
        await scene.take(5, chance.choice(LANES), max_running=8)

    async def reclassify() -> None:
        await policies.change(chance.choice(ACCOUNTS), PolicyChange(weight=chance.choice([1, 2]), priority_class=chance.randrange(2)))

    async def act() -> None:
        """Whatever comes to mind with any task; the guards sort out what may happen."""
        task = await scene.now(chance.choice(tasks))
        match chance.randrange(4):
            case 0:
                await scene.cancel(task)
            case 1:
                await scene.complete(task, task.attempt)
            case _:
                run_at = clock() + timedelta(seconds=chance.choice([0, 0, 3600]))
                reason = ErrorReason.UNAVAILABLE
                await scene.fail(task, task.attempt, reason=reason, attempts_allowed=chance.choice([1, 5, 5]), run_at=run_at)

    # One success and one cancel there are in any case.
    tasks += [await scene.running(), await scene.create()]
    assert await scene.complete(tasks[0]) is not None
    assert await scene.cancel(tasks[1]) is not None
    await create()
    for _ in range(12):
        deeds = [create] * 8 + [take] * 4 + [act] * 24 + [reclassify]
        chance.shuffle(deeds)
        await asyncio.gather(*(deed() for deed in deeds))
    assert await differences(clean_engine) == []
    assert {task.state for task in [await scene.now(task) for task in tasks]} > {TaskState.SUCCEEDED, TaskState.CANCELLED}
    clock.advance(3600)
    for task in tasks:
        await scene.cancel(task)
    assert await differences(clean_engine) == []
    async with clean_engine.connect() as connection:
        left = (await connection.execute(text("SELECT sum(open), sum(running) FROM account_policy"))).one()
        queued = (await connection.execute(text("SELECT sum(queued), bool_or(waiting) FROM lane_account"))).one()
    assert (*left, *queued) == (0, 0, 0, False)


async def test_the_storm_would_be_noticed(scene: Scene, clean_engine: AsyncEngine) -> None:
    await scene.create()
    assert await differences(clean_engine) == []
    async with clean_engine.begin() as connection:
        await connection.execute(text("UPDATE lane_account SET queued = queued + 1"))
        await connection.execute(text("UPDATE account_policy SET running = running + 1"))
    assert len(await differences(clean_engine)) == 2


async def test_changes_to_one_task_at_once_are_counted_once(scene: Scene, clean_engine: AsyncEngine) -> None:
    for _ in range(15):
        waiting, first = await scene.create(), await scene.create()
        await scene.take(1)
        await asyncio.gather(scene.cancel(waiting), scene.cancel(first), scene.take(), scene.start(first), scene.cancel(waiting))
        assert await differences(clean_engine) == []
        await asyncio.gather(scene.cancel(waiting), scene.cancel(first))


async def test_an_accounts_only_task_is_taken_and_cancelled_at_once(scene: Scene, clean_engine: AsyncEngine, clock: MovableClock) -> None:
    for round_number in range(40):
        task = await scene.create() if round_number % 2 else await scene.running()
        if task.state is TaskState.RUNNING:
            await scene.fail(task, run_at=clock() + timedelta(seconds=1))
            clock.advance(1)
        [_, cancelled] = await asyncio.gather(scene.take(), scene.cancel(task))
        assert cancelled is not None
        assert await differences(clean_engine) == []


async def test_two_replicas_that_start_and_complete_the_same_tasks_at_once_do_so_once(
    scene: Scene, clean_engine: AsyncEngine, clock: MovableClock
) -> None:
    """Each replica takes them in one statement, in opposite orders."""
    other = Scene(TaskStore(Database(clean_engine)), clock)
    tasks = [await scene.create(account_id=ACCOUNTS[number % 3]) for number in range(40)]
    both = [*((scene, task) for task in tasks), *((other, task) for task in reversed(tasks))]
    started = await asyncio.gather(*(replica.take(7) for replica in (scene, other) * 3))
    assert sorted(task.id for batch in started for task in batch) == [task.id for task in tasks]
    completed = await asyncio.gather(*(replica.complete(task, outputs=(task.id,)) for replica, task in both))
    assert sorted((task.id, *task.output_file_ids) for task in completed if task is not None) == [(task.id, task.id) for task in tasks]
    assert await differences(clean_engine) == []
