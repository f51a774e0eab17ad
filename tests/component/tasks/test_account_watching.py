"""Watching all tasks of an account, on a real database. No loop runs here: the tests bring the news, look, and move the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.bus import Bus
from services.platform.database import Database
from services.platform.identity import Identity
from services.platform.revocations import Revocations
from services.tasks.domain.owner import account_inboxes, account_watching
from services.tasks.domain.owner.account_inboxes import AccountInboxes
from services.tasks.domain.owner.account_watching import AccountWatching, DeletedTask, Ready, Reset, Resumable, Update
from services.tasks.model import Task
from services.tasks.model.deletion import Deletion
from services.tasks.model.state import TaskState
from services.tasks.store.changes import ChangeStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, Scene

OTHER = 7_002
Watch = AsyncGenerator[Resumable, None]


class Watchers:
    """Watches one account."""

    def __init__(self, engine: AsyncEngine, revocations: Revocations, clock: MovableClock) -> None:
        self.inboxes = AccountInboxes()
        self._watching = AccountWatching(ChangeStore(Database(engine)), self.inboxes, revocations, asyncio.Event(), clock)

    def watch(self, after: datetime | None = None, batch_id: int | None = None) -> Watch:
        return self._watching.watch(Identity(ACCOUNT, 1), after=after, batch_id=batch_id)

    async def look(self) -> None:
        await self._watching.look()

    def here(self, task: Task | None) -> None:
        """Tell of a transition as the process that has made it does."""
        assert task is not None
        self.inboxes.put(task.account_id, task.id, task.last_sequence, task)

    def there(self, task: Task | None) -> None:
        """Tell of a transition as NATS does."""
        assert task is not None
        self.inboxes.put(task.account_id, task.id, task.last_sequence)


@pytest.fixture
async def watchers(clean_engine: AsyncEngine, bus: Bus, clock: MovableClock) -> AsyncIterator[Watchers]:
    async with Revocations(bus) as revocations:
        yield Watchers(clean_engine, revocations, clock)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_watching, "_SPACING", 0)


async def _next(watch: Watch, count: int = 1) -> list[Resumable]:
    async with asyncio.timeout(10):
        return [await anext(watch) for _ in range(count)]


async def _until_ready(watch: Watch) -> list[Resumable]:
    found: list[Resumable] = []
    while not found or not isinstance(found[-1], Ready):
        found += await _next(watch)
    return found[:-1]


def _tasks(updates: list[Resumable]) -> list[tuple[int, int]]:
    """Of updates that are tasks: which, and the numbers of their last events."""
    return [(update.task.id, update.task.last_sequence) for update in updates if isinstance(update, Update)]


async def test_a_watcher_begins_with_what_happens_from_now_on(scene: Scene, watchers: Watchers) -> None:
    past = await scene.create()
    watch = watchers.watch()
    assert await _until_ready(watch) == []
    # A look goes back some time, and brings nothing that was before.
    await watchers.look()
    there, here = await scene.create(), await scene.create()
    watchers.there(there)
    watchers.here(here)
    assert sorted(_tasks(await _next(watch, 2))) == [(there.id, 1), (here.id, 1)]
    watchers.there(past)
    watchers.there(await scene.cancel(past))
    [update] = await _next(watch)
    assert isinstance(update, Update)
    assert (update.task.id, update.task.state) == (past.id, TaskState.CANCELLED)
    await watch.aclose()


async def test_what_changes_fast_is_told_as_it_is_in_the_end(scene: Scene, watchers: Watchers) -> None:
    task = await scene.running()
    watch = watchers.watch()
    await _until_ready(watch)
    for step in range(1, 50):
        watchers.there(await scene.progress(task, step / 50))
    watchers.there(await scene.complete(task))
    [update] = await _next(watch)
    assert isinstance(update, Update)
    assert (update.task.state, update.task.last_sequence) == (TaskState.SUCCEEDED, 52)
    # Nothing else is on its way.
    watchers.there(await scene.create())
    assert len(_tasks(await _next(watch))) == 1
    await watch.aclose()


async def test_a_look_finds_what_nobody_told_of_and_brings_it_once(scene: Scene, watchers: Watchers, clock: MovableClock) -> None:
    watch = watchers.watch()
    await _until_ready(watch)
    first = await scene.create()
    await scene.create(account_id=OTHER)
    clock.advance(5)
    await watchers.look()
    [update] = await _next(watch)
    assert _tasks([update]) == [(first.id, 1)]
    # Its watcher resumes from the look.
    assert update.moment == clock()
    clock.advance(5)
    await watchers.look()
    second = await scene.create()
    watchers.there(second)
    assert _tasks(await _next(watch)) == [(second.id, 1)]
    await watch.aclose()


async def test_a_statement_that_commits_late_is_not_missed(scene: Scene, watchers: Watchers, clock: MovableClock) -> None:
    """Its moment is before that of the look before."""
    watch = watchers.watch()
    await _until_ready(watch)
    clock.advance(10)
    await watchers.look()
    clock.advance(-8)
    late = await scene.create()
    clock.advance(13)
    await watchers.look()
    [update] = await _next(watch)
    assert _tasks([update]) == [(late.id, 1)]
    await watch.aclose()
    resumed = watchers.watch(after=update.moment)
    assert (late.id, 1) in _tasks(await _until_ready(resumed))
    await resumed.aclose()


async def test_a_watcher_that_is_cut_off_after_any_update_resumes_without_a_gap(
    scene: Scene, watchers: Watchers, clock: MovableClock
) -> None:
    watch = watchers.watch()
    [ready] = await _next(watch)
    await watch.aclose()
    expected: dict[int, int] = {}
    for _ in range(6):
        clock.advance(15)
        task = await scene.running()
        expected[task.id] = task.last_sequence
    for cut in range(1, 7):
        watch = watchers.watch(after=ready.moment)
        updates = await _next(watch, cut)
        await watch.aclose()
        resumed = watchers.watch(after=updates[-1].moment)
        rest = await _until_ready(resumed)
        await resumed.aclose()
        assert dict(_tasks([*updates, *rest])) == expected, cut
        # What was long before is not told again.
        assert len(rest) <= 8 - cut


async def test_of_several_updates_that_come_together_none_is_lost_after_the_first(
    scene: Scene, watchers: Watchers, clock: MovableClock
) -> None:
    watch = watchers.watch()
    await _until_ready(watch)
    tasks = [await scene.create() for _ in range(5)]
    clock.advance(100)
    await watchers.look()
    [first] = await _next(watch)
    await watch.aclose()
    resumed = watchers.watch(after=first.moment)
    assert {task_id for task_id, _ in _tasks(await _until_ready(resumed))} == {task.id for task in tasks}
    await resumed.aclose()


async def test_what_cannot_be_resumed_is_read_again(
    scene: Scene, watchers: Watchers, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = clock()
    for _ in range(4):
        await scene.create()
    monkeypatch.setattr(account_watching, "_RESUMED", 3)
    too_many = watchers.watch(after=began)
    assert [type(update) for update in await _next(too_many, 2)] == [Reset, Ready]
    # It goes on from there.
    task = await scene.create()
    watchers.there(task)
    assert _tasks(await _next(too_many)) == [(task.id, 1)]
    await too_many.aclose()
    monkeypatch.setattr(account_watching, "_RESUMED", 10)
    watch = watchers.watch(after=began)
    assert len(_tasks(await _until_ready(watch))) == 5
    await watch.aclose()
    clock.advance(24 * 3600)
    too_old = watchers.watch(after=began)
    assert [type(update) for update in await _next(too_old, 2)] == [Reset, Ready]
    await too_old.aclose()
    clock.advance(-2 * 24 * 3600)
    of_the_future = watchers.watch(after=began)
    assert [type(update) for update in await _next(of_the_future, 2)] == [Reset, Ready]
    await of_the_future.aclose()


async def test_a_watcher_that_cannot_follow_reads_again(scene: Scene, watchers: Watchers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_inboxes.AccountInbox.__init__, "__defaults__", (2,))
    watch = watchers.watch()
    await _until_ready(watch)
    for _ in range(3):
        watchers.there(await scene.create())
    assert [type(update) for update in await _next(watch)] == [Reset]
    task = await scene.create()
    watchers.there(task)
    assert _tasks(await _next(watch)) == [(task.id, 1)]
    await watch.aclose()


async def test_deletions_are_told_once_by_the_process_that_made_them_and_by_the_log(
    scene: Scene, watchers: Watchers, clock: MovableClock
) -> None:
    task, another = await scene.in_state(TaskState.FAILED), await scene.in_state(TaskState.FAILED)
    watch = watchers.watch()
    [ready] = await _next(watch)
    await scene.store.delete(ACCOUNT, task.id)
    watchers.inboxes.delete(ACCOUNT, Deletion(task_id=task.id))
    await scene.store.delete(ACCOUNT, another.id)
    await watchers.look()
    deleted = await _next(watch, 2)
    assert [update.deletion.task_id for update in deleted if isinstance(update, DeletedTask)] == [task.id, another.id]
    # An event that arrives after the deletion of its task says no more.
    watchers.there(task)
    news = await scene.create()
    watchers.there(news)
    assert _tasks(await _next(watch)) == [(news.id, 1)]
    await watch.aclose()
    resumed = watchers.watch(after=ready.moment)
    updates = await _until_ready(resumed)
    assert [update.deletion.task_id for update in updates if isinstance(update, DeletedTask)] == [task.id, another.id]
    await resumed.aclose()
