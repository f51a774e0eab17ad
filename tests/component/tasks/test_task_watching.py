"""A watcher while NATS brings events late, early, twice or not at all. No relay runs here: the tests bring the events themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from services.platform.bus import Bus, event_subject
from services.platform.identity import Identity
from services.platform.revocations import Revocations
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.domain.owner.watching import Watching
from services.tasks.model import Task
from services.tasks.model.records import OutgoingEvent
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from services.tasks.surfaces.internal.events import pack_events, unpack_events
from tests.component.tasks.scene import ACCOUNT, Scene

Watch = AsyncGenerator[int, None]


class Watchers:
    """Watches; only NATS brings news, unless a test looks or tells the feed what happened in this process."""

    def __init__(self, store: TaskStore, bus: Bus, feed: EventFeed, revocations: Revocations) -> None:
        self._store, self._bus, self._feed = store, bus, feed
        self._watching = Watching(store, feed, revocations, asyncio.Event())

    async def look(self) -> None:
        await self._watching.look()

    async def watch(self, task: Task) -> Watch:
        async for event in self._watching.watch(Identity(ACCOUNT, 1), task.id, 0):
            yield event.sequence

    async def wait(self, task: Task, after: int | None = None, known: Task | None = None) -> Task:
        return await self._watching.wait(Identity(ACCOUNT, 1), task.id, 60, after, known=known)

    def watched(self) -> list[int]:
        return self._feed.task_ids()

    def here(self, task: Task | None) -> None:
        """Tell of a transition as the process that has made it does."""
        assert task is not None
        self._feed.put(OutgoingEvent.newest_of(task).event, task)

    async def bring(self, task: Task, *sequences: int) -> None:
        """Publish stored events, in this order."""
        events = {event.sequence: event for event in await self._store.events_after(task.id, 0, limit=100)}
        for sequence in sequences:
            [(_, message)] = pack_events([OutgoingEvent(events[sequence], ACCOUNT, [])])
            await self._bus.client.publish(event_subject(ACCOUNT, end=events[sequence].state.terminal), message)
        await self._bus.client.flush()


@pytest.fixture
async def watchers(store: TaskStore, bus: Bus) -> AsyncIterator[Watchers]:
    async with Revocations(bus) as revocations, EventFeed(bus, unpack_events) as feed:
        yield Watchers(store, bus, feed, revocations)


async def _next(watch: Watch, count: int) -> list[int]:
    async with asyncio.timeout(10):
        return [await anext(watch) for _ in range(count)]


async def test_a_gap_is_filled_from_the_database(scene: Scene, watchers: Watchers) -> None:
    task = await scene.create()
    watch = watchers.watch(task)
    assert await _next(watch, 1) == [1]
    await scene.start(task)
    await scene.progress(task, 0.5)
    await watchers.bring(task, 3)
    assert await _next(watch, 2) == [2, 3]
    await watch.aclose()


async def test_repeated_and_late_events_are_dropped(scene: Scene, watchers: Watchers) -> None:
    task = await scene.create()
    watch = watchers.watch(task)
    assert await _next(watch, 1) == [1]
    await scene.start(task)
    await scene.progress(task, 0.5)
    await watchers.bring(task, 1, 2, 1, 2, 3, 2)
    assert await _next(watch, 2) == [2, 3]
    await scene.complete(task)
    await watchers.bring(task, 3, 4)
    assert [sequence async for sequence in watch] == [4]


async def test_what_happens_in_this_process_needs_no_nats_and_is_not_told_twice(scene: Scene, watchers: Watchers) -> None:
    task = await scene.create()
    watches = [watchers.watch(task) for _ in range(2)]
    assert [await _next(watch, 1) for watch in watches] == [[1]] * 2
    watchers.here(await scene.start(task))
    assert [await _next(watch, 1) for watch in watches] == [[2]] * 2
    watchers.here(await scene.progress(task, 0.5))
    await watchers.bring(task, 2, 3)
    assert [await _next(watch, 1) for watch in watches] == [[3]] * 2
    # It ends in another replica.
    await scene.complete(task)
    await watchers.bring(task, 4)
    assert [[sequence async for sequence in watch] for watch in watches] == [[4]] * 2


async def test_who_waits_gets_the_task_that_this_process_ended_without_reading_it(
    scene: Scene, watchers: Watchers, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await scene.running()
    read = _counted(store, "get", monkeypatch)
    waits = [asyncio.create_task(watchers.wait(task)) for _ in range(3)]
    changed = asyncio.create_task(watchers.wait(task, after=2))
    async with asyncio.timeout(10):
        while len(read) < 4:
            await asyncio.sleep(0)
        # Late word of what each has read already.
        watchers.here(task)
        watchers.here(await scene.progress(task, 0.5))
        assert (await changed).progress == 0.5
        assert not any(wait.done() for wait in waits)
        watchers.here(await scene.complete(task))
        assert {wait.state for wait in await asyncio.gather(*waits)} == {TaskState.SUCCEEDED}
    assert len(read) == 4


async def test_who_has_created_a_task_waits_for_it_without_reading_it(
    scene: Scene, watchers: Watchers, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await scene.create()
    read = _counted(store, "get", monkeypatch)
    wait = asyncio.create_task(watchers.wait(task, known=task))
    async with asyncio.timeout(10):
        while not watchers.watched():
            await asyncio.sleep(0)
        started = await scene.start(task)
        watchers.here(started)
        watchers.here(await scene.complete(task))
        assert (await wait).state is TaskState.SUCCEEDED
        assert read == []
        # It may have ended since.
        assert (await watchers.wait(task, known=started)).state is TaskState.SUCCEEDED
    assert len(read) == 1


async def test_who_waits_reads_the_task_that_another_replica_ended(scene: Scene, watchers: Watchers) -> None:
    task = await scene.running()
    wait = asyncio.create_task(watchers.wait(task))
    async with asyncio.timeout(10):
        while not watchers.watched():
            await asyncio.sleep(0)
        await scene.complete(task)
        await watchers.bring(task, 3)
        assert (await wait).output_file_ids == [11]


async def test_more_events_than_one_read_are_all_given(scene: Scene, watchers: Watchers) -> None:
    task = await scene.running()
    for step in range(250):
        await scene.progress(task, 0.0, f"step {step}")
    await scene.complete(task)
    async with asyncio.timeout(30):
        assert [sequence async for sequence in watchers.watch(task)] == list(range(1, 254))


async def test_one_statement_finds_what_nats_did_not_bring_to_any_watcher(
    scene: Scene, watchers: Watchers, store: TaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [await scene.create() for _ in range(3)]
    watches = [watchers.watch(task) for task in (*tasks, *tasks)]
    assert [await _next(watch, 1) for watch in watches] == [[1]] * 6
    await scene.cancel(tasks[0])
    read, looked = _counted(store, "events_after", monkeypatch), _counted(store, "last_sequences", monkeypatch)
    await watchers.look()
    async with asyncio.timeout(10):
        assert [[sequence async for sequence in watch] for watch in (watches[0], watches[3])] == [[2]] * 2
    assert {call[0] for call in read} == {tasks[0].id}
    await watchers.look()
    # Of the task that has ended nobody waits for more; the others have no news, and nothing of theirs is read.
    assert [sorted(call[0]) for call in looked] == [sorted(task.id for task in tasks), sorted(task.id for task in tasks[1:])]
    assert {call[0] for call in read} == {tasks[0].id}
    for watch in watches:
        await watch.aclose()


def _counted(store: TaskStore, name: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of every call of a method from now on."""
    calls: list[tuple[Any, ...]] = []
    method = getattr(store, name)

    async def call(*arguments: Any, **named: Any) -> object:
        calls.append(arguments)
        return await method(*arguments, **named)

    monkeypatch.setattr(store, name, call)
    return calls
