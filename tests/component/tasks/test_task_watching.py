"""A watcher while NATS brings events late, early, twice or not at all. No relay runs here: the tests bring the events themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta

import pytest

from services.common.bus import Bus, event_subject
from services.common.identity import Identity
from services.common.revocations import Revocations
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.domain.owner.watching import Watching
from services.tasks.model import Task
from services.tasks.model.records import OutgoingEvent
from services.tasks.store.tasks import TaskStore
from services.tasks.surfaces.internal.events import packed, unpacked
from tests.component.tasks.scene import ACCOUNT, Scene

NEVER = timedelta(hours=1)
Watch = AsyncGenerator[int, None]


class Watchers:
    """Watches by an interval of choice; with NEVER, only NATS brings news."""

    def __init__(self, store: TaskStore, bus: Bus, feed: EventFeed, revocations: Revocations) -> None:
        self._store, self._bus, self._feed, self._revocations = store, bus, feed, revocations

    async def watch(self, task: Task, interval: timedelta = NEVER) -> Watch:
        watching = Watching(self._store, self._feed, self._revocations, interval, asyncio.Event())
        async for event in watching.watch(Identity(ACCOUNT, 1), task.id, 0):
            yield event.sequence

    async def bring(self, task: Task, *sequences: int) -> None:
        """Publish stored events, in this order."""
        events = {event.sequence: event for event in await self._store.events_after(task.id, 0, limit=100)}
        for sequence in sequences:
            [(_, message)] = packed([OutgoingEvent(events[sequence], ACCOUNT, [])])
            await self._bus.client.publish(event_subject(ACCOUNT, end=events[sequence].state.terminal), message)
        await self._bus.client.flush()


@pytest.fixture
async def watchers(store: TaskStore, bus: Bus) -> AsyncIterator[Watchers]:
    async with Revocations(bus) as revocations, EventFeed(bus, unpacked) as feed:
        yield Watchers(store, bus, feed, revocations)


async def _next(watch: Watch, count: int) -> list[int]:
    async with asyncio.timeout(10):
        return [await anext(watch) for _ in range(count)]


async def test_a_gap_is_filled_from_the_database(scene: Scene, watchers: Watchers) -> None:
    task = await scene.create()
    watch = watchers.watch(task)
    assert await _next(watch, 1) == [1]
    await scene.dispatch()
    await scene.start(task)
    await watchers.bring(task, 3)
    assert await _next(watch, 2) == [2, 3]
    await watch.aclose()


async def test_repeated_and_late_events_are_dropped(scene: Scene, watchers: Watchers) -> None:
    task = await scene.create()
    watch = watchers.watch(task)
    assert await _next(watch, 1) == [1]
    await scene.dispatch()
    await scene.start(task)
    await watchers.bring(task, 1, 2, 1, 2, 3, 2)
    assert await _next(watch, 2) == [2, 3]
    await scene.complete(task)
    await watchers.bring(task, 3, 4)
    assert [sequence async for sequence in watch] == [4]


async def test_more_events_than_one_read_are_all_given(scene: Scene, watchers: Watchers) -> None:
    task = await scene.running()
    for step in range(250):
        await scene.progress(task, 0.0, f"step {step}")
    await scene.complete(task)
    async with asyncio.timeout(30):
        assert [sequence async for sequence in watchers.watch(task)] == list(range(1, 255))


async def test_without_nats_the_database_is_read_again(scene: Scene, watchers: Watchers) -> None:
    task = await scene.create()
    watch = watchers.watch(task, timedelta(seconds=0.05))
    assert await _next(watch, 1) == [1]
    await scene.cancel(task)
    async with asyncio.timeout(10):
        assert [sequence async for sequence in watch] == [2]
