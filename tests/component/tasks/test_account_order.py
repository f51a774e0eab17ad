"""A task's place in its account's own queue, against the order in which the account's tasks are really offered."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from services.tasks.domain.order import account_order
from services.tasks.domain.order.account_order import AccountOrder
from services.tasks.model import Task
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import Scene

OTHER = 7_002


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def order(store: TaskStore, seconds: Seconds) -> AccountOrder:
    return AccountOrder(store, seconds)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queues of a few tasks are long."""
    monkeypatch.setattr(account_order, "_NEAR", 5)
    monkeypatch.setattr(account_order, "_SPACING", 7)


def ordered(tasks: Sequence[Task]) -> list[Task]:
    return sorted(tasks, key=lambda task: (-task.priority, task.id))


async def positions(order: AccountOrder, tasks: Sequence[Task]) -> list[int]:
    return [await order.position(task) for task in ordered(tasks)]


async def test_a_place_is_the_accounts_own_and_moves_with_the_head(scene: Scene, order: AccountOrder, clock: MovableClock) -> None:
    tasks = [await scene.create(priority=priority) for priority in (0, 0, 2, 1)]
    await scene.create(account_id=OTHER, priority=5)
    await scene.create(lane="neural")
    assert await positions(order, tasks) == [0, 1, 2, 3]
    first = next(task for task in await scene.take(3) if task.account_id == tasks[0].account_id)
    assert first.id == tasks[2].id
    assert await order.position(first) == 0
    left = await order.position(tasks[1])
    assert left < 3
    await scene.fail(first, run_at=clock.now.replace(hour=13))
    # Its retry is not due, but it will go before what is younger.
    assert await order.position(await scene.now(first)) == 0
    assert await order.position(tasks[1]) == left
    await scene.cancel(first)
    assert await order.position(await scene.now(first)) == 0


@pytest.mark.cases(1)
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_places_in_a_long_queue_move_with_its_head_and_its_end(
    scene: Scene, order: AccountOrder, store: TaskStore, seed: int
) -> None:
    chance = random.Random(seed)
    waiting = {task.id: task for task in [await scene.create(priority=chance.randrange(3)) for _ in range(60)]}
    top = 2
    for _ in range(6):
        assert await positions(order, list(waiting.values())) == list(range(len(waiting)))
        for task in await scene.take(chance.randrange(12)):
            del waiting[task.id]
        # Behind everything, and before it.
        top += 1
        for priority in chance.choices([0, top], k=4):
            task = await scene.create(priority=priority)
            waiting[task.id] = task


@pytest.mark.usefixtures("short")
async def test_what_changes_in_between_shows_when_the_queue_is_read_again(scene: Scene, order: AccountOrder, seconds: Seconds) -> None:
    tasks = [await scene.create() for _ in range(40)]
    assert await order.position(tasks[-1]) == 39
    for task in tasks[10:20]:
        await scene.cancel(task)
    assert await order.position(tasks[-1]) in range(29, 40)
    seconds.now += 60
    await order.position(tasks[-1])  # has it read again
    while (found := await order.position(tasks[-1])) != 29:
        assert found in range(29, 40)


@pytest.mark.usefixtures("short")
async def test_the_place_among_all_accounts_is_exact_in_a_long_queue_too(scene: Scene, order: AccountOrder) -> None:
    tasks = [await scene.create() for _ in range(30)]
    for _ in range(3):
        await scene.create(account_id=OTHER)
    assert await order.place(tasks[-1]) in (32, 33)
    assert await order.place(tasks[1]) in (2, 3)
    assert await order.place(await scene.running()) is None
