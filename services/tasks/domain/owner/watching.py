"""The stream of a task's events: none missed, none twice, none out of order.

The database holds the events; NATS brings them sooner. A watcher opens its inbox first and then reads the stored events, so that whatever
happens in between is in one of the two. An event from NATS is passed on only if it is the next one; on a gap, and every few seconds, the
stored events are read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import timedelta

from darkroom.tasks.v1 import task_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.identity import Identity
from services.common.revocations import Revocations
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.store.models import Task
from services.tasks.store.tasks import TaskStore
from services.tasks.surfaces.native.messages import event_message, state_of

_PAGE = 200


class Watching:
    """Serves watchers until their task ends, their key is revoked, or `stopping` is set."""

    def __init__(
        self, store: TaskStore, tasks: AccountTasks, feed: EventFeed, revocations: Revocations, interval: timedelta, stopping: asyncio.Event
    ) -> None:
        self._store, self._tasks, self._feed = store, tasks, feed
        self._revocations, self._interval, self._stopping = revocations, interval, stopping

    async def watch(self, identity: Identity, task_id: int, after: int) -> AsyncGenerator[task_pb2.TaskEvent, None]:
        """The task's events after the number `after`, up to its terminal one.

        Raises TASK_NOT_FOUND; API_KEY_INVALID when the key is revoked meanwhile; UNAVAILABLE when this process stops, upon which the client
        goes on at another one.
        """
        task = await self._tasks.get(identity.account_id, task_id)
        if task.state.terminal and after >= task.last_sequence:
            return
        async with self._feed.inbox(task_id) as inbox, self._revocations.watching(identity.key_id) as revoked:
            read = True
            while True:
                if read:
                    async for event in self._stored(task_id, after):
                        yield event
                        after = event.sequence
                        if _terminal(event):
                            return
                read = not await inbox.filled(revoked, self._stopping, seconds=self._interval.total_seconds())
                if revoked.is_set():
                    raise DarkroomError(ErrorReason.API_KEY_INVALID, "The key was revoked.")
                if self._stopping.is_set():
                    raise DarkroomError(ErrorReason.UNAVAILABLE, "The service restarts. Watch again after the last event you have.")
                for event in inbox.take():
                    if event.sequence > after + 1:
                        read = True
                        break
                    if event.sequence == after + 1:
                        yield event
                        after = event.sequence
                        if _terminal(event):
                            return

    async def wait(self, identity: Identity, task_id: int, seconds: int, after: int | None = None) -> Task:
        """The task once it has ended or, with `after`, has an event after that number; at the latest after `seconds`, as it is then.

        When this process stops, that ends the wait too. Raises TASK_NOT_FOUND, and API_KEY_INVALID when the key is revoked meanwhile.
        """
        task = await self._tasks.get(identity.account_id, task_id)
        if seconds == 0 or task.state.terminal or (after is not None and task.last_sequence > after):
            return task
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(self.watch(identity, task_id, task.last_sequence)) as events:
                await self._first(events, after)
        return await self._tasks.get(identity.account_id, task_id)

    async def _first(self, events: AsyncIterator[task_pb2.TaskEvent], after: int | None) -> None:
        try:
            async for event in events:
                if _terminal(event) or (after is not None and event.sequence > after):
                    return
        except DarkroomError as error:
            if not self._stopping.is_set() or error.reason is not ErrorReason.UNAVAILABLE:
                raise

    async def _stored(self, task_id: int, after: int) -> AsyncIterator[task_pb2.TaskEvent]:
        while events := await self._store.events_after(task_id, after, limit=_PAGE):
            for event in events:
                yield event_message(event)
            after = events[-1].sequence
            if len(events) < _PAGE:
                return


def _terminal(event: task_pb2.TaskEvent) -> bool:
    return state_of(event.state).terminal
