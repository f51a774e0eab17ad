"""What each transition does to an account's credits, and what the operator does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.model import LedgerKind, Task
from services.tasks.model.records import CreditTerms
from services.tasks.model.state import TaskState
from tests.component.tasks.books import Books
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, ENFORCED, PRICE, UNLIMITED, Scene

GRANT, RESERVE, SETTLE, RELEASE, REFUND = LedgerKind
STARTING = 100_000


@pytest.fixture
def books(clean_engine: AsyncEngine, clock: MovableClock) -> Books:
    return Books(clean_engine, clock)


@pytest.fixture
async def paying(scene: Scene, books: Books) -> Scene:
    """Tasks of an account that needs a balance, and has one."""
    scene.terms = ENFORCED
    await books.have(STARTING)
    return scene


@pytest.mark.cases(5)
@pytest.mark.parametrize("terms", [ENFORCED, UNLIMITED])
@pytest.mark.parametrize("state", TaskState)
async def test_entries_and_balance_in_every_state(paying: Scene, books: Books, state: TaskState, terms: CreditTerms) -> None:
    paying.terms = terms
    task = await paying.in_state(state)
    entries, available, reserved, charged = {
        TaskState.SUCCEEDED: ([(RESERVE, PRICE), (SETTLE, PRICE)], -PRICE, 0, PRICE),
        TaskState.FAILED: ([(RESERVE, PRICE), (RELEASE, PRICE)], 0, 0, 0),
        TaskState.CANCELLED: ([(RESERVE, PRICE), (RELEASE, PRICE)], 0, 0, 0),
    }.get(state, ([(RESERVE, PRICE)], -PRICE, PRICE, 0))
    assert await books.of(task.id) == entries
    assert task.charged_millicredits == charged
    assert all(entry.unlimited == terms.unlimited for entry in await books.entries() if entry.task_id is not None)
    assert await books.state() == ((STARTING, 0) if terms.unlimited else (STARTING + available, reserved))
    await books.assert_right(ACCOUNT)


@pytest.mark.parametrize(
    ("price", "expected", "delivered", "charged"),
    [
        (10_000, 4, 3, 7_500),
        (10_000, 3, 2, 6_666),
        (10_000, 3, 3, 10_000),
        (10_000, 3, 0, 0),
        (2, 3, 1, 0),
        (10_000, 1, 2, 10_000),
        (10_000, 0, 0, 10_000),
        (0, 2, 2, 0),
    ],
)
async def test_what_was_delivered_is_charged(paying: Scene, books: Books, price: int, expected: int, delivered: int, charged: int) -> None:
    task = await paying.running(price=price, expected_outputs=expected)
    done = await paying.complete(task, outputs=tuple(range(delivered)))
    assert done is not None
    assert (done.price_millicredits, done.charged_millicredits) == (price, charged)
    amounts = [(RESERVE, price), (SETTLE, charged), (RELEASE, price - charged)]
    assert await books.of(task.id) == [(kind, amount) for kind, amount in amounts if amount]
    assert await books.state() == (STARTING - charged, 0)


@pytest.mark.parametrize(
    ("expected", "delivered", "copies", "unchanged", "charged"),
    [(1, 1, 0, 1, 0), (1, 2, 1, 1, 0), (0, 1, 0, 1, 0), (4, 4, 0, 1, 7_500), (4, 5, 1, 3, 2_500), (3, 2, 0, 1, 3_333)],
)
async def test_what_is_unchanged_is_not_charged(
    paying: Scene, books: Books, expected: int, delivered: int, copies: int, unchanged: int, charged: int
) -> None:
    task = await paying.running(price=10_000, expected_outputs=expected)
    done = await paying.complete(task, outputs=tuple(range(delivered)), copies=copies, unchanged=unchanged)
    assert done is not None
    assert (done.charged_millicredits, done.unchanged) == (charged, not charged)
    assert [event.unchanged for event in await paying.events(task)][-2:] == [False, not charged]
    # A second report finds the end that there is.
    assert await paying.complete(task, outputs=tuple(range(delivered))) is None
    assert await books.of(task.id) == [
        (kind, amount) for kind, amount in ((RESERVE, 10_000), (SETTLE, charged), (RELEASE, 10_000 - charged)) if amount
    ]
    assert await books.state() == (STARTING - charged, 0)
    await books.assert_right(ACCOUNT)


async def test_a_retry_keeps_what_is_reserved_and_is_charged_once(paying: Scene, books: Books) -> None:
    task = await paying.running()
    await paying.fail(task)
    assert await books.state() == (STARTING - PRICE, PRICE)
    await paying.start(task)
    await paying.complete(task, attempt=2)
    assert await books.of(task.id) == [(RESERVE, PRICE), (SETTLE, PRICE)]


async def test_repeated_reports_change_nothing(paying: Scene, books: Books) -> None:
    for end in (paying.complete, paying.cancel):
        task = await paying.running()
        assert await end(task) is not None
        before = await books.entries()
        for again in (paying.complete, paying.cancel, paying.fail):
            assert await again(task) is None
        assert await books.entries() == before
    assert await books.state() == (STARTING - PRICE, 0)


async def test_a_worker_that_lost_its_lease_charges_nothing(paying: Scene, books: Books, clock: MovableClock) -> None:
    task = await paying.running(max_attempts=2)
    clock.advance(31)
    await paying.fail(task, reason=ErrorReason.WORKER_LOST, lease_ended_by=clock())
    await paying.start(task)
    assert await paying.complete(task, attempt=1) is None
    assert await books.of(task.id) == [(RESERVE, PRICE)]
    clock.advance(31)
    lost = await paying.fail(task, attempt=2, reason=ErrorReason.WORKER_LOST, lease_ended_by=clock())
    assert lost is not None
    assert lost.state is TaskState.FAILED
    assert await paying.complete(task, attempt=2) is None
    assert await books.of(task.id) == [(RESERVE, PRICE), (RELEASE, PRICE)]
    assert await books.state() == (STARTING, 0)


async def test_a_task_that_is_not_covered_leaves_nothing(scene: Scene, books: Books) -> None:
    scene.terms = ENFORCED
    assert await scene.try_create() is None
    assert await scene.try_create(price=0) is not None
    await books.have(PRICE - 1)
    with pytest.raises(DarkroomError) as refused:
        await scene.try_or_raise(max_open=5)
    assert (refused.value.reason, refused.value.metadata["missing_millicredits"]) == (ErrorReason.INSUFFICIENT_CREDITS, "1")
    assert await books.state() == (PRICE - 1, 0)
    await books.have(1)
    assert await scene.try_create() is not None
    assert await scene.try_create() is None
    assert await books.state() == (0, PRICE)


async def test_the_multiplier_is_fixed_at_creation_and_an_accounts_own_goes_first(paying: Scene, books: Books) -> None:
    async def created(price: int) -> Task:
        task = await paying.create(price=price)
        assert task.reserved_millicredits == task.price_millicredits
        return task

    paying.terms = CreditTerms(unlimited=False, multiplier_permille=1500)
    first = await created(1001)
    assert (first.multiplier_permille, first.price_millicredits) == (1500, 1501)
    await books.set_terms(ACCOUNT, unlimited=None, multiplier_permille=825)
    second = await created(1001)
    assert (second.multiplier_permille, second.price_millicredits) == (825, 825)
    assert await books.state() == (STARTING - 1501 - 825, 1501 + 825)
    await books.set_terms(ACCOUNT, unlimited=None, multiplier_permille=0)
    assert (await created(1001)).price_millicredits == 0
    await books.set_terms(ACCOUNT, unlimited=None, multiplier_permille=None)
    assert (await created(1001)).price_millicredits == 1501
    await paying.cancel(first)
    assert await books.of(first.id) == [(RESERVE, 1501), (RELEASE, 1501)]
    await books.assert_right(ACCOUNT)


async def test_terms_may_change_while_tasks_are_open(paying: Scene, books: Books) -> None:
    paid = [await paying.running() for _ in range(2)]
    await books.set_terms(ACCOUNT, unlimited=True, multiplier_permille=None)
    recorded = [await paying.running() for _ in range(2)]
    await books.set_terms(ACCOUNT, unlimited=False, multiplier_permille=None)
    assert await books.state() == (STARTING - 2 * PRICE, 2 * PRICE)
    for tasks in (paid, recorded):
        await paying.complete(tasks[0])
        await paying.cancel(tasks[1])
    assert await books.state() == (STARTING - PRICE, 0)
    await books.assert_right(ACCOUNT)


async def test_a_grant_is_given_once_a_reference(books: Books, clock: MovableClock) -> None:
    first = await books.grant(ACCOUNT, amount_millicredits=5_000, note="thanks", reference="order-7")
    clock.advance(60)
    again = await books.grant(ACCOUNT, amount_millicredits=5_000, note="other words", reference="order-7")
    assert again == first
    with pytest.raises(DarkroomError, match="order-7 has been used for another grant, of 5 credits") as refused:
        await books.grant(ACCOUNT, amount_millicredits=6_000, note="", reference="order-7")
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "reference")
    await books.grant(ACCOUNT + 1, amount_millicredits=6_000, note="", reference="order-7")
    for _ in range(2):
        await books.have(1)
    assert await books.state() == (5_002, 0)
    assert await books.state(ACCOUNT + 1) == (6_000, 0)


async def test_a_refund_gives_back_what_was_charged_once(paying: Scene, books: Books) -> None:
    task = await paying.running(expected_outputs=2)
    with pytest.raises(DarkroomError, match="has cost nothing"):
        await books.refund(task.id, note="")
    await paying.complete(task, outputs=(1,))
    first = await books.refund(task.id, note="sorry")
    assert (first.kind, first.amount_millicredits, first.note) == (REFUND, PRICE // 2, "sorry")
    assert await books.refund(task.id, note="again") == first
    assert await books.state() == (STARTING, 0)
    paying.terms = UNLIMITED
    unpaid = await paying.running()
    await paying.complete(unpaid)
    assert (await books.refund(unpaid.id, note="")).unlimited
    assert await books.state() == (STARTING, 0)
    cancelled = await paying.in_state(TaskState.CANCELLED)
    with pytest.raises(DarkroomError, match="has cost nothing"):
        await books.refund(cancelled.id, note="")


async def test_pages_of_the_ledger_follow_each_other(paying: Scene, books: Books, clock: MovableClock) -> None:
    for number in range(4):
        await books.have(number + 1)
        clock.advance(timedelta(minutes=1).total_seconds())
    await books.have(7, ACCOUNT + 1)
    first = await books.page(ACCOUNT, size=3, token="")
    await books.have(99)
    rest = await books.page(ACCOUNT, size=3, token=first.next_page_token)
    assert [entry.amount_millicredits for entry in first.entries + rest.entries] == [4, 3, 2, 1, STARTING]
    assert (bool(first.next_page_token), rest.next_page_token) == (True, "")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE account_policy SET available_millicredits = -1",
        "UPDATE account_policy SET reserved_millicredits = -1",
        "INSERT INTO ledger_entry (account_id, task_id, kind, amount_millicredits, unlimited, time)"
        " SELECT account_id, task_id, kind, amount_millicredits, unlimited, time FROM ledger_entry WHERE kind = 'RESERVE'",
    ],
)
async def test_the_database_itself_refuses_wrong_books(paying: Scene, clean_engine: AsyncEngine, change: str) -> None:
    await paying.create()
    async with clean_engine.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(text(change))
