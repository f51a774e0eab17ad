"""Whatever happens to a batch at the same time: its counters are exact, its end is told once, and its account's books are right."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from tests.component.tasks.batches import Batches
from tests.component.tasks.books import Books
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.hooks import Hooks
from tests.component.tasks.receiver import Receiver
from tests.component.tasks.scene import ACCOUNT, ENFORCED, PRICE, Scene
from tests.component.tasks.test_task_counters import differences

OTHER = 7_002

WRONG_BATCHES = text("""
WITH counted AS (
  SELECT batch_id,
    count(*) FILTER (WHERE end_time IS NULL) AS open,
    count(*) FILTER (WHERE state = 'SUCCEEDED') AS succeeded,
    count(*) FILTER (WHERE state = 'FAILED') AS failed,
    count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled
  FROM task WHERE batch_id IS NOT NULL GROUP BY batch_id
)
SELECT batch.* FROM batch JOIN counted ON counted.batch_id = batch.id
WHERE (batch.open, batch.succeeded, batch.failed, batch.cancelled) <> (counted.open, counted.succeeded, counted.failed, counted.cancelled)
""")


@pytest.fixture
def batches(clean_engine: AsyncEngine, clock: MovableClock) -> Batches:
    return Batches(clean_engine, clock)


@pytest.fixture
def books(clean_engine: AsyncEngine, clock: MovableClock) -> Books:
    return Books(clean_engine, clock)


@pytest.fixture
def hooks(clean_engine: AsyncEngine, batches: Batches, scene: Scene, clock: MovableClock) -> Hooks:
    return Hooks(clean_engine, scene, clock)


async def wrong_batches(engine: AsyncEngine) -> list[object]:
    async with engine.connect() as connection:
        return list((await connection.execute(WRONG_BATCHES)).all())


@pytest.mark.cases(1)
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_over_batches(
    scene: Scene, batches: Batches, books: Books, hooks: Hooks, clean_engine: AsyncEngine, clock: MovableClock, seed: int
) -> None:
    chance = random.Random(seed)
    for account_id in (ACCOUNT, OTHER):
        await books.have(PRICE * 100, account_id)
    await hooks.add("http://127.0.0.1:9/")
    tasks: list[Task] = []

    async def create() -> None:
        lanes = ("system", "neural") if chance.random() < 0.5 else ("neural", "system")
        try:
            tasks.extend(await batches.create(6, account_id=chance.choice([ACCOUNT, OTHER]), lanes=lanes, terms=ENFORCED))
        except DarkroomError as error:
            assert error.reason is ErrorReason.INSUFFICIENT_CREDITS

    async def take() -> None:
        await scene.take(10, chance.choice(["system", "neural"]))

    async def act() -> None:
        task = await scene.now(chance.choice(tasks))
        match chance.randrange(7):
            case 0:
                await scene.cancel(task)
            case 1:
                await batches.cancel(task.batch_id, task.account_id)
            case 2 | 3 | 4:
                await scene.complete(task, task.attempt)
            case _:
                await scene.fail(task, task.attempt, attempts_allowed=chance.choice([1, 5]))

    await create()
    # One success and one cancel there are in any case.
    for lane in ("system", "neural"):
        await scene.take(10, lane)
    completed, cancelled, *_ = tasks
    assert await scene.complete(completed) is not None
    assert await scene.cancel(cancelled) is not None
    for _ in range(10):
        deeds = [create] * 2 + [take] * 4 + [act] * 30
        chance.shuffle(deeds)
        await asyncio.gather(*(deed() for deed in deeds))
    assert await wrong_batches(clean_engine) == []
    await asyncio.gather(*(batches.cancel(task.batch_id, task.account_id) for task in tasks))
    assert await wrong_batches(clean_engine) == []
    assert await differences(clean_engine) == []
    await books.assert_right(ACCOUNT, OTHER)
    ended = {await _ended_batch(batches, task) for task in tasks if task.account_id == ACCOUNT}
    told = [delivery.batch_id for delivery in await hooks.log() if delivery.event_type == "batch.completed"]
    assert sorted(ended) == sorted(batch_id or 0 for batch_id in told)
    states = {(await scene.now(task)).state for task in tasks}
    assert states >= {TaskState.SUCCEEDED, TaskState.CANCELLED}
    assert all(state.terminal for state in states)


async def _ended_batch(batches: Batches, task: Task) -> int:
    batch = await batches.store.get(task.account_id, task.batch_id or 0)
    assert batch is not None
    assert (batch.batch.open, batch.batch.end_time is None) == (0, False)
    return batch.batch.id


@pytest.mark.thorough
async def test_cancelling_while_all_tasks_complete(scene: Scene, batches: Batches, clean_engine: AsyncEngine) -> None:
    for _ in range(4):
        tasks = await batches.create(25)
        await scene.take()
        cancelling = asyncio.gather(*(batches.cancel(tasks[0].batch_id) for _ in range(2)))
        completed = await asyncio.gather(*(scene.complete(task) for task in tasks))
        # Each task has ended exactly once, by one or the other.
        ended = [task.id for task in completed if task is not None] + [task.id for by_one in await cancelling for task in by_one]
        assert sorted(ended) == [task.id for task in tasks]
        assert await wrong_batches(clean_engine) == []
        assert await differences(clean_engine) == []
        for task in tasks:
            assert [event.state.terminal for event in await scene.events(task)].count(True) == 1


async def test_credits_hold_for_the_whole_batch_at_once(batches: Batches, books: Books, clean_engine: AsyncEngine) -> None:
    await books.have(PRICE * 25)
    results = await asyncio.gather(*(batches.create(10, terms=ENFORCED) for _ in range(4)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, DarkroomError)]
    assert [error.reason for error in refused] == [ErrorReason.INSUFFICIENT_CREDITS] * 2
    assert await books.state() == (PRICE * 5, PRICE * 20)
    await books.assert_right(ACCOUNT)
    assert await differences(clean_engine) == []


async def test_open_tasks_are_limited_for_batches_at_once(batches: Batches, clean_engine: AsyncEngine) -> None:
    results = await asyncio.gather(*(batches.create(10, max_open=25) for _ in range(4)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, DarkroomError)]
    assert [error.reason for error in refused] == [ErrorReason.TOO_MANY_TASKS] * 2
    assert await differences(clean_engine) == []


async def test_the_end_of_a_batch_is_sent_with_the_batch(scene: Scene, batches: Batches, hooks: Hooks) -> None:
    async with Receiver() as receiver:
        [task] = await batches.create(1, webhook_url=receiver.url)
        await hooks.webhooks.default_secret(ACCOUNT)
        await scene.start(task)
        await scene.complete(task)
        await hooks.round()
    [request] = receiver.requests
    event = json.loads(request.body)
    assert event["type"] == "batch.completed"
    assert (event["data"]["id"], event["data"]["task_count"], event["data"]["counts"]) == (str(task.batch_id), 1, {"succeeded": 1})
