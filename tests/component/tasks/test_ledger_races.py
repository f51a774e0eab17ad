"""Credits under concurrency: nothing is spent twice, nothing is lost, nothing goes below zero."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from unittest.mock import Mock

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.tasks.model import LedgerKind, Task
from services.tasks.model.records import PolicyChange
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.policies import PolicyStore
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.books import Books
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, ENFORCED, PRICE, UNLIMITED, Scene

ACCOUNTS = (ACCOUNT, ACCOUNT + 1, ACCOUNT + 2)


@pytest.fixture
def books(clean_engine: AsyncEngine, clock: MovableClock) -> Books:
    return Books(clean_engine, clock)


async def test_fifty_creates_at_once_spend_what_there_is(scene: Scene, books: Books) -> None:
    scene.terms = ENFORCED
    await books.have(7 * PRICE + PRICE // 2)
    created = await asyncio.gather(*(scene.try_create() for _ in range(50)))
    assert sum(task is not None for task in created) == 7
    assert await books.state() == (PRICE // 2, 7 * PRICE)
    await books.assert_right(ACCOUNT)


async def test_an_accounts_first_creates_and_grant_at_once(scene: Scene, books: Books) -> None:
    """There is no account_policy row to wait for yet."""
    scene.terms = ENFORCED
    for account_id in range(ACCOUNT, ACCOUNT + 10):
        creates = [scene.try_create(account_id=account_id) for _ in range(4)]
        *created, _ = await asyncio.gather(*creates, books.have(2 * PRICE, account_id))
        accepted = sum(task is not None for task in created)
        assert accepted <= 2
        assert await books.state(account_id) == ((2 - accepted) * PRICE, accepted * PRICE)


async def test_replicas_that_remember_an_account_with_room_decide_by_what_it_has(
    clean_engine: AsyncEngine, clock: MovableClock, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = [Scene(TaskStore(Database(clean_engine)), clock) for _ in range(3)]
    await books.have(100 * PRICE)
    for scene in scenes:
        scene.terms = ENFORCED
        await scene.create()
    locked = Mock(wraps=scenes[0].store._create)
    monkeypatch.setattr(scenes[0].store, "_create", locked)
    await scenes[0].create()
    locked.assert_not_called()

    # Another price, then fewer credits, and a limit, that none of them has seen.
    ledger = LedgerStore(Database(clean_engine))
    await ledger.set_terms(ACCOUNT, unlimited=None, multiplier_permille=2000)
    assert (await scenes[0].create()).reserved_millicredits == 2 * PRICE
    locked.assert_called_once()
    created = await asyncio.gather(*(scene.try_create() for _ in range(20) for scene in scenes))
    assert sum(task is not None for task in created) == 47
    assert await books.state() == (0, 100 * PRICE)

    await ledger.set_terms(ACCOUNT, unlimited=True, multiplier_permille=2000)
    await PolicyStore(Database(clean_engine)).change(ACCOUNT, PolicyChange(max_open=60))
    created = await asyncio.gather(*(scene.try_create() for _ in range(20) for scene in scenes))
    assert sum(task is not None for task in created) == 60 - 52
    await books.assert_right(ACCOUNT)


async def test_ends_at_once_settle_or_release_once(scene: Scene, books: Books) -> None:
    scene.terms = ENFORCED
    await books.have(20 * PRICE)
    for _ in range(20):
        task = await scene.running()
        ends = [scene.complete(task), scene.cancel(task), scene.fail(task, attempts_allowed=1), scene.complete(task)]
        random.shuffle(ends)
        ended = [one for one in await asyncio.gather(*ends) if one is not None]
        assert len(ended) == 1
        kinds = [kind for kind, _ in await books.of(task.id)]
        assert kinds == [LedgerKind.RESERVE, LedgerKind.SETTLE if ended[0].charged_millicredits else LedgerKind.RELEASE]
    await books.assert_right(ACCOUNT)


async def test_grants_and_refunds_at_once_are_given_once(scene: Scene, books: Books) -> None:
    grants = await asyncio.gather(*(books.grant(ACCOUNT, amount_millicredits=9_000, note="", reference="r") for _ in range(10)))
    assert len({grant.id for grant in grants}) == 1
    scene.terms = ENFORCED
    task = await scene.running()
    await scene.complete(task)
    refunds = await asyncio.gather(*(books.refund(task.id, note="") for _ in range(10)))
    assert len({refund.id for refund in refunds}) == 1
    assert await books.state() == (9_000, 0)


@pytest.mark.cases(1)
@pytest.mark.parametrize("seed", range(6))
async def test_random_lives_leave_the_books_right(scene: Scene, books: Books, clock: MovableClock, seed: int) -> None:
    chance = random.Random(seed)
    open_tasks: list[Task] = []

    async def create() -> None:
        account_id = chance.choice(ACCOUNTS)
        task = await scene.try_create(
            account_id=account_id,
            price=chance.choice((0, 1, 999, PRICE, 10_000)),
            expected_outputs=chance.randrange(4),
            max_attempts=chance.randrange(1, 4),
            max_open=20,
        )
        if task is not None:
            open_tasks.append(task)

    async def grant() -> None:
        await books.have(chance.randrange(1, 3 * PRICE), chance.choice(ACCOUNTS))

    async def change_terms() -> None:
        multiplier = chance.choice((None, 0, 333, 2500))
        await books.set_terms(chance.choice(ACCOUNTS), unlimited=chance.choice((None, None, True)), multiplier_permille=multiplier)

    async def worker() -> None:
        for started in await scene.take(chance.randrange(1, 10)):
            attempt, outputs = started.attempt, tuple(range(chance.randrange(4)))
            reports = [partial(scene.complete, started, attempt, outputs)] * chance.randrange(3)
            reports += [partial(scene.fail, started, attempt)] * chance.randrange(2)
            if not reports:
                clock.advance(31)
                reports = [partial(scene.fail, started, attempt, reason=ErrorReason.WORKER_LOST, lease_ended_by=clock())]
            chance.shuffle(reports)
            await asyncio.gather(*(report() for report in reports))

    async def cancel() -> None:
        if open_tasks:
            await scene.cancel(chance.choice(open_tasks))

    async def refund() -> None:
        for account_id in ACCOUNTS:
            settled = [entry for entry in await books.entries(account_id) if entry.kind is LedgerKind.SETTLE]
            if settled:
                await books.refund(chance.choice(settled).task_id or 0, note="")

    steps = [create] * 6 + [worker] * 3 + [cancel] * 2 + [grant, change_terms, refund]
    for _ in range(12):
        scene.terms = chance.choice((ENFORCED, ENFORCED, UNLIMITED))
        await asyncio.gather(*(chance.choice(steps)() for _ in range(16)))
        await books.assert_right(*ACCOUNTS)
    for task in open_tasks:
        await scene.cancel(task)
    await books.assert_right(*ACCOUNTS)
    assert [reserved for _, reserved in [await books.state(account_id) for account_id in ACCOUNTS]] == [0, 0, 0]
