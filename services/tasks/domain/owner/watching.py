"""The stream of a task's events: none missed, none twice, none out of order.

The database holds the events; NATS delivers them sooner. A watcher opens its inbox first and then reads the stored events, so that whatever
happens in between is in one of the two. An event from NATS is passed on only if it is the next one; on a gap the stored events are read
again. Every few seconds one statement, for all watched tasks of this process, finds those with events that NATS did not bring.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from services.common.errors import DarkroomError, ErrorReason
from services.common.identity import Identity
from services.common.revocations import Revocations
from services.tasks.domain.owner.account_tasks import find_task
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.model import Task, TaskEvent
from services.tasks.store.tasks import TaskStore

_PAGE = 200


class Watching:
    """Serves watchers until their task ends, their key is revoked, or `stopping` is set."""

    def __init__(self, store: TaskStore, feed: EventFeed, revocations: Revocations, stopping: asyncio.Event) -> None:
        self._store, self._feed, self._revocations, self._stopping = store, feed, revocations, stopping

    async def look(self) -> bool:
        """Let watchers read what NATS did not bring them; False, since there is never more to do at once."""
        watched = self._feed.watched()
        if watched:
            self._feed.stored(await self._store.last_sequences(watched))
        return False

    async def watch(self, identity: Identity, task_id: int, after: int) -> AsyncGenerator[TaskEvent, None]:
        """The task's events after the number `after`, up to its terminal one.

        Raises TASK_NOT_FOUND; API_KEY_INVALID when the key is revoked meanwhile; UNAVAILABLE when this process stops, so that the client
        continues with another replica.
        """
        task = await find_task(self._store, identity.account_id, task_id)
        if task.state.terminal and after >= task.last_sequence:
            return
        async with self._feed.inbox(task_id) as inbox, self._revocations.watching(identity.key_id) as revoked:
            read = True
            while True:
                if read:
                    async for event in self._stored(task_id, after):
                        yield event
                        after = event.sequence
                        if event.state.terminal:
                            return
                await inbox.filled(revoked, self._stopping)
                if revoked.is_set():
                    raise DarkroomError(ErrorReason.API_KEY_INVALID, "The key was revoked.")
                if self._stopping.is_set():
                    raise DarkroomError(ErrorReason.UNAVAILABLE, "The service is restarting. Resume after the last event you received.")
                events, stored = inbox.take()
                read = False
                for event in events:
                    if event.sequence > after + 1:
                        read = True
                        break
                    if event.sequence == after + 1:
                        yield event
                        after = event.sequence
                        if event.state.terminal:
                            return
                read |= stored > after

    async def wait(self, identity: Identity, task_id: int, seconds: int, after: int | None = None) -> Task:
        """The task once it has ended or, with `after`, has an event after that number; otherwise as it is after `seconds`.

        The wait also ends when this process stops. Raises TASK_NOT_FOUND, and API_KEY_INVALID when the key is revoked meanwhile.
        """
        task = await find_task(self._store, identity.account_id, task_id)
        if seconds == 0 or task.state.terminal or (after is not None and task.last_sequence > after):
            return task
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(self.watch(identity, task_id, task.last_sequence)) as events:
                await self._first(events, after)
        return await find_task(self._store, identity.account_id, task_id)

    async def _first(self, events: AsyncIterator[TaskEvent], after: int | None) -> None:
        try:
            async for event in events:
                if event.state.terminal or (after is not None and event.sequence > after):
                    return
        except DarkroomError as error:
            if not self._stopping.is_set() or error.reason is not ErrorReason.UNAVAILABLE:
                raise

    async def _stored(self, task_id: int, after: int) -> AsyncIterator[TaskEvent]:
        while events := await self._store.events_after(task_id, after, limit=_PAGE):
            for event in events:
                yield event
            after = events[-1].sequence
            if len(events) < _PAGE:
                return
