"""How many tasks go before one, against the order in which they are really offered."""

from __future__ import annotations

import random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.tasks.model.records import Flow, PolicyChange
from services.tasks.store.policies import PolicyStore
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene

A, B, C = 7_001, 7_002, 7_003


async def place(store: TaskStore, task_id: int) -> int | None:
    found = await store.place(task_id)
    return None if found is None else found[0]


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_place_is_the_order_of_turns(scene: Scene, store: TaskStore, clean_engine: AsyncEngine, seed: int) -> None:
    chance = random.Random(seed)
    policies = PolicyStore(Database(clean_engine))
    await policies.change(A, PolicyChange(weight=2))
    await policies.change(C, PolicyChange(priority_class=1))
    tasks = [await scene.create(account_id=chance.choice([A, A, B, B, C]), priority=chance.randrange(3)) for _ in range(30)]
    await scene.take(5)
    places = {task.id: await place(store, task.id) for task in tasks}
    for index, task in enumerate(await scene.take()):
        found = places[task.id]
        assert found is not None
        # Exact but for turns of the same tag.
        assert abs(found - index) <= 1


async def test_only_a_task_that_waits_has_a_place(scene: Scene, store: TaskStore, clock: MovableClock) -> None:
    running = await scene.running(account_id=B)
    waiting = await scene.create()
    assert await place(store, waiting.id) == 0
    assert await place(store, running.id) is None
    await scene.fail(running, run_at=clock.now.replace(hour=13))
    assert await place(store, running.id) is None
    clock.now = clock.now.replace(hour=13)
    assert await scene.take(0) == []
    assert await place(store, running.id) == 1
    await scene.cancel(running)
    assert await place(store, running.id) is None
    assert await place(store, 1) is None


async def test_the_flow_counts_what_went_on_and_what_waits(scene: Scene, store: TaskStore) -> None:
    async def flow() -> Flow:
        return (await store.flows(["system"]))["system"]

    assert await flow() == Flow(0, waiting=False)
    for _ in range(6):
        await scene.create()
    assert await flow() == Flow(0, waiting=True)
    await scene.take(4)
    assert await flow() == Flow(4, waiting=True)
    assert [await store.waiting(*of) for of in ((A, "system"), (B, "system"), (A, "neural"))] == [2, 0, 0]
    await scene.take(4)
    assert await flow() == Flow(6, waiting=False)
    assert (await store.flows(["neural", "system"]))["neural"] == Flow(0, waiting=False)
