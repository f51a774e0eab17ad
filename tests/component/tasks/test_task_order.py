"""Whose turn it is: accounts by class and fair share, an account's own tasks by priority and age, within the limits."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.tasks.model import Task
from services.tasks.model.records import PolicyChange, Slot
from services.tasks.model.state import TaskState
from services.tasks.store.policies import PolicyStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import LEASE, Scene

A, B, C = 7_001, 7_002, 7_003


@pytest.fixture
def policies(clean_engine: AsyncEngine) -> PolicyStore:
    return PolicyStore(Database(clean_engine))


async def queue(scene: Scene, account_id: int, count: int, priority: int = 0, lane: str = "system") -> list[Task]:
    return [await scene.create(account_id=account_id, priority=priority, lane=lane) for _ in range(count)]


async def turns(scene: Scene, count: int, *, batch: int = 1, max_running: int = 1000) -> list[int]:
    """The accounts of the next `count` tasks, in the order in which they are started; each is completed at once."""
    order: list[int] = []
    while len(order) < count:
        taken = await scene.take(batch, max_running=max_running)
        if not taken:
            break
        order += [task.account_id for task in taken]
        await finish(scene, taken)
    return order


async def finish(scene: Scene, tasks: Iterable[Task]) -> None:
    for task in tasks:
        assert await scene.complete(task, attempt=task.attempt) is not None


@pytest.mark.cases(1)
@pytest.mark.parametrize("batch", [1, 8])
async def test_ten_thousand_tasks_of_one_account_do_not_delay_anothers_one(scene: Scene, clean_engine: AsyncEngine, batch: int) -> None:
    await queue(scene, A, 1)
    async with clean_engine.begin() as connection:
        for statement in MULTIPLY:
            await connection.execute(statement)
    assert set(await turns(scene, 40, batch=batch)) == {A}
    [urgent] = await queue(scene, B, 1)
    assert urgent.id in [task.id for task in await scene.take(batch)]


# 9,999 further tasks like the one there is.
MULTIPLY = (
    text("""
