"""The stream of a task's events: none missed, none twice, none out of order.

The database holds the events; the feed delivers them sooner. A watcher opens its inbox first and then reads the stored events, so that
whatever happens in between is in one of the two. An event from the feed is passed on only if it is the next one; on a gap the stored events
are read again. Every few seconds one statement, for all watched tasks of this process, finds those with events that the feed did not bring.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

from services.platform.identity import Identity
from services.platform.revocations import Revocations, Watcher
from services.tasks.domain.owner.account_tasks import find_task
from services.tasks.domain.owner.event_feed import EventFeed, Inbox
from services.tasks.domain.owner.interruptions import interruptible, shutdown_error
from services.tasks.model import Task, TaskEvent
from services.tasks.store.tasks import TaskStore

_PAGE = 200


class Watching:
    """Serves watchers until their task ends, their key is revoked or refreshed, or `stopping` is set."""

    def __init__(self, store: TaskStore, feed: EventFeed, revocations: Revocations, stopping: asyncio.Event) -> None:
        self._store, self._feed, self._revocations, self._stopping = store, feed, revocations, stopping

    async def look(self) -> bool:
        """Let watchers read what the feed did not bring them; False, since there is never more to do at once."""
        watched = self._feed.task_ids()
        if watched:
            self._feed.note_stored(await self._store.last_sequences(watched))
        return False

    async def watch(self, identity: Identity, task_id: int, after: int) -> AsyncGenerator[TaskEvent, None]:
        """The task's events after the number `after`, up to its terminal one.

        Raises TASK_NOT_FOUND; what `Watcher.check` does when the key is revoked or refreshed meanwhile; UNAVAILABLE when this process
        stops, so that the client continues with another replica.
        """
        task = await find_task(self._store, identity.account_id, task_id)
        if task.state.terminal and after >= task.last_sequence:
            return
        async with self._inbox(identity, task_id) as (inbox, watcher):
            read = True
            while True:
                if read:
                    async for event in self._stored(task_id, after):
                        yield event
                        after = event.sequence
                        if event.state.terminal:
                            return
                await _news(inbox, watcher)
                if self._stopping.is_set():
                    raise shutdown_error()
                news = inbox.take()
                read = False
                for event in news.events:
                    if event.sequence > after + 1:
                        read = True
                        break
                    if event.sequence == after + 1:
                        yield event
                        after = event.sequence
                        if event.state.terminal:
                            return
                read |= news.last_stored > after

    async def wait(self, identity: Identity, task_id: int, seconds: int, after: int | None = None, *, known: Task | None = None) -> Task:
        """The task once it has ended or, with `after`, has an event after that number; otherwise its state after `seconds`.

        `known` is the task as the caller has created it just now, which is then not read again.

        The wait also ends when this process stops. Raises TASK_NOT_FOUND, and what `Watcher.check` does when the key is revoked or
        refreshed meanwhile.
        """
        if known is not None and known.state.terminal:
            return known
        if seconds == 0:
            return await find_task(self._store, identity.account_id, task_id)
        async with self._inbox(identity, task_id) as (inbox, watcher):
            # One that has just been created cannot have ended before the inbox was opened.
            task = known if known is not None and known.last_sequence == 1 else await find_task(self._store, identity.account_id, task_id)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not (task.state.terminal or (after is not None and task.last_sequence > after)):
                        await _news(inbox, watcher)
                        if self._stopping.is_set():
                            break
                        news = inbox.take()
                        if news.task is not None:
                            task = max(task, news.task, key=lambda known: known.last_sequence)
                        elif (
                            after is not None or news.last_stored > task.last_sequence or any(event.state.terminal for event in news.events)
                        ):
                            task = await find_task(self._store, identity.account_id, task_id)
                    else:
                        return task
        return await find_task(self._store, identity.account_id, task_id)

    @asynccontextmanager
    async def _inbox(self, identity: Identity, task_id: int) -> AsyncIterator[tuple[Inbox, Watcher]]:
        """An inbox whose owner is also woken when this process stops or the key is revoked or refreshed, and the watcher of the latter."""
        async with (
            self._feed.inbox(task_id) as inbox,
            interruptible(self._revocations, identity, self._stopping, inbox.wake) as watcher,
        ):
            yield inbox, watcher

    async def _stored(self, task_id: int, after: int) -> AsyncIterator[TaskEvent]:
        while events := await self._store.events_after(task_id, after, limit=_PAGE):
            for event in events:
                yield event
            after = events[-1].sequence
            if len(events) < _PAGE:
                return


async def _news(inbox: Inbox, watcher: Watcher) -> None:
    """Wait for something to happen. Raises what `Watcher.check` does."""
    await inbox.wait()
    watcher.check()