INSERT INTO task SELECT (task).* FROM (
  SELECT jsonb_populate_record(task, jsonb_build_object('id', task.id + number)) AS task FROM task, generate_series(1, 9999) AS number
) AS copies
"""),
    text("UPDATE account_policy SET open = open + 9999"),
    text("UPDATE lane_account SET queued = queued + 9999"),
)


async def test_accounts_take_turns(scene: Scene) -> None:
    await queue(scene, A, 6)
    await queue(scene, B, 3)
    assert await turns(scene, 6) == [A, B] * 3
    assert await turns(scene, 9) == [A, A, A]


async def test_one_batch_is_as_fair_as_single_turns(scene: Scene) -> None:
    await queue(scene, A, 10)
    await queue(scene, B, 10)
    await queue(scene, C, 2)
    order = [task.account_id for task in await scene.take(12)]
    assert order == [A, B, C, A, B, C, A, B, A, B, A, B]


async def test_turns_go_by_weight(scene: Scene, policies: PolicyStore) -> None:
    await policies.change(A, PolicyChange(weight=3))
    await policies.change(C, PolicyChange(weight=0.5))
    for account_id in (A, B, C):
        await queue(scene, account_id, 40)
    order = await turns(scene, 45, batch=3)
    share = Counter(order)
    assert (share[A], share[B], share[C]) == (30, 10, 5)
    # And evenly: no stretch belongs to one account alone for longer than its share.
    assert all(B in order[start : start + 9] for start in range(0, 36))


async def test_a_larger_class_goes_strictly_first(scene: Scene, policies: PolicyStore) -> None:
    await queue(scene, A, 3)
    await turns(scene, 1)
    await policies.change(B, PolicyChange(priority_class=1))
    await queue(scene, B, 3)
    await queue(scene, C, 1, priority=1000)
    assert await turns(scene, 4) == [B, B, B, C]


async def test_a_class_is_changed_while_tasks_wait(scene: Scene, policies: PolicyStore) -> None:
    await queue(scene, A, 4)
    await queue(scene, B, 4)
    await turns(scene, 2)
    await policies.change(B, PolicyChange(priority_class=5))
    assert await turns(scene, 2) == [B, B]
    await policies.change(B, PolicyChange(priority_class=0))
    assert Counter(await turns(scene, 2)) == {A: 1, B: 1}


async def test_a_class_that_had_to_wait_is_fair_within(scene: Scene, policies: PolicyStore) -> None:
    await policies.change(A, PolicyChange(priority_class=1))
    await queue(scene, B, 4)
    await queue(scene, A, 20)
    assert set(await turns(scene, 20)) == {A}
    await queue(scene, C, 4)
    assert Counter(await turns(scene, 4)) == {B: 2, C: 2}


async def test_idleness_gives_no_credit(scene: Scene) -> None:
    await queue(scene, B, 1)
    await turns(scene, 1)
    await queue(scene, A, 40)
    await turns(scene, 20)
    # B has had 19 turns less than A, and C none; both begin where the last turn was, the one that was served less first.
    await queue(scene, B, 10)
    await queue(scene, C, 10)
    assert await turns(scene, 17) == [C, B, *[A, B, C] * 5]


async def test_work_done_alone_is_no_debt(scene: Scene) -> None:
    await queue(scene, A, 30)
    await turns(scene, 30)
    await queue(scene, B, 5)
    await queue(scene, A, 5)
    assert await turns(scene, 7) == [B, *[A, B] * 3]


async def test_priority_orders_an_accounts_own_tasks_only(scene: Scene) -> None:
    low, high = (await queue(scene, A, 1))[0], (await queue(scene, A, 1, priority=5))[0]
    [other] = await queue(scene, B, 1, priority=-5)
    assert [task.id for task in await scene.take(3)] == [high.id, other.id, low.id]


async def test_no_account_has_more_tasks_under_way_than_it_may(scene: Scene, policies: PolicyStore) -> None:
    await policies.change(B, PolicyChange(max_running=3))
    await queue(scene, A, 10)
    await queue(scene, B, 10)
    first = await scene.take(100, max_running=2)
    assert Counter(task.account_id for task in first) == {A: 2, B: 3}
    assert await scene.take(100, max_running=2) == []
    # Running, back to the queue, ended, cancelled: what is under way counts, and nothing else.
    mine = [task for task in first if task.account_id == B]
    await scene.complete(mine[0])
    await scene.fail(mine[1], run_at=scene.clock() + timedelta(hours=1))
    await scene.cancel(mine[2])
    again = await scene.take(100, max_running=2)
    assert Counter(task.account_id for task in again) == {B: 3}


async def test_the_limit_on_running_tasks_holds_over_all_lanes_at_once(scene: Scene) -> None:
    lanes = ("system", "neural", "document")
    for lane in lanes:
        await queue(scene, A, 12, lane=lane)
        await queue(scene, B, 12, lane=lane)
    under_way: Counter[int] = Counter()
    for _ in range(10):
        rounds = await asyncio.gather(*(scene.take(100, lane, max_running=5) for lane in lanes for _ in range(2)))
        under_way += Counter(task.account_id for batch in rounds for task in batch)
        if under_way.total() == 10:
            break
        assert max(under_way.values(), default=0) <= 5
    assert under_way == {A: 5, B: 5}


async def test_an_account_at_its_limit_saves_up_no_turns(scene: Scene) -> None:
    await queue(scene, A, 20)
    await queue(scene, B, 20)
    [held] = await scene.take(1, max_running=1)
    assert held.account_id == A
    assert await turns(scene, 10, max_running=1) == [B] * 10
    await scene.complete(held)
    assert await turns(scene, 7, max_running=2) == [A, *[A, B] * 3]


async def test_retries_that_are_still_to_come_are_in_nobodys_way(scene: Scene, clock: MovableClock) -> None:
    failing = await queue(scene, A, 20, priority=9)
    for task in await scene.take():
        await scene.fail(task, run_at=clock() + timedelta(seconds=60))
    [due] = await queue(scene, A, 1)
    [other] = await queue(scene, B, 1)
    taken = await scene.take(5)
    assert {task.id for task in taken} == {due.id, other.id}
    await finish(scene, taken)
    clock.advance(60)
    assert {task.id for task in await scene.take()} == {task.id for task in failing}


async def test_a_cancelled_retry_is_no_longer_waited_for(scene: Scene, clock: MovableClock) -> None:
    task = await scene.running(account_id=A)
    await scene.fail(task, run_at=clock() + timedelta(seconds=60))
    assert await scene.cancel(task) is not None
    clock.advance(60)
    assert await scene.take() == []
    assert (await scene.now(task)).state is TaskState.CANCELLED


async def test_replicas_at_once_are_as_fair_as_one(scene: Scene) -> None:
    await queue(scene, A, 60)
    await queue(scene, B, 15)
    taken = [task for batch in await asyncio.gather(*(scene.take(5) for _ in range(6))) for task in batch]
    assert len({task.id for task in taken}) == 30
    assert Counter(task.account_id for task in taken) == {A: 15, B: 15}


async def test_only_free_slots_are_filled(scene: Scene) -> None:
    await queue(scene, A, 10)
    assert [len(await scene.take(4)) for _ in range(3)] == [4, 4, 2]


async def test_each_task_goes_to_the_slot_of_its_turn(scene: Scene) -> None:
    low, high = (await queue(scene, A, 1))[0], (await queue(scene, A, 1, priority=5))[0]
    slots = [Slot(uuid.uuid4(), f"w{number}") for number in range(3)]
    now = scene.clock()
    taken = await scene.store.take("system", slots, max_running=10, lease_until=now + LEASE, now=now)
    assert [(task.id, task.run_id) for task in taken.tasks] == [(high.id, slots[0].run_id), (low.id, slots[1].run_id)]
    assert [(await scene.store.attempts(task.id))[0].worker for task in taken.tasks] == ["w0", "w1"]


async def test_it_is_known_whether_more_tasks_wait(scene: Scene) -> None:
    async def more(slots: int, max_running: int = 1000) -> bool:
        free, now = [Slot(uuid.uuid4(), "w") for _ in range(slots)], scene.clock()
        return (await scene.store.take("system", free, max_running=max_running, lease_until=now + LEASE, now=now)).more_wait

    assert not await more(1)
    await queue(scene, A, 4)
    assert await more(3)
    assert not await more(1)
    await queue(scene, B, 2)
    assert [await more(5, 1), await more(5, 1), await more(5)] == [True, True, False]
